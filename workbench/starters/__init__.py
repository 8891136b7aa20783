"""Small projects to begin with, and the answers of two real models to their prompts.

starters.py    the projects, and how one is written into a folder
recordings.py  the recorded answers, which the provider `recorded:` gives again
"""

from workbench.starters.recordings import RecordedAnswer, list_recordings, read_recordings
from workbench.starters.starters import (
    PROJECT_FILES,
    STARTERS,
    Starter,
    find_starter,
    write_starter,
)

__all__ = [
    "PROJECT_FILES",
    "STARTERS",
    "RecordedAnswer",
    "Starter",
    "find_starter",
    "list_recordings",
    "read_recordings",
    "write_starter",
]
