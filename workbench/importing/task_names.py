"""Names of tasks, prompts and judges, made of a source's free texts.

>>> names = NameSet()
>>> names.add("Is it polite?"), names.add("is it polite"), names.add("***")
('Is_it_polite', 'is_it_polite_2', 'prompt')
"""

import re

LONGEST = 60  # characters; a name has at most 64


class NameSet:
    """Gives each text a name of its own, also where case doesn't count."""

    def __init__(self, default: str = "prompt", taken: tuple[str, ...] = ()) -> None:
        self._default = default
        self._names = {name.lower() for name in taken}

    def add(self, text: str) -> str:
        """A name for the text, with a number if it is taken."""
        base = task_name(text, self._default)
        name, number = base, 1
        while name.lower() in self._names:
            number += 1
            name = f"{base}_{number}"
        self._names.add(name.lower())
        return name


def task_name(text: str, default: str = "imported") -> str:
    """The text as a name of letters, digits, `_` and `-`; `judges` is none of a task."""
    name = re.sub(r"[^A-Za-z0-9_-]+", "_", text).strip("_-")[:LONGEST].rstrip("_-")
    return default if name.lower() in ("", "judges") else name
