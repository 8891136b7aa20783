"""Child processes that are asked in JSON lines."""
