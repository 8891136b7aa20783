"""`workbench package`: an evaluated variant as an MLflow model, ready to be served.

$ workbench package sentiment few_shot
packaged: few_shot in sentiment-package
variables: text
serve it: workbench serve sentiment-package
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from workbench.cli.compare import prompt_references, split_task
from workbench.cli.completion import complete_names
from workbench.cli.output import print_result
from workbench.cli.run import AsJson, TrackingUri
from workbench.cli.setup import OpenExperiment, open_experiment, open_project
from workbench.errors import ExitCode, WorkbenchError, list_first

if TYPE_CHECKING:
    from workbench.plan import Plan
    from workbench.project import Project

ALIAS = re.compile(r"(?P<task>[\w-]+)@(?P<alias>[\w-]+)")  # of a registered model of ours
Names = Annotated[
    list[str] | None,
    typer.Argument(
        help="A task or an experiment file (if there are several), then a variant, or a prompt or "
        "model of only one; or TASK@ALIAS: what was promoted to it.",
        metavar="[TASK|FILE] VARIANT|TASK@ALIAS",
        autocompletion=complete_names,
    ),
]
Output = Annotated[
    Path | None, typer.Option(help="The folder to write; default: TASK-package.", metavar="DIR")
]
WithWeights = Annotated[
    bool, typer.Option("--with-weights", help="Put the weights of a local model inside.")
]


def package(
    names: Names = None,
    output: Output = None,
    with_weights: WithWeights = False,
    tracking_uri: TrackingUri = "",
    as_json: AsJson = False,
) -> int:
    """Write a variant as an MLflow model, to be served."""
    from workbench.report.package import package_json, package_lines
    from workbench.serving.served_variant import variant_folder
    from workbench.serving.variant_spec import read_spec

    project = open_project(tracking_uri)
    match = ALIAS.fullmatch(names[0]) if names and len(names) == 1 else None
    if match and match["task"] in project.tasks():
        folder = output or Path(f"{match['task']}-package")
        _fetch(project, tracking_uri, match, folder)
    else:
        folder = _write(project, tracking_uri, names or [], output, with_weights)
    spec = read_spec(variant_folder(folder))
    print_result((package_json if as_json else package_lines)(spec, folder))
    return ExitCode.DONE


def _write(
    project: "Project",
    tracking_uri: str,
    names: list[str],
    output: Path | None,
    with_weights: bool,
) -> Path:
    """The folder with the package of the variant that a command names."""
    task, selectors = split_task(names, project)
    if len(selectors) != 1:
        problem = f"{len(selectors)} variants are named" if selectors else "no variant is named"
        fix = "workbench package TASK VARIANT; `workbench plan` lists the variants"
        raise WorkbenchError(problem, fix=fix)
    with _open_variant(project, task, selectors[0], tracking_uri) as (opened, plan, number):
        from workbench.releasing.variant_package import open_package, save_package  # imports MLflow

        folder = output or Path(f"{plan.experiment.task}-package")
        parts = (plan, number, opened.store, opened.renderer)
        with open_package(*parts, with_weights=with_weights) as contents:
            save_package(contents, folder)
    return folder


@contextmanager
def _open_variant(
    project: "Project", task: str, selector: str, tracking_uri: str
) -> "Iterator[tuple[OpenExperiment, Plan, int]]":
    """The experiment, its plan, and the number of the only variant that `selector` selects.

    The prompt has its version in the registry, if it has one.
    """
    from workbench.comparing.selectors import select_variants
    from workbench.plan import Options
    from workbench.prompt import Reference

    options, prompts = Options(sends=False, looks_up=False), prompt_references([selector])
    with open_experiment(task, options, tracking_uri, prompts, require_env=False) as opened:
        plan = opened.plan()
        numbers = select_variants(selector, plan)
        if len(numbers) > 1:
            listed = list_first([repr(plan.variants[n].name) for n in numbers], 8)
            message = f"{selector!r} selects {len(numbers)} variants: {listed}"
            raise WorkbenchError(message, where=plan.experiment.path, fix="name one of them")
        (number,) = numbers
        variant = plan.variants[number]
        prompt = variant.prompt
        if project.tracks(tracking_uri) and prompt.version is None:
            with suppress(WorkbenchError):  # not registered, or MLflow is away: there is no link
                reference = Reference(prompt.name, "digest", prompt.digest)
                registered = opened.registry(plan.experiment.task, reference)
                version, prefix = registered.version, registered.registry_prefix
                prompt = replace(prompt, version=version, registry_prefix=prefix)
        variants = list(plan.variants)
        variants[number] = replace(variant, prompt=prompt)
        yield opened, replace(plan, variants=tuple(variants)), number


def _fetch(project: "Project", tracking_uri: str, match: re.Match[str], folder: Path) -> None:
    """Write the package that was promoted to an alias into `folder`."""
    project.require_tracking(tracking_uri, f"the package {match[0]}")
    from workbench.releasing.variant_package import fetch_package
    from workbench.serving.served_names import registered_model_name
    from workbench.tracking.tracking_store import connect_to_read

    connect_to_read(project, tracking_uri)
    name = registered_model_name(match["task"], project.file.registry_prefix)
    fetch_package(name, match["alias"], folder)
