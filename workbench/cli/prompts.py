"""`workbench prompts`: the templates of this project and their versions in the registry.

$ workbench prompts push qa
qa/plain registered as version 1
"""

from typing import TYPE_CHECKING, Annotated

import typer

from workbench.cli.completion import complete_folder, complete_reference
from workbench.cli.output import REDACTOR, print_json, print_lines, print_styled
from workbench.cli.run import AsJson, TrackingUri
from workbench.cli.setup import open_project
from workbench.errors import ExitCode, WorkbenchError, unknown_name

if TYPE_CHECKING:
    from workbench.project import Project
    from workbench.prompt import Prompt, Renderer

app = typer.Typer(no_args_is_help=True, help="List, show, compare, check and register prompts.")

Ref = Annotated[
    str,
    typer.Argument(
        help="TASK/NAME, or with @3, @alias, @sha:HEX, @git:REV.",
        autocompletion=complete_reference,
    ),
]
Task = Annotated[
    str, typer.Argument(help="A task; default: all of them.", autocompletion=complete_folder)
]


@app.command("list")
def list_all(task: Task = "", tracking_uri: TrackingUri = "", as_json: AsJson = False) -> None:
    """List the templates with digest and registered version."""
    from workbench.report.prompts import status_table
    from workbench.tracking.protocol import PromptStatus

    project = open_project()
    prompts = _prompts(project, task)
    if project.tracks(tracking_uri):
        from workbench.tracking.registry import prompt_statuses

        statuses = prompt_statuses(project, tracking_uri, prompts)
    else:
        statuses = [PromptStatus(prompt, None, None, {}) for prompt in prompts]
    if as_json:
        print_json({"prompts": [status.as_json() for status in statuses]})
    else:
        print_styled(status_table(statuses))


@app.command("show")
def show(ref: Ref, tracking_uri: TrackingUri = "", as_json: AsJson = False) -> None:
    """Show one prompt: its messages, variables, settings and digest."""
    from workbench.prompt import Renderer
    from workbench.report.prompts import prompt_json, prompt_text

    with Renderer() as renderer:
        prompt = _find(ref, tracking_uri, renderer)
    if as_json:
        print_json(prompt_json(prompt))
    else:
        print_styled(prompt_text(prompt))


@app.command("diff")
def diff(
    old: Ref,
    new: Annotated[
        str,
        typer.Argument(
            help="The other prompt; default: the working copy.",
            autocompletion=complete_reference,
        ),
    ] = "",
    tracking_uri: TrackingUri = "",
) -> None:
    """Show the differences between two prompts, line by line."""
    from workbench.prompt import Renderer
    from workbench.report.prompts import prompt_diff

    with Renderer() as renderer:
        before = _find(old, tracking_uri, renderer)
        after = _find(new or old.partition("@")[0], tracking_uri, renderer)
    print_styled(prompt_diff(before, after))


@app.command("lint")
def lint(
    task: Task = "",
    examples: Annotated[int, typer.Option(min=0, help="Rendered examples to show per prompt.")] = 1,
    as_json: AsJson = False,
) -> int:
    """Check templates against their dataset and show them rendered."""
    from workbench.lint import lint_judges, lint_task
    from workbench.model.types import JUDGES
    from workbench.report.lint import findings_json, print_findings

    project = open_project()
    findings = [
        lint_judges(project, REDACTOR)
        if name == JUDGES
        else lint_task(project, name, examples, REDACTOR)
        for name in project.prompt_folders(task)
    ]
    if as_json:
        print_json(findings_json(findings))
    else:
        print_findings(findings)
    failed = any(task_findings.errors for task_findings in findings)
    return ExitCode.USER if failed else ExitCode.DONE


@app.command("push")
def push(task: Task = "", tracking_uri: TrackingUri = "") -> None:
    """Register templates whose content the registry lacks."""
    from workbench.plan import refuse_secret

    project = open_project()
    project.require_tracking(tracking_uri, "workbench prompts push")
    prompts = _prompts(project, task)
    for prompt in prompts:
        refuse_secret(prompt, REDACTOR)
    from workbench.tracking.registry import push_prompts

    print_lines(push_prompts(project, tracking_uri, prompts))


@app.command("pull")
def pull(
    ref: Ref,
    force: Annotated[
        bool, typer.Option("--force", help="Replace a working copy with other content.")
    ] = False,
    tracking_uri: TrackingUri = "",
) -> None:
    """Write a registered version to its template file."""
    from workbench.plan import refuse_secret
    from workbench.prompt import Renderer
    from workbench.prompt.write import write_prompt

    if "@" not in ref:
        raise WorkbenchError(
            f"{ref!r} names no version", fix=f"{ref}@1, {ref}@production or another version"
        )
    project = open_project()
    with Renderer() as renderer:
        prompt = _find(ref, tracking_uri, renderer)
        refuse_secret(prompt, REDACTOR)
        file = write_prompt(prompt, project, renderer, force=force)
    print_lines([f"{project.display_path(file)} is now {prompt.ref}"])


def _prompts(project: "Project", task: str) -> "list[Prompt]":
    from workbench.prompt import Renderer, folder_reader, list_prompts, load_prompt

    read = folder_reader(project.prompts)
    with Renderer() as renderer:
        return [
            load_prompt(task, name, read, renderer)
            for task in project.prompt_folders(task)
            for name in list_prompts(project.prompts / task)
        ]


def _find(ref: str, tracking_uri: str, renderer: "Renderer") -> "Prompt":
    """The prompt of `task/name@…`; the task is optional if only one has a prompt of that name."""
    from workbench.experiment import PromptFinder
    from workbench.prompt import list_prompts, parse_reference
    from workbench.resolvers import project_resolvers

    project = open_project()
    head, slash, tail = ref.partition("/") if "/" in ref.partition("@")[0] else ("", "", ref)
    reference = parse_reference(tail)
    if slash:
        tasks = project.prompt_folders(head)
    else:
        folders = project.prompt_folders()
        tasks = [t for t in folders if reference.name in list_prompts(project.prompts / t)]
    if len(tasks) != 1:
        folders = project.prompt_folders()
        names = [f"{t}/{n}" for t in folders for n in list_prompts(project.prompts / t)]
        raise unknown_name("prompt", reference.name, names)
    registry = project_resolvers(project, tracking_uri).registry
    return PromptFinder(tasks[0], project.prompts, renderer, registry).find(reference)
