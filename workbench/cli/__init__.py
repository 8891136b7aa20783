"""The command line: parse, call, print. Every command imports what it needs when it is called.

app.py      the app, its errors and exit codes      run.py      run, plan, ui
prompts.py  prompts list, show, diff, lint, …       fetch.py    models and data: list, add
compare.py  compare: variants beside each other         gate.py     gate: whether a change may go in
decide.py   decide: which variant to take
sync.py     sync: what MLflow does not hold yet
store.py    store stats, explain, prune, repair, export
"""

from workbench.cli.app import main

__all__ = ["main"]
