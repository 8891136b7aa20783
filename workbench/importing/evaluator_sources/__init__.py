"""Evaluators with the meaning of promptfoo's assertions, copied into a project that needs them.

promptfoo_text.py        equals, contains, regex, starts-with, is-refusal, latency, …
promptfoo_documents.py   is-json, contains-json, is-xml, contains-xml
promptfoo_overlap.py     levenshtein, bleu, gleu, rouge-n

The expected value is the setting `value`, or stands in the column that `expected_column` names.
To a row that has none an evaluator doesn't apply.
"""
