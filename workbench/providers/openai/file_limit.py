"""How many connections this process may have: each is an open file.

ulimit -n 64, concurrency: 32  ->  16 connections, 48 files being left for everything else
"""

from contextlib import suppress

OTHERS = 48  # files that are open beside the connections: the store, libraries, pipes, MLflow


def most_connections(wanted: int) -> int:
    """`wanted`, or as many as the hard limit on open files leaves room for; at least 1."""
    hard = _limits()[1]
    return wanted if hard is None else max(1, min(wanted, hard - OTHERS))


def make_room(connections: int) -> None:
    """Raises the soft limit on open files as far as it may, where it is too low."""
    soft, hard = _limits()
    if soft is None or soft >= connections + OTHERS:
        return
    import resource

    with suppress(ValueError, OSError):  # a system that allows less than it says
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard or connections + OTHERS, hard or -1))


def _limits() -> tuple[int | None, int | None]:
    """The soft and the hard limit; None where there is none."""
    try:
        import resource
    except ImportError:  # Windows has no such limits
        return None, None
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    unlimited = resource.RLIM_INFINITY
    return (None if soft == unlimited else soft), (None if hard == unlimited else hard)
