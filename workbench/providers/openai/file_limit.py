"""The limit on open files: `ulimit -n 64` leaves 16 of `concurrency: 32`, and 48 for the rest."""

from contextlib import suppress

OTHER_FILES = 48  # open files besides the connections: the store, libraries, pipes, MLflow


def max_connections(concurrency: int) -> int:
    """`concurrency`, or less where the hard limit on open files is lower; at least 1."""
    hard = _limits()[1]
    return concurrency if hard is None else max(1, min(concurrency, hard - OTHER_FILES))


def raise_limit(connections: int) -> None:
    """Raise the soft limit on open files for so many connections, as far as it may be."""
    soft, hard = _limits()
    if soft is None or soft >= connections + OTHER_FILES:
        return
    import resource

    with suppress(ValueError, OSError):  # some systems allow less than their hard limit
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard or connections + OTHER_FILES, hard or -1))


def _limits() -> tuple[int | None, int | None]:
    """Soft and hard limit on open files; None: unlimited."""
    try:
        from resource import RLIM_INFINITY, RLIMIT_NOFILE, getrlimit
    except ImportError:  # Windows
        return None, None
    soft, hard = (None if limit == RLIM_INFINITY else limit for limit in getrlimit(RLIMIT_NOFILE))
    return soft, hard
