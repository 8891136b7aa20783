"""Evaluators over the finished outputs of a variant, in a child process.

adapter.py      MLflow's metrics and scorers as evaluator functions
cells.py        one score per row, computed once and stored
environment.py  the environment variables that the child process gets
pool.py         the parent's side of the child process
stream.py       scoring in a thread while other rows are still being answered
worker.py       the child process
"""
