"""The forms in which a served package is named."""

from pathlib import Path

import pytest

from workbench.errors import WorkbenchError
from workbench.serving.package_source import PackageSource, parse_source


@pytest.mark.parametrize(
    ("reference", "source"),
    [
        ("models:/a~variant/3", PackageSource("", None, "models:/a~variant/3", "a~variant", "3")),
        ("models:/a.b@prod", PackageSource("", None, "models:/a.b@prod", "a.b", "", "prod")),
        (
            "support@prod",
            PackageSource("", None, "models:/support~v@prod", "support~v", "", "prod"),
        ),
        ("runs:/9f/variant", PackageSource("", None, "runs:/9f/variant")),
        ("models:/m-1f0c", PackageSource("", None, "models:/m-1f0c")),
    ],
)
def test_forms(reference: str, source: PackageSource) -> None:
    parsed = parse_source(reference, lambda task: f"{task}~v")
    assert parsed == PackageSource(reference, *list(vars(source).values())[1:])
    assert parsed.is_followed == ("@" in reference)


def test_a_task_has_the_model_of_a_project_without_a_prefix() -> None:
    assert parse_source("support@prod").uri == "models:/support~variant@prod"


def test_a_folder_comes_before_the_short_form(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "support@prod").mkdir()
    source = parse_source("support@prod", lambda task: task)
    assert source == PackageSource("support@prod", (tmp_path / "support@prod").resolve())


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("models:/a~variant", "no address of a packaged variant"),
        ("models:/a/latest", "no address of a packaged variant"),
        ("models:/a@b@c", "no address of a packaged variant"),
        ("runs:/9f", "no address of a packaged variant"),
        ("packages/none", "the package 'packages/none' is missing"),
        ("support@prod@b", "the package 'support@prod@b' is missing"),
        (__file__, "is a file"),
        ("", "the package '' is missing"),
    ],
)
def test_other_forms_are_refused(reference: str, message: str) -> None:
    with pytest.raises(WorkbenchError, match=message) as refused:
        parse_source(reference)
    assert refused.value.fix
