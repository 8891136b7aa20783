"""The MLflow side: tracking store, prompt registry, runs, traces.

backlog.py           messages that wait for MLflow
bulk.py              traces written straight into an SQLite store
client_writer.py     traces written by MLflow's client
evaluate.py          scores handed to mlflow.models.evaluate, and MLflow's table
human_feedback.py    people's ratings on the traces of their answers
live_recordings.py   recordings that go on, each with the process that records it
loaded_prompt.py     `workbench.load_prompt`
mlflow_client.py     MLflow's client: secrets, time-outs, retries, log levels
mlflow_lookup.py     registered prompts, datasets and variants of earlier runs
moved_store.py       artifact addresses of a moved or copied store
page_addresses.py    addresses of MLflow's pages
parent_artifacts.py  comparison and charts of an invocation
parent_page.py       names, descriptions, metrics and order of an invocation's runs
protocol.py          messages between a run and its recorder
provenance.py        git commit, Python, platform and packages
rating_process.py    the main process's side of the process that records ratings
rating_worker.py     that process
record_state.py      answers that a run holds, and its status
recorded_rows.py     rows of a recorded variant, read back
recorded_runs.py     recorded invocations, read back
recorder.py          recording of one invocation
recording_process.py the main process's side of the recording process
registry.py          prompts and their versions, registered once
row_records.py       rows of a plan as records
row_trace.py         a row as MLflow's entities
rows_parquet.py      all rows of a large variant
run_data.py          parameters, metrics and tags of a variant's run
run_names.py         short names of runs
runs.py              the parent run and one run per variant
server.py            a server's answer and version, before anything is written
server_group.py      MLflow's server, which ends with `workbench ui`
storable_records.py  records that every tracking store takes
store_file.py        an SQLite store, created or copied
trace_tables.py      rows of MLflow's tables
trace_writers.py     the faster of two trace writers that a store supports
tracking_store.py    the tracking store or server, created if missing
ui_server.py         `workbench ui`
variant_run.py       one variant's run
worker.py            the recording process
writer_comparison.py the two trace writers compared, on an empty copy of a store

Callers import the module they need, so that a command without MLflow does not load it.
"""
