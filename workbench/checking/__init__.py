"""Checks before anything is paid for: `prompts lint`, `plan` and `run` all go through them.

A finding that can't be right is refused; one that is likely a mistake is noted.

template_text   a template's text: other engines' placeholders, chat markup, roles as text
documents       a file of another tool as a template
rendered_rows   its rendered rows: empty messages, equal rows, columns without content
choice_rows     choices of rows: the right one among them, a space before them
expectations    expected values: missing, impossible to match, cut by a limit
shown_answers   a column that equals the expected value, in a template that uses it
small_slices    slices of few rows
binary_labels   MLflow's metrics of one label: no row expects it
judged_rows     judges: variables that no row has, a judge of the candidate's family
finding         a finding, and what becomes of it
"""

from workbench.checking.expectations import Answering, expected_findings
from workbench.checking.finding import Finding, accept
from workbench.checking.judged_rows import judge_findings
from workbench.checking.rendered_rows import RenderedRows, explain_hidden
from workbench.checking.small_slices import slice_findings
from workbench.checking.template_text import template_findings

__all__ = [
    "Answering",
    "Finding",
    "RenderedRows",
    "accept",
    "expected_findings",
    "explain_hidden",
    "judge_findings",
    "slice_findings",
    "template_findings",
]
