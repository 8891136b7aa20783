"""Names that try to be paths (S06): nothing appears or is read outside of the project."""

import sys
from pathlib import Path

import pytest
from command import add_mlflow_store
from openai_server import OpenAIServer
from walk import Case, command

PATHS = [
    "..",
    "../x",
    "../../x",
    "../../../../../../../../tmp/x",
    "..\\x",
    "..\\..\\x",
    "/x",
    "/tmp/x",
    "/etc/passwd",
    "//x",
    "./x",
    ".",
    ".x",
    "~/x",
    "~root/x",
    "~nobody-here/x",
    "x/../../x",
    "x/..",
    "a/b",
    "a\\b",
    "C:\\x",
    "C:x",
    "\\\\host\\x",
    "file:///etc/passwd",
    "%2e%2e%2fx",
    "..%2fx",
    "..%c0%afx",
    "%00",
    "x\0",
    "x\0.jinja",
    "x\n",
    "x\r",
    "x y",
    "-x",
    "--help",
    "x;touch marker",
    "$(touch marker)",
    "`touch marker`",
    "|touch marker",
    "\u2024\u2024/x",
    "\uff0e\uff0e\uff0fx",
    "s\u0435x",
    "x" * 300,
    "CON/x",
    "git:--output=x",
]
QUOTED = {
    path: '"' + "".join(_c if _c.isalnum() else f"\\U{ord(_c):08x}" for _c in path) + '"'
    for path in PATHS
}


def files(folder: Path) -> dict[str, str]:
    """Everything below `folder` but the project's own store, with its content."""
    return {
        str(file.relative_to(folder)): file.read_text() if file.is_file() else ""
        for file in sorted(folder.rglob("*"))
        if ".workbench" not in file.relative_to(folder).parts
    }


def cases(path: str) -> dict[str, Case]:
    """The path where each kind of name stands."""
    quoted = QUOTED[path]
    yaml: dict[str, dict] = {
        "experiment": {"more": f"name: {quoted}\n"},
        "prompt": {"prompts": f"[{quoted}]"},
        "version": {"prompts": f'[plain, {quoted[:-1]}@1"]'},
        "evaluator": {"evaluators": f"[{quoted}]"},
        "label": {"evaluators": f"[exact_match: {{name: {quoted}}}]"},
        "model label": {"models": f'["openai:m": {{base_url: "{{url}}", as: {quoted}}}]'},
        "local model": {"models": f'["transformers:{quoted[1:]}]'},
        "catalogue": {"models": f'["transformers:x{quoted[1:]}]'},
        "dataset": {"dataset": f"{{path: {quoted}, expected: label}}"},
        "split": {"dataset": f"{{path: rows.jsonl, split: {quoted}, expected: label}}"},
        "hub folder": {"dataset": f"{{huggingface: {quoted}}}"},
        "partial": {"files": {"plain.jinja": f"user:\n{{% include '{path}' %}}{{{{ text }}}}\n"}},
    }
    return {kind: Case(kind, "", **fields) for kind, fields in yaml.items()}


@pytest.mark.slow
@pytest.mark.timeout(250)
@pytest.mark.parametrize(
    "path",
    [
        pytest.param(path, id=f"{n}", marks=[pytest.mark.nightly] if n % 6 else [])
        for n, path in enumerate(PATHS)
    ],
)
def test_a_name_is_never_a_way_out(
    path: str,
    tmp_path: Path,
    billing: OpenAIServer,
    capfd: pytest.CaptureFixture[str],
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "x").write_text("canary-3f9c")
    for name in ("huggingface_hub.constants", "datasets.config"):
        if module := sys.modules.get(name):  # imported by another test: it has read the variable
            monkeypatch.setattr(module, "HF_HUB_OFFLINE", True)
    kinds = cases(path)
    for number, case in enumerate(kinds.values()):
        root = tmp_path / f"p{number}" / "root"
        root.mkdir(parents=True)
        case.write(root, billing)
        if path in MEANT:  # it runs to its end
            add_mlflow_store(root, request.getfixturevalue("empty_store"))
    before = files(tmp_path)
    codes = {}
    offline = {"HF_HUB_OFFLINE": "1"}  # no waiting for a hub that has no such data set
    for number, kind in enumerate(kinds):
        root = tmp_path / f"p{number}" / "root"
        cache = {"WORKBENCH_CACHE": str(root / ".workbench")}
        ended = command(root, ("run",), cache | offline, capfd)
        codes[kind] = ended.code
        assert "canary-3f9c" not in ended.out + ended.err
        assert "root:x:" not in ended.out + ended.err
    harmless = {kind for kind, code in codes.items() if code == 0}
    assert (files(tmp_path), len(billing.requests)) == (before, 2 * len(harmless))
    assert {kind: code for kind, code in codes.items() if code not in (0, 2)} == {}
    assert harmless <= MEANT.get(path, set())


# What of these is a good name of its kind.
MEANT: dict[str, set[str]] = {
    "x y": {"label", "model label"},
    "C:x": {"label", "model label"},
}


@pytest.mark.slow
@pytest.mark.parametrize("path", PATHS, ids=[f"{n}" for n in range(len(PATHS))])
def test_words_of_the_command_are_no_way_out(
    path: str, tmp_path: Path, billing: OpenAIServer, capfd: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "p" / "root"
    root.mkdir(parents=True)
    (tmp_path / "p" / "x").write_text("canary-3f9c")
    Case("words", "").write(root, billing)
    before = files(tmp_path)
    words = path.replace("\0", "\u2400")  # no shell can pass NUL
    for command_words in (
        ("run", words),
        ("plan", words),
        ("prompts", "show", words),
        ("prompts", "show", f"qa/{words}"),
        ("prompts", "lint", words),
        ("prompts", "pull", f"{words}@1"),
        ("models", "add", words),
        ("data", "add", words),
    ):
        ended = command(root, command_words, {"WORKBENCH_CACHE": str(root / "cache")}, capfd)
        assert (ended.code in (0, 2), "canary-3f9c" in ended.out + ended.err) == (True, False)
        assert ended.code == 2 or "help" in words
    assert (files(tmp_path), billing.requests) == (before, [])
