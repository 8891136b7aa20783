"""The built-in providers, found through the same entry points as anyone's plug-in."""
