"""An experiment file on two of its models: one that is used, and one to put in its place.

    find_switch(document, "gpt-4o", "openai:gpt-6-luna")
    ModelSwitch(old=ModelEntry("openai:gpt-4o", {…}), new=ModelEntry("openai:gpt-6-luna", {…}), …)

The settings of the old model are carried to a new one of the same provider, since most are those of
the provider: address, key, pace. What the new one refuses is mended in its own entry.
"""

import glob
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import MappingNode, Node, SequenceNode

from workbench.canonical import JSON
from workbench.document import Document
from workbench.errors import WorkbenchError, unknown_name
from workbench.experiment.file import ExperimentFile
from workbench.experiment.load import short_name
from workbench.experiment.named_entries import named_entries

CARRIED = "openai"  # the provider whose settings are those of an endpoint
RENAMES = {"max_tokens": "max_completion_tokens"}
# A text that needs no quotes in YAML.
PLAIN = re.compile(r"(?i)(?!(?:true|false|null|yes|no|on|off)$)[a-z_][\w./:-]*(?<!:)")


@dataclass(frozen=True)
class ModelEntry:
    """An entry of `models:`.

    Attributes:
        index: in the file; None: it is not in it.
    """

    ref: str
    settings: Mapping[str, JSON]
    index: int | None = None

    @property
    def label(self) -> str:
        """Its name in tables."""
        return str(self.settings.get("as") or short_name(self.ref.partition(":")[2]))

    @property
    def text(self) -> str:
        """The entry as it stands in a file."""
        settings = f": {flow_text(dict(self.settings))}" if self.settings else ""
        return flow_text(self.ref) + settings


@dataclass(frozen=True)
class ModelSwitch:
    """Two models of an experiment file, and how the requests of the new one differ.

    Attributes:
        mended: what changed in the entry of the new one, in words, by the refused parameter.
    """

    old: ModelEntry
    new: ModelEntry
    mended: Mapping[str, str]

    def edit(self, document: Document) -> Document:
        """The experiment with these two models, the old one being the baseline.

        What the old model is excluded from, the new one is, too. The other models of the file
        answer nothing, and stay for judges that name them.
        """
        file = document.check(ExperimentFile)
        old = {self.old.ref, self.old.label}
        excluded = [
            {"prompt": rule.prompt}
            for rule in file.exclude
            if any(rule.matches(prompt, old) for prompt in file.prompts)
        ]
        switched = {self.old.index, self.new.index}
        others = [
            ModelEntry(ref, settings or {}, number)
            for number, entry in enumerate(file.models)
            for ref, settings in entry.items()
            if number not in switched
        ]
        excluded += [{"model": glob.escape(other.label)} for other in others]
        content = {key: value for key, value in document.content.items() if key != "exclude"}
        content |= {
            "models": [
                {entry.ref: dict(entry.settings)} for entry in (self.old, self.new, *others)
            ],
            "baseline": self.old.label,
            **({"exclude": excluded} if excluded else {}),
        }
        return replace(document, content=content)

    def mend(self, error: WorkbenchError) -> "ModelSwitch | None":
        """The switch without the parameter that an error names; None: nothing is known to help."""
        parameter = str(getattr(error, "parameter", ""))
        parameters = self.new.settings.get("parameters") or {}
        renamed = self.new.settings.get("rename") or {}
        reversed_names = {name: original for original, name in renamed.items()}
        original = reversed_names.get(parameter, parameter)
        if original in RENAMES and original not in (*renamed, *self.mended):
            name = RENAMES[original]
            settings = {**self.new.settings, "rename": {**renamed, original: name}}
            words = f"{original} is sent as {name}"
        elif parameter in ("", "model") or parameters.get(original, 0) is None:
            return None
        else:
            settings = {**self.new.settings, "parameters": {**parameters, original: None}}
            words = f"{original} is not sent"
        mended = {**self.mended, original: f"{words}: {error.message}"}
        return replace(self, new=replace(self.new, settings=settings), mended=mended)


def find_switch(document: Document, old: str, new: str) -> ModelSwitch:
    """The entries of two models, by name or `provider:name`; the new one may be none yet.

    Raises:
        WorkbenchError: a name is unknown, or both are the same.
    """
    file = document.check(ExperimentFile)
    listed = named_entries(file.models, document, "models")
    entries = [ModelEntry(ref, settings, n) for n, (ref, settings, _) in enumerate(listed)]
    before = _find(old, entries, document)
    after = _find(new, entries, document)
    if before.index == after.index and before.ref == after.ref:
        message = f"{old} and {new} are the same model"
        raise WorkbenchError(message, where=document.path, fix="name the model to switch to")
    providers = {entry.ref.partition(":")[0] for entry in (before, after)}
    if after.index is None and providers == {CARRIED}:
        carried = {key: value for key, value in before.settings.items() if key != "as"}
        after = replace(after, settings=carried)
    labels = {entry.label for entry in (before, *entries) if entry.index != after.index}
    if after.index is None and after.label in labels | {before.label}:
        after = replace(after, settings={**after.settings, "as": f"new {before.label}"[:64]})
    return ModelSwitch(before, after, {})


def _find(name: str, entries: Sequence[ModelEntry], document: Document) -> ModelEntry:
    for entry in entries:
        if name in (entry.ref, entry.label):
            return entry
    provider, colon, model = name.partition(":")
    if colon and provider and model:
        return ModelEntry(name, {})
    names = [text for entry in entries for text in (entry.label, entry.ref)]
    error = unknown_name("model", name, names, where=document.where("models"))
    error.fix += "; another one is written as provider:name, as in openai:gpt-6-luna"
    raise error


def check_replaceable(switch: ModelSwitch, document: Document) -> None:
    """Check that the entry of the old model can be replaced by that of the new one.

    Raises:
        WorkbenchError: it is no entry, the new one is one, or other keys name the old one.
    """
    path, old = document.path, switch.old
    if old.index is None:
        message, fix = f"--write: {old.ref} is not in `models:`", f"add: - {switch.new.text}"
        raise WorkbenchError(message, where=path, fix=fix)
    if switch.new.index is not None:
        fix = f"remove {old.ref} from `models:` yourself"
        message = f"--write: {switch.new.ref} is in `models:` already"
        raise WorkbenchError(message, where=path, fix=fix)
    file = document.check(ExperimentFile)
    named = {"baseline": [file.baseline], "exclude": [rule.model for rule in file.exclude]}
    named["gate"] = [rule.no_worse_than for rule in file.gate.values()]
    for key, names in named.items():
        if any(old.label in name or old.ref in name for name in names):
            message = f"--write: `{key}:` names {old.label}, too"
            fix = "change the file yourself; without --write the new entry is printed"
            raise WorkbenchError(message, where=document.where(key), fix=fix)


def replace_entry(path: Path, switch: ModelSwitch) -> None:
    """Write the new model's entry in place of the old one's; all else stays, comments too.

    Raises:
        WorkbenchError: the entry is no longer the old model's, or the new text would be read as
            something else; the file is left as it is.
    """
    text = path.read_bytes().decode("utf-8")
    root = YAML().compose(text)
    models = next(value for key, value in root.value if key.value == "models")
    assert isinstance(models, SequenceNode)
    entry = models.value[switch.old.index or 0]
    start, end = entry.start_mark.index, _end(entry)
    changed = text[:start] + switch.new.text + text[end:]
    if not _is_replaced(text, changed, switch):
        raise WorkbenchError(
            f"--write: the entry of {switch.old.ref} can't be replaced without changing other "
            "lines, or the file was edited meanwhile",
            where=str(path),
            fix=f"write this entry in its place: - {switch.new.text}",
        )
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_bytes(changed.encode("utf-8"))
        part.chmod(path.stat().st_mode)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _is_replaced(text: str, changed: str, switch: ModelSwitch) -> bool:
    """True if the changed text is the file with the new entry, and nothing else is different."""
    try:
        before, after = (YAML(typ="safe", pure=True).load(each) for each in (text, changed))
        (entry,) = YAML(typ="safe", pure=True).load(f"- {switch.new.text}")
    except YAMLError:
        return False
    index = switch.old.index or 0
    replaced = before["models"][index]
    name = replaced if isinstance(replaced, str) else next(iter(replaced))
    before["models"][index] = entry
    return bool(name == switch.old.ref and before == after)


def _end(node: Node) -> int:
    """The end of a node's text: a block's own mark is at the next key, behind comments."""
    if isinstance(node, MappingNode | SequenceNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _end(last[1] if isinstance(last, tuple) else last)
    return int(node.end_mark.index)


def flow_text(value: JSON) -> str:
    """The value as YAML on one line.

    >>> flow_text({"rename": {"max_tokens": "max_completion_tokens"}, "concurrency": 4})
    '{rename: {max_tokens: max_completion_tokens}, concurrency: 4}'
    """
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{flow_text(k)}: {flow_text(v)}' for k, v in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(flow_text, value))}]"
    if isinstance(value, str) and PLAIN.fullmatch(value):
        return value
    return json.dumps(value, ensure_ascii=False)
