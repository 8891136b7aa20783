"""Evaluators over the finished outputs of a variant, in child processes.

adapter.py  MLflow's metrics and scorers as evaluator functions
cells.py    one score per row, computed once and stored
pool.py     the child processes
stream.py   scoring in a thread while other rows are still being answered
worker.py   a child process itself
"""
