"""Child processes that answer in JSON lines.

child.py           the pipes to one child process, and its end
parent_pipe.py     the child's side: the pipes to its parent
worker_process.py  a child process that is started when needed and ended when it is late
"""
