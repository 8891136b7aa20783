"""A packaged variant, rendered and answered as it was evaluated, and its HTTP server.

This package and those that it imports are also a wheel of their own, `prompt-workbench-serving`,
which lies inside every packaged variant.
"""
