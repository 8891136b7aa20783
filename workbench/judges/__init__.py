"""Judges: prompts that models answer with a verdict on an answer.

    - rubric: "Polite, and names the right team."      an entry under `evaluators:`

entries.py    the shape of an entry; experiment/judges.py finds its prompt and models
judge.py      a judge, its digest, and the score of its verdicts
requests.py   the requests that ask for verdicts
verdict.py    the verdict in a reply
prompts/      the judges of the package
"""
