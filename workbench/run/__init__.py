"""One invocation: plan, complete, score, record.

grow.py         a gate that asks for rows until it is decided
invocation.py   the steps of `workbench run`
pending.py      notes of invocations that MLflow does not hold yet
pipeline.py     each completion scored, counted and recorded as it arrives
summary.py      counts, race, problems, exit code
"""
