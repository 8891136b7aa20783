"""The loop of `workbench run --watch`: a save, what changed is run, the difference from before.

watched_files.py   the folders and files that decide an experiment
save_watcher.py    paths that were saved, from the system or by looking at them
file_changes.py    saved, new and deleted files by name
stable_files.py    waits until an editor has written a file to its end
spending.py        refuses models that may cost money where nothing limits them
loop_state.py      a plan run to its end, without MLflow
watch_loop.py      the loop itself
"""
