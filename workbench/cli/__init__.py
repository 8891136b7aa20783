"""The command line. Each command imports what it needs when it is called.

app.py      the app, its groups of commands, errors and exit codes
run.py      run, plan, ui               setup.py    from arguments to a project and a plan
sync.py     sync                        signals.py  Ctrl-C while requests are in flight
compare.py  compare                     output.py   stdout, stderr and files, without secrets
decide.py   decide
gate.py     gate
prompts.py  prompts list, show, diff, lint, push, pull
catalog.py  models and data: list, add; evaluators
store.py    store stats, explain, prune, repair, export

project_secrets.py  the keys that experiment files name
unrecorded.py       runs that MLflow lacks, named after each command
"""

from workbench.cli.app import main

__all__ = ["main"]
