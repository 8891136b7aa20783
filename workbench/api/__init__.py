"""Workbench in Python: `import workbench as wb`.

run.py       run, plan                     results.py   Results
evaluate.py  evaluate: answers scored      outcomes.py  Comparison, Decision, Preview, ShownRow
recorded.py  load_results, from MLflow     frames.py    data frames

opening.py       a call's experiment, opened     task_files.py     a call as the folder of a task
cell_source.py   a notebook's function           data_rows.py      a notebook's rows
python_words.py  errors in the words of Python   html_tables.py    tables for a notebook
progress_line.py progress in a notebook        shown_figures.py  figures for a notebook
arguments.py     a call's arguments, checked
"""
