"""Results of a variant: from scores to counts, means and intervals.

column_score.py  one score of all answers of a variant
score_column.py  one evaluator's scores of a variant
serialize.py     results as JSON
tally.py         running totals while rows arrive
types.py         rows, counts, metrics, comparisons
"""
