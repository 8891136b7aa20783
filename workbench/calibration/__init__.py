"""Judges compared with people: their labels, and how often a judge agrees with them.

labels.py        labels from a file, a column, or ratings, matched with the answers of a plan
calibration.py   agreement, kappa and the rest, over all answers and by variant
"""
