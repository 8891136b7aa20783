"""The command line. Each command imports what it needs when it is called.

app.py      the app, its groups of commands, errors and exit codes
run.py      run, plan, ui               setup.py    from arguments to a project and a plan
sync.py     sync                        signals.py  Ctrl-C while requests are in flight
compare.py  compare                     output.py   stdout and stderr, without secrets
view.py     view
decide.py   decide
gate.py     gate
prompts.py  prompts list, show, diff, lint, push, pull
catalog.py  models and data: list, add; evaluators
store.py    store stats, explain, prune, repair, export
history.py  history

environment.py      errors of the operating system and our own, and the limit of open files
output_file.py      files that a user names for results
project_secrets.py  the keys that experiment files name
results.py          a run's results, printed
unrecorded.py       runs that MLflow lacks, named after each command
"""

from workbench.cli.app import main

__all__ = ["main"]
