"""Adds the tasks of `prompts/` and the pages of `docs/` to the package that is built.

They lie beside the package in a checkout and inside it, in `workbench/bundled/`, once installed.
`workbench.catalog.bundled_files` finds them in both places.
"""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent
PATTERNS = {
    "prompts": ("*/*.jinja", "*/experiment.yaml", "*/problems.jsonl"),
    "docs": ("*.md",),
}


class BuildWithFiles(build_py):
    """Copies the tasks and the documentation after the modules."""

    def run(self) -> None:
        """Build the package."""
        super().run()
        if self.editable_mode:
            return
        for folder, patterns in PATTERNS.items():
            for file in (file for pattern in patterns for file in (ROOT / folder).glob(pattern)):
                target = Path(self.build_lib, "workbench", "bundled", file.relative_to(ROOT))
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, target)


setup(cmdclass={"build_py": BuildWithFiles})
