"""Figures of matplotlib, drawn without pyplot and without MLflow.

confusion_figures.py expected and answered labels
cost_figures.py      a metric against cost, latency or tokens
figure_style.py      colours, sizes, names of variants, files
history_figures.py   a metric over the last invocations
mean_figures.py      a metric's means with intervals, best first

Each function returns a `matplotlib.figure.Figure`: a notebook shows it, `save_figures` writes it.
Importing matplotlib is slow, so callers import the module they need.
"""
