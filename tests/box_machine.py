"""This machine's boxes, for tests that need one."""

from functools import cache

from workbench.box.method import require_box
from workbench.errors import WorkbenchError


@cache
def boxes_missing() -> str:
    """The reason why no box can be made here; empty: one can."""
    try:
        require_box()
    except WorkbenchError as error:
        return error.message
    return ""
