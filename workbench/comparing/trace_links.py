"""Traces of rows in MLflow, for readers of a comparison.

links.find(variant, row)    "1/tr-9f86…"             experiment and trace
links.address()             "http://127.0.0.1:5000"
"""

from workbench.plan import Variant
from workbench.results.types import Row


class TraceLinks:
    """The traces of recorded rows. This base class knows none."""

    def find(self, variant: Variant, row: Row) -> str:  # noqa: ARG002
        """Return the ids of the experiment and the trace that shows a row's answer.

        Empty: no trace is known to show it.
        """
        return ""

    def address(self) -> str:
        """Return the address of MLflow's pages; empty: nothing is known to serve them."""
        return ""
