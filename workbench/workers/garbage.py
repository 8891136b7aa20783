"""Garbage collection, paused while a process imports, plans or compares.

with paused_gc():
    from workbench.tracking.recorder import DirectRecorder
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def paused_gc() -> Iterator[None]:
    """Pause garbage collection, and exclude what was created within: it lives to the end.

    Imports create so many objects that collections take a fifth of their time; of rows that are
    read from the store, an eighth.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.freeze()
