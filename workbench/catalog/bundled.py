r"""Data sets whose rows come with Workbench itself.

>>> hostile = BUNDLED_DATA[0]
>>> hostile.name, hostile.target
('hostile-inputs', 'prompts/hostile/inputs.fetched.jsonl')
>>> hostile.text.count("\n") > 60
True
"""

import hashlib
from dataclasses import dataclass
from importlib.resources import files

from workbench.catalog.bundled_files import bundled_folder


@dataclass(frozen=True)
class BundledData:
    """One data set of the package.

    Attributes:
        target: the file of its rows, from the project's root.
        member: the file beside this module; empty: the target's, of a task that comes with it.
        licence: of the rows.
    """

    name: str
    about: str
    target: str
    licence: str
    member: str = ""
    raters: None = None

    @property
    def text(self) -> str:
        """The rows, as JSON lines."""
        if not self.member:
            file = bundled_folder("prompts").parent / self.target
            return file.read_text(encoding="utf-8")
        return files(__package__).joinpath(self.member).read_text(encoding="utf-8")

    @property
    def sha256(self) -> str:
        """The digest of the rows."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    @property
    def provenance(self) -> str:
        """The description that is written beside the rows."""
        return (
            f"{self.about}\nfrom: this package\nSHA-256 of the rows: {self.sha256}\n"
            f"licence: {self.licence}\n"
        )


BUNDLED_DATA = (
    BundledData(
        name="hostile-inputs",
        about="57 messages of users who attack a prompt in eleven ways, and 10 harmless ones that "
        "look alike.",
        target="prompts/hostile/inputs.fetched.jsonl",
        member="hostile_inputs.jsonl",
        licence="Apache-2.0, written for Workbench.",
    ),
    BundledData(
        name="arithmetic",
        about="100 word problems of two or three steps; the answers are numbers.",
        target="prompts/arithmetic/problems.jsonl",
        licence="Apache-2.0, written for Workbench.",
    ),
    BundledData(
        name="python-functions",
        about="32 small functions to write in Python, each with tests.",
        target="prompts/python_functions/problems.jsonl",
        licence="Apache-2.0, written for Workbench.",
    ),
)
