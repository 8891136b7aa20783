"""Results on a terminal, as JSON, and as files."""
