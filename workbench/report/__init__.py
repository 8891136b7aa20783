"""What people look at: the terminal and the JSON of a finished invocation."""
