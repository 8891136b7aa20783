"""The standard library of evaluators, one function a file."""
