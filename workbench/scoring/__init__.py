"""Evaluators over the finished outputs of a variant, in child processes.

adapter.py           MLflow's metrics and scorers as evaluator functions
answer_reader.py     completions read as the settings of their models say
autoevals_scorer.py  scorers of the package autoevals as evaluator functions
cells.py             one score per row, or per variant, computed once and stored
column_metric.py     MLflow's metrics with one value for all rows
evaluator_process.py the main process's side of a child process
mlflow_metric.py     MLflow's metrics with their settings; those with a value of each row
pool.py              the child processes, by the evaluators that they have
required_settings.py settings that a factory of evaluators can't do without
row_arguments.py     the data arguments of rows as JSON, shared by evaluators, and keys of scores
score_batches.py     rows sent to the child processes in batches, the next while scores are stored
scored_rows.py       scored rows read again from the store
stream.py            scoring in a thread while other rows are still being answered
tally_process.py     half of the variants tallied by a forked process
worker.py            a child process itself
"""
