"""What is said where a store is wanted for oneself and another process is at work on it."""

from workbench.errors import ExitCode, WorkbenchError

ALONE = "store "  # how the plan of an owner begins that works on the whole file
REPAIR = "repair"  # the owner that a damaged store can't name


def busy(who: str) -> WorkbenchError:
    """The error that names the other process (exit code 7)."""
    return WorkbenchError(
        f"the store is in use: {who}",
        fix="wait until it has ended, then the same command again",
        exit_code=ExitCode.ALREADY_RUNNING,
    )
