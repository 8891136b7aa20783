"""Confidence intervals, tests, and verdicts on differences.

agreement.py   interval of a difference, in agreement with the word of its test
best_variant.py  the best of several variants: support, estimate after choosing, Pareto front
blocks.py      times compared in blocks of rows asked together
bootstrap.py   interval of a statistic of a whole column
bounded.py     bounds on a mean whose worst value may not have been seen yet
components.py  variance between rows, between answers and between judgements
effects.py     tests of main effects and interactions in a cross of factors
interaction.py test that a difference is the same in all slices of the rows
joint_means.py true means of several variants on the same rows: empirical Bayes
leader.py      evidence that a variant is not the best, by bets on the leader
means.py       a metric's mean and its interval
paired_tests.py  tests of paired differences; interval of pass or fail
pairs.py       paired difference of two variants: interval and test, once or at every look
quantiles.py   median and 95th percentile of answer times
repeats.py     pass@k and pass^k of repeated rows
sample.py      rows, repeats, clusters and scale of a sample
sequential.py  anytime-valid tests and confidence sequences of a mean
skewness.py    Student's t for means of skewed values
unconditional.py  exact one-sided tests of pass or fail
verdicts.py    better, worse, equivalent, not enough evidence; sample sizes
"""
