"""Variants compared with each other on the same rows.

metrics.py        each metric of a variant compared with its baseline's: difference and verdict
times.py          metrics of time, compared where both variants met the same load
selectors.py      the variants that a user's names select, and the pairs to compare
changed_rows.py   the rows whose values changed, with both answers
confusion.py      expected answers, counted by the label that the evaluator read
slices.py         comparisons by value of a column; the test that a difference is the same in all
cross.py          the factors that variants cross
factors.py        effects of prompt, model and parameters, and their interactions
value_table.py    one metric's values of all variants, and the effects of factors on them
comparison.py     all comparisons of an experiment, out of the store
gate.py           the gate of an experiment file
checks.py         one rule of a gate on one variant
growth.py         a gate that asks for more rows until it is decided
decision.py       which variant to take
candidates.py     the variants of a decision, and the decision in words
history.py        recorded runs of each variant over time, and what was edited between them
run_pairs.py      each recorded run compared with the one before
race.py           variants that drop out while the others run on
power.py          rows and repeats that a comparison needs
row_patterns.py   suspect labels, and rows in which no variant differs
"""
