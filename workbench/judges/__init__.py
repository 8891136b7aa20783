"""Judges: prompts that models answer with a verdict on an answer.

    - rubric: "Polite, and names the right team."      an entry under `evaluators:`

entries.py          the shape of an entry; experiment/judge_loader.py finds its prompt and models
judge.py            a judge, its digest, and the score of its verdicts
judge_record.py     its agreement with people, as the last calibration measured it
judge_requests.py   the requests that ask for verdicts
judgment.py         the verdict in a reply
prompts/            the judges of the package
"""
