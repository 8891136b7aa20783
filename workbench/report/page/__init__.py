"""A comparison as one HTML file: opens without a network, and runs nothing of what it shows."""

from workbench.report.page.build import comparison_page

__all__ = ["comparison_page"]
