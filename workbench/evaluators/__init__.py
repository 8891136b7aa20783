"""The library of evaluators, one function a file."""
