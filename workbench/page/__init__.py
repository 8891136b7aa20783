"""The page of a comparison: one document, as a file and before a live server.

The document is page.html with page.css and the scripts of js/, which become one inline script whose
digest is in its Content-Security-Policy. Its data are JSON, in blocks that no browser executes:

    <script type="application/json" id="data">   the summary and, as `index`, the index
    <script type="application/json" id="rows-0">  row details 0 to 199; rows-1: 200 to 399; …
    <script type="application/json" id="more-0">  of the same rows: {"number", "more"}
    <script type="application/json" id="shared">  messages that many rows have, by number

The summary has everything but rows: experiment, dataset, metrics, variants with their results and
comparisons, slices, prompt diffs, confusion tables, and the numbers of rows that were left out.

The index has columns over all rows, a row being one answer of each variant (repeats apart), so that
the page filters, orders and counts without the texts:

    {"rows": 3, "suspect": [[2], []], "variants": [{"states": "003", "outputs": "001",
      "metrics": [{"values": "01-", "errors": []}, {"values": [12, 3.5, null], "errors": [1]}]}]}

states    a digit per row: 0 ok, 1 truncated, 2 refused, 3 failed, 4 not run
outputs   a character per row, from "0": the first variant with the same output
values    of a metric: "0", "1" and "-" for pass or fail; a character from "0" for each category;
          else numbers of six digits; "-" and null: no value
errors    rows on which the evaluator failed
suspect   of each metric, the dataset's rows that all strong variants get wrong
slices    a character per row of the dataset, from "0": its slice; "-": none that is shown
rated     of each variant, the rows that people rated `good` and `bad`; empty: none is rated

Row details are read by number:

    {"number": 17, "id": "r17", "repeat": 0, "inputs": ["…"], "expected": "yes",
     "images": ["data:…"], "cells": [{"text": "no", "state": "", "scores": [0.0, 12.0],
       "tokens": [120, 8], "latency": 0.21, "cost": 0.0001, "trace": "1/tr-9f86…",
       "ratings": [{"person": "ann", "good": false, "comment": "too long"}]}, null]}

and what only an opened row shows, `more` of the row, a list by variant:

    [{"reasons": ["expected yes", ""], "prompt": [["system", "…"], ["user", "…"]]}, null]

A cell is null where nothing was sent; `state` is empty for a scored answer, else the reason of the
failure. Tokens, latency (seconds), cost, trace (with its experiment) and ratings are left out where
they are unknown; the summary's `mlflow` is the address of MLflow's pages, or empty. In the script a
source reads rows: `rows(numbers)` is a promise of details in this order, `more(number)` one of the
rest of a row, `search(text)` one of ascending numbers. The source of the file, js/source.js, reads
the blocks.

page_summary   everything but the rows
page_slices    the slices of the summary
index          the index
rows           row details
cell_ratings   people's ratings
row_images     images of rows
row_blocks     the rows that fit into a file
page_document  the document, and the file with the rows that fit
"""
