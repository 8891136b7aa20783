"""Results of a variant: from scores to counts, means and intervals.

types.py     rows, counts, metrics, comparisons; their JSON
tally.py     running totals while rows arrive
"""
