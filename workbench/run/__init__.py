"""One invocation: plan, complete, score, record.

cut_inputs.py   prompts that a server seems to have cut off
grow.py         a gate that asks for rows until it is decided
invocation.py   the steps of `workbench run`
pending.py      notes of invocations that MLflow does not hold yet
pipeline.py     each completion scored, counted and recorded as it arrives
single_row.py   a plan of one row through one prompt on one model
stored_results.py  rows and comparison files for the record, read from the store
streamed_model.py  a model whose answer is passed on while it comes
summary.py      counts, race, problems, exit code
tried_row.py    one row completed and scored, without a record
"""
