"""A comparison as one HTML file that needs no network and runs nothing of what it shows.

build.py  the file from its parts: page.html, page.css, page.js and the comparison as JSON
"""

from workbench.report.page.build import comparison_page

__all__ = ["comparison_page"]
