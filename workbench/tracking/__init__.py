"""The MLflow side: tracking store, prompt registry, runs, traces.

bulk.py              traces written straight into an SQLite store
client_settings.py   time-outs, retries and log levels of MLflow's client
client_writer.py     traces written by MLflow's own client
evaluate.py          scores handed to mlflow.models.evaluate
past_runs.py         the variants that a finished run recorded
protocol.py          messages between the run and its recorder
recorder.py          one invocation in MLflow
recording_process.py the parent's side of the recording process
registry.py          prompts and their versions
run_traces.py        the traces of a run, written and read back
runs.py              the parent run and one run per variant
tracking_store.py    the tracking store or server, created if missing
ui_server.py         `workbench ui`
variant_run.py       one variant's run
worker.py            the recording process

Callers import the module they need, so that a command without MLflow does not load it.
"""
