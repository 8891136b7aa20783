"""Served requests and feedback, written to MLflow through an outbox on disk.

types.py           served calls, feedback, and the outbox's interface
trace_settings.py  the share of requests, their texts, the folder
feedback_body.py   the body of `POST /feedback`
folder_outbox.py   the outbox in a folder
served_records.py  calls and feedback as JSON
trace_texts.py     texts without secrets, and not too long
segments.py        append-only files of records
sent_state.py      the sender's progress
sender_process.py  the server's side of the sender
sender.py          the sender: a process
sending.py         its loop: batches, retries, refusals
mlflow_traces.py   records written by MLflow's calls
served_trace.py    a call as MLflow's entities
call_span.py       spans, shared with evaluation

The server's process loads none of the last three but `call_span`: they import MLflow.
"""
