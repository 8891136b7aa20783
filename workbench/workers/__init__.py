"""Child processes that answer in JSON lines.

parent_pipe.py     the child's side: the pipes to its parent
model_code.py      whether MLflow may run the code that lies in a model
garbage.py         garbage collection, paused while a process imports
worker_process.py  a child process that is started when needed and ended when it is late
"""
