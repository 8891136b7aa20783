"""An experiment described in Python, written as a task's folder and read as any other.

.workbench/python/3f1c09ab27de/notebook/
    experiment.yaml    {"prompts": ["short"], "models": ["openai:gpt-6-luna"], …}
    short.jinja        Is this positive or negative? {{ text }}
    rows.jsonl         {"text": "A fun ride.", "label": "positive"}
.workbench/evaluators/
    tone-5ad0c1f2e3b4.py

The folder's name is the digest of its content. `workbench run FILE` runs it, `workbench sync`
records from it, and a copy of it in `prompts/` is a task of the project.
"""

import inspect
import json
import re
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from workbench.api.arguments import plain_argument
from workbench.api.cell_source import source_of
from workbench.api.data_rows import json_rows
from workbench.canonical import JSON, digest
from workbench.cli.output import REDACTOR
from workbench.dataset import DatasetSpec
from workbench.dataset.dataset_spec import SOURCES
from workbench.document import Document
from workbench.errors import WorkbenchError
from workbench.project import PYTHON_TASKS, Project
from workbench.prompt.reference import NAME_PATTERN
from workbench.prompt.write import template_text
from workbench.run.pending import pending_invocations

EXPERIMENT, ROWS = "experiment.yaml", "rows.jsonl"
MAX_FOLDERS = 50  # of earlier calls; older ones are removed
LIBRARY = "workbench.evaluators."


@dataclass(frozen=True)
class KeywordDocument(Document):
    """The keywords of a call as the content of an experiment file.

    Attributes:
        prompt_names: of the files in `prompts`, in its order.
        keywords: those of the dataset's settings that are arguments themselves.
    """

    prompt_names: Sequence[str] = ()
    keywords: frozenset[str] = field(default_factory=frozenset)

    def where(self, *path: str | int) -> str:
        """The value in Python: `models[0]['openai:m']`, `prompts['short']`, `expected`."""
        match path:
            case ("prompts", int(index)) if index < len(self.prompt_names):
                return f"prompts[{self.prompt_names[index]!r}]"
            case ("dataset", str(key), *_) if key in self.keywords:
                return key
            case ("dataset", *steps) if not steps or steps[0] in SOURCES:
                return "data"
            case ("dataset", *steps):
                return "data" + "".join(f"[{step!r}]" for step in steps)
            case (first, *steps):
                return str(first) + "".join(f"[{step!r}]" for step in steps)
        return "workbench.run"

    def save(self) -> None:
        """Write the experiment file without secrets, for other commands."""
        if not (self.folder / EXPERIMENT).exists():
            text = REDACTOR.redact(json.dumps(self.content, indent=2))
            _write_text(self.folder / EXPERIMENT, f"{text}\n")


def write_task(keywords: Mapping[str, Any], project: Project) -> KeywordDocument:
    """Write the prompts, rows and functions of a call.

    `keywords` are those of `ExperimentKeywords`; None: left out.

    Raises:
        WorkbenchError: an argument is missing, or of a wrong kind.
    """
    arguments = {name: value for name, value in keywords.items() if value is not None}
    if missing := [name for name in ("prompts", "models", "data") if name not in arguments]:
        listed = ", ".join(f"{name}=" for name in missing)
        fix = "pass it, or name a task of the project: workbench.run('support')"
        raise WorkbenchError(f"workbench.run needs {listed}", fix=fix)
    name = str(arguments.pop("name", "notebook"))
    prompts = _templates(arguments.pop("prompts"))
    entries = _listed(arguments.pop("evaluators", ()), "evaluators")
    evaluators = [_evaluator(entry, project) for entry in entries]
    dataset, lines = _dataset(arguments.pop("data"), arguments.pop("expected", None))
    content: dict[str, JSON] = {
        "name": name,
        "dataset": dataset,
        "prompts": [prompt for prompt in prompts if not prompt.startswith("_")],
        "models": plain_argument(_listed(arguments.pop("models"), "models"), "models"),
        "evaluators": plain_argument(evaluators, "evaluators"),
        **{argument: plain_argument(value, argument) for argument, value in arguments.items()},
    }
    files = {f"{prompt}.jinja": text for prompt, text in prompts.items()}
    if lines:
        files[ROWS] = lines
    task = name if re.fullmatch(NAME_PATTERN, name) else "notebook"  # refused by its document
    folder = _write_folder(project, task, files, content)
    return KeywordDocument(
        path=project.display_path(folder / EXPERIMENT),
        content=content,
        folder=folder,
        prompt_names=tuple(content["prompts"]),
        keywords=frozenset({"expected"} if keywords.get("expected") is not None else ()),
    )


def _listed(value: Any, argument: str) -> list[Any]:
    """The value as a list of its entries; a single entry needs no list."""
    if isinstance(value, str | Mapping) or callable(value):
        return [value]
    if isinstance(value, Sequence):
        return list(value)
    message = f"{type(value).__name__} is no list"
    raise WorkbenchError(message, where=argument, fix=f"{argument}=[…]")


def _templates(prompts: Any) -> dict[str, str]:
    """The text of each template by its name; a single text is called `prompt`."""
    if isinstance(prompts, str | Path) or hasattr(prompts, "prompt"):
        prompts = {"prompt": prompts}
    if isinstance(prompts, list | tuple):
        prompts = {f"prompt_{number}": text for number, text in enumerate(prompts, 1)}
    if not isinstance(prompts, Mapping):
        message, fix = f"{type(prompts).__name__} is no prompt", "prompts={'short': '… {{ text }}'}"
        raise WorkbenchError(message, where="prompts", fix=fix)
    texts: dict[str, str] = {}
    for name, text in prompts.items():
        where = f"prompts[{name!r}]"
        if not isinstance(name, str) or not re.fullmatch(NAME_PATTERN, name.lstrip("_")):
            fix = "use up to 64 letters, digits, _ or -; the first a letter or digit"
            raise WorkbenchError(f"{name!r} is not a name of a prompt", where=where, fix=fix)
        if hasattr(text, "prompt"):  # from workbench.load_prompt
            texts[name] = template_text(text.prompt)
        elif isinstance(text, Path):
            texts[name] = _read_template(text, where)
        elif isinstance(text, str):
            texts[name] = text
        else:
            message = f"{type(text).__name__} is no template"
            fix = "write its text, as in 'system:\\n…\\nuser:\\n{{ text }}', or a Path of its file"
            raise WorkbenchError(message, where=where, fix=fix)
    return texts


def _read_template(path: Path, where: str) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        message = f"{path} can't be read: {error}"
        raise WorkbenchError(message, where=where, fix="name a text file") from error


def _dataset(data: Any, expected: Any) -> tuple[dict[str, JSON], str]:
    """The dataset's settings, and its rows as lines of JSON, empty if they are elsewhere."""
    settings: dict[str, Any] = {}
    if isinstance(data, Mapping) and any(key in SOURCES for key in data):
        settings = dict(data)
        if set(settings) - set(DatasetSpec.model_fields):
            return settings, ""  # refused, by the name of each
        data = settings.pop("rows", None)
    elif isinstance(data, str | Path):
        settings, data = {"path": str(data)}, None
    if expected is not None:
        settings["expected"] = expected
    for key in ("path", "huggingface"):  # relative to the current folder, not to the task's
        local = Path(str(settings.get(key, "")))
        if key in settings and (key == "path" or local.is_dir()):
            settings[key] = str(Path.cwd() / local)
    if data is None:
        return settings, ""
    lines = "".join(f"{json.dumps(row)}\n" for row in json_rows(data))
    if not lines:
        raise WorkbenchError("there are no rows", where="data", fix="pass one row at least")
    return {"path": ROWS, **settings}, lines


def _evaluator(entry: Any, project: Project) -> JSON:
    """The entry as in an experiment file: a function by the name of its file."""
    if isinstance(entry, Mapping) and len(entry) == 1:
        ((key, settings),) = entry.items()
        return {_evaluator_name(key, project): settings}
    return _evaluator_name(entry, project)


def _evaluator_name(function: Any, project: Project) -> Any:
    if not callable(function):
        return function
    module, name = getattr(function, "__module__", "") or "", getattr(function, "__name__", "")
    if module.startswith(LIBRARY) and inspect.isfunction(function):
        return module.removeprefix(LIBRARY)
    if _is_importable(function, project):
        return f"{module}:{name}"
    source = source_of(function)
    file = f"{name}-{sha256(source.encode()).hexdigest()[:12]}.py"
    folder = project.store / "evaluators"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not (folder / file).exists():
        _write_text(folder / file, source)
    return f".workbench/evaluators/{file}:{name}"


def _is_importable(function: Callable[..., Any], project: Project) -> bool:
    """True if a child process finds the function in a module: of the project, or installed."""
    module = inspect.getmodule(function)
    name = getattr(function, "__name__", "")
    path = getattr(module, "__file__", None)  # a kernel's __main__ has none
    if module is None or path is None or getattr(module, name, None) is not function:
        return False
    file = Path(path).resolve()
    below = [
        project.root / (module.__name__.replace(".", "/") + end) for end in (".py", "/__init__.py")
    ]
    return file in below or "site-packages" in file.parts


def _write_folder(
    project: Project, task: str, files: Mapping[str, str], content: Mapping[str, JSON]
) -> Path:
    """The folder with these files, written in one step unless an equal call wrote it before."""
    parent = project.store / PYTHON_TASKS
    hashed = {name: sha256(_encoded(text)).hexdigest() for name, text in files.items()}
    try:
        identity = digest([hashed, content])
    except (TypeError, ValueError) as error:
        message = f"an argument is neither text, number, list nor dict: {error}"
        raise WorkbenchError(message, where="workbench.run", fix="pass plain values") from error
    home = parent / identity[:12]
    if not home.is_dir():
        parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=parent, ignore_cleanup_errors=True) as temporary:
            folder = Path(temporary) / "new" / task
            folder.mkdir(parents=True)
            for name, text in files.items():
                (folder / name).write_bytes(_encoded(text))
            with suppress(OSError):  # another process has written the same
                folder.parent.rename(home)
        _remove_old(project, parent)
    return home / task


def _remove_old(project: Project, parent: Path) -> None:
    """Remove the folders of old calls, except those that MLflow lacks a run of."""
    noted = {Path(pending.experiment).parts for pending in pending_invocations(project)}
    homes = sorted(parent.iterdir(), key=lambda home: home.stat().st_mtime, reverse=True)
    for home in homes[MAX_FOLDERS:]:
        if not any(home.name in parts for parts in noted):
            shutil.rmtree(home, ignore_errors=True)


def _write_text(file: Path, text: str) -> None:
    with tempfile.NamedTemporaryFile("wb", dir=file.parent, delete=False) as temporary:
        temporary.write(_encoded(text))
    Path(temporary.name).replace(file)


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
