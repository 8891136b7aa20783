"""One invocation: plan, complete, score, record."""
