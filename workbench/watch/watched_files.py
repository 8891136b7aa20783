"""The folders and files that decide an experiment.

WatchedFiles(trees={…/prompts, …/evaluators}, files={…/workbench.yaml, …/data/reviews.jsonl})
    .signatures()      {"…/prompts/qa/short.jinja": (1732…, 1732…, 412, 9177), …}
"""

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from workbench.document import read_document
from workbench.errors import WorkbenchError
from workbench.evaluator import Evaluator
from workbench.evaluator.sources import imported_files
from workbench.evaluator.transform import function_names
from workbench.experiment import Experiment
from workbench.plan import Plan
from workbench.project import Project

Signature = tuple[int, int, int, int]  # mtime, ctime, size, inode
POSITION = re.compile(r"(:\d+)+$")  # after the file in an error's `where`
# Files that editors and Python make beside the ones that they write.
IGNORED = re.compile(r"\..*|.*~|.*\.py[cod]|.*\.sw.|#.*#|.*___jb_.*___|4913|__pycache__")


@dataclass(frozen=True)
class WatchedFiles:
    """Folders with all that is in them, and single files, which need not exist."""

    trees: frozenset[Path]
    files: frozenset[Path]

    @property
    def folders(self) -> frozenset[Path]:
        """The folders of the single files, and those that links lead to."""
        folders = {file.parent for file in self.files}
        folders |= {file.resolve().parent for file in self.files}
        return frozenset(folder for folder in folders if folder.is_dir())

    def includes(self, path: Path) -> bool:
        """True if a file may decide the experiment."""
        if path in self.files or path in {file.resolve() for file in self.files}:
            return True
        tree = next((tree for tree in self.trees if path.is_relative_to(tree)), None)
        return tree is not None and not any(
            IGNORED.fullmatch(part) for part in path.relative_to(tree).parts
        )

    def signatures(self) -> dict[Path, Signature]:
        """The state of every file that exists, without reading it."""
        paths = [*self.files, *(path for tree in self.trees for path in _walk(tree))]
        pairs = ((path, signature(path)) for path in paths)
        return {path: state for path, state in pairs if state}


def signature(path: Path) -> Signature | None:
    """The state of a file; another after each write. None: it doesn't exist."""
    try:
        status = path.stat()
    except (OSError, ValueError):
        return None
    return status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino


def _walk(tree: Path) -> Iterator[Path]:
    for folder, folders, files in os.walk(tree):
        folders[:] = [name for name in folders if not IGNORED.fullmatch(name)]
        yield from (Path(folder, name) for name in files if not IGNORED.fullmatch(name))


def files_of_project(project: Project, experiment: Path) -> WatchedFiles:
    """The files that decide an experiment before its file is read."""
    trees = {project.prompts_beside(experiment.parent), project.root / "evaluators"}
    files = {experiment, project.root / "workbench.yaml"}
    return WatchedFiles(frozenset(trees), frozenset(files))


def files_of_plan(project: Project, experiment: Path, plan: Plan) -> WatchedFiles:
    """The same with dataset, images, and what the project's evaluators import."""
    base = files_of_project(project, experiment)
    named = {*_dataset_files(plan.experiment.content, experiment.parent)}
    named |= {source for source in plan.images.sources.values() if isinstance(source, Path)}
    named |= set(_evaluator_files(plan.experiment))
    return _with_files(base, named)


def files_of_failure(
    project: Project, experiment: Path, before: WatchedFiles, where: str
) -> WatchedFiles:
    """The files whose repair may end an error at `where`, and those followed before it."""
    base = files_of_project(project, experiment)
    named = set(before.files)
    with suppress(WorkbenchError, OSError):
        content = read_document(experiment, display_name=experiment.name).content
        named |= {*_dataset_files(content, experiment.parent)}
    file = POSITION.sub("", where)
    if Path(file).suffix:
        named.add(project.root / file)
    for path in _walk(project.root / "evaluators"):
        if path.suffix == ".py":
            named |= {*imported_files(path, project.root)}
    return _with_files(WatchedFiles(base.trees | before.trees, base.files), named)


def _with_files(base: WatchedFiles, paths: Iterable[Path]) -> WatchedFiles:
    named = {Path(os.path.abspath(path)) for path in paths}  # noqa: PTH100  links stay links
    outside = {path for path in named if not base.includes(path)}
    return WatchedFiles(base.trees, base.files | outside)


def _dataset_files(content: Mapping[str, object], folder: Path) -> Iterator[Path]:
    dataset = content.get("dataset")
    path = dataset.get("path") if isinstance(dataset, Mapping) else dataset
    if isinstance(path, str):
        yield folder / path


def _evaluator_files(experiment: Experiment) -> Iterator[Path]:
    """The project's files of evaluators and their transforms, and those that these import."""
    for evaluator in experiment.evaluators:
        for name in _source_names(evaluator):
            file = experiment.root / name
            if file.is_file():
                yield file  # it may be gone since it was imported
                yield from imported_files(file, experiment.root)


def _source_names(evaluator: Evaluator) -> Iterator[str]:
    if evaluator.source.endswith(".py"):
        yield evaluator.source
    spec = evaluator.spec
    functions = function_names(spec.settings.get("transform")) if spec else ()
    yield from (file for name in functions if (file := name.partition(":")[0]).endswith(".py"))
