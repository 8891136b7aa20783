"""`workbench prompts`: the templates of this project and their versions in the registry."""

from typing import TYPE_CHECKING, Annotated

import typer

from workbench.cli.output import REDACTOR
from workbench.cli.setup import open_project
from workbench.errors import WorkbenchError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from workbench.project import Project
    from workbench.prompt import Prompt, Renderer

app = typer.Typer(no_args_is_help=True, help="Prompt templates and their versions.")

Ref = Annotated[str, typer.Argument(help="TASK/NAME, perhaps with @3, @alias, @sha:… or @git:REV.")]
Task = Annotated[str, typer.Argument(help="A task; without it, all of them.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
TrackingUri = Annotated[str, typer.Option("--tracking-uri", help="The MLflow store to look in.")]


@app.command("list")
def list_all(task: Task = "", tracking_uri: TrackingUri = "", as_json: AsJson = False) -> None:
    """List the templates, their digests and the registry's version of each."""
    from workbench.prompt import Renderer
    from workbench.report.prompts import status_table
    from workbench.report.safe_text import json_line
    from workbench.tracking.prompt_status import prompt_statuses

    project = open_project()
    with Renderer() as renderer:
        found = prompt_statuses(project, tracking_uri, _prompts(project, task, renderer))
    if as_json:
        said = [one.as_json() for one in found]
        typer.echo(json_line({"schema_version": 1, "prompts": said}))
    else:
        _print(status_table(found))


@app.command("show")
def show(ref: Ref, tracking_uri: TrackingUri = "", as_json: AsJson = False) -> None:
    """Show one prompt: its messages, variables, settings and digest."""
    from workbench.prompt import Renderer
    from workbench.report.prompts import prompt_json, prompt_text
    from workbench.report.safe_text import json_line

    with Renderer() as renderer:
        prompt = _find(ref, tracking_uri, renderer)
    if as_json:
        typer.echo(json_line({"schema_version": 1, **prompt_json(prompt)}))
    else:
        _print(prompt_text(prompt))


@app.command("diff")
def diff(
    old: Ref,
    new: Annotated[str, typer.Argument(help="Another one; default: the working copy.")] = "",
    tracking_uri: TrackingUri = "",
) -> None:
    """Show what differs between two versions of prompts, line by line."""
    from workbench.prompt import Renderer
    from workbench.report.prompts import prompt_diff

    with Renderer() as renderer:
        before = _find(old, tracking_uri, renderer)
        after = _find(new or old.partition("@")[0], tracking_uri, renderer)
    _print(prompt_diff(before, after))


@app.command("lint")
def lint(
    task: Task = "",
    examples: Annotated[int, typer.Option(min=0, help="Rendered examples to show a prompt.")] = 1,
    as_json: AsJson = False,
) -> int:
    """Check templates against their dataset: syntax, variables, lengths; show them rendered."""
    from workbench.lint import lint_task
    from workbench.report.lint import findings_json, print_findings
    from workbench.report.safe_text import json_line

    project = open_project()
    tasks = [project.task_folder(task).name] if task else project.tasks()
    findings = [lint_task(project, one, examples) for one in tasks]
    if as_json:
        typer.echo(json_line(findings_json(findings)))
    else:
        print_findings(findings)
    return 2 if any(one.errors for one in findings) else 0


@app.command("push")
def push(task: Task = "", tracking_uri: TrackingUri = "") -> None:
    """Register every template whose content the registry does not have yet."""
    from workbench.plan import refuse_secret
    from workbench.prompt import Renderer
    from workbench.report.safe_text import plain
    from workbench.tracking.prompt_status import push_prompts

    project = open_project()
    with Renderer() as renderer:
        found = _prompts(project, task, renderer)
        for prompt in found:
            refuse_secret(prompt, REDACTOR)
        for line in push_prompts(project, tracking_uri, found):
            typer.echo(plain(line))


@app.command("pull")
def pull(
    ref: Ref,
    force: Annotated[
        bool, typer.Option("--force", help="Replace a working copy that differs.")
    ] = False,
    tracking_uri: TrackingUri = "",
) -> None:
    """Write a version of the registry into its template file."""
    from workbench.prompt import Renderer
    from workbench.prompt.write import write_prompt
    from workbench.report.safe_text import plain

    if "@" not in ref:
        raise WorkbenchError(f"which version of {ref!r}?", fix=f"{ref}@1, {ref}@production, …")
    project = open_project()
    with Renderer() as renderer:
        prompt = _find(ref, tracking_uri, renderer)
        file = write_prompt(prompt, project, renderer, force=force)
    typer.echo(plain(f"{project.display_path(file)} is now {prompt.ref}"))


def _prompts(project: "Project", task: str, renderer: "Renderer") -> "list[Prompt]":
    from workbench.prompt import folder_reader, list_prompts, load_prompt

    tasks = [project.task_folder(task).name] if task else project.tasks()
    read = folder_reader(project.prompts)
    return [
        load_prompt(one, name, read, renderer)
        for one in tasks
        for name in list_prompts(project.prompts / one)
    ]


def _find(ref: str, tracking_uri: str, renderer: "Renderer") -> "Prompt":
    """The prompt of `task/name@…`; the task may be left out where only one has that name."""
    from workbench.errors import unknown_name
    from workbench.experiment import find_prompt
    from workbench.prompt import list_prompts, parse_reference
    from workbench.resolvers import project_resolvers

    project = open_project()
    head, slash, tail = ref.partition("/") if "/" in ref.partition("@")[0] else ("", "", ref)
    reference = parse_reference(tail)
    if slash:
        tasks = [project.task_folder(head).name]
    else:
        tasks = [t for t in project.tasks() if reference.name in list_prompts(project.prompts / t)]
    if len(tasks) != 1:
        known = [f"{t}/{n}" for t in project.tasks() for n in list_prompts(project.prompts / t)]
        raise unknown_name("prompt", reference.name, known)
    return find_prompt(
        tasks[0],
        reference,
        project=project,
        renderer=renderer,
        registry=project_resolvers(project, tracking_uri).registry,
    )


def _print(shown: "RenderableType") -> None:
    from rich.console import Console

    Console().print(shown)
