"""`workbench review`: people's labels of answers, and how far people agree.

$ workbench review agree ann.csv bob.csv cid.csv --task triage
3 people, 60 answers, 60 of them with several labels
  figure         value              n
  raw agreement  0.78 [0.70, 0.85]  60
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from workbench.cli.completion import complete_task
from workbench.cli.output import print_result
from workbench.cli.run import AsJson, TrackingUri
from workbench.cli.setup import open_experiment
from workbench.errors import ExitCode, WorkbenchError

if TYPE_CHECKING:
    from workbench.calibration.labels import Label
    from workbench.review.verdict_agreement import VerdictAgreement

app = typer.Typer(no_args_is_help=True, help="Have people label answers, and see if they agree.")

Files = Annotated[
    list[Path],
    typer.Argument(
        metavar="FILES...",
        help="CSV files with the columns id and label, and perhaps variant and person. Without a "
        "person the file's name is the person.",
    ),
]


@app.command("agree")
def agree(
    files: Files,
    task: Annotated[
        str,
        typer.Option(
            metavar="TASK|FILE",
            help="Also compare people with the stored verdicts of its judges and evaluators.",
            autocompletion=complete_task,
        ),
    ] = "",
    order: Annotated[
        str,
        typer.Option(
            metavar="LABELS",
            help="The labels from the lowest to the highest: `no,partly,yes`. Numbers have theirs.",
        ),
    ] = "",
    tracking_uri: TrackingUri = "",
    as_json: AsJson = False,
) -> int:
    """Show how far people agree, who disagrees, and on which rows."""
    from workbench.report.people_agreement import agreement_json, agreement_lines
    from workbench.review.people_agreement import measure_agreement
    from workbench.review.people_labels import by_answer, read_people_labels

    labels = read_people_labels(files)
    agreement = measure_agreement(by_answer(labels), _read_order(order, labels))
    verdicts = _verdicts(task, labels, tracking_uri) if task else []
    present = agreement_json if as_json else agreement_lines
    print_result(present(agreement, verdicts))
    return ExitCode.DONE


def _read_order(text: str, labels: "list[Label]") -> list[str]:
    """The labels in the order that the option names, as they are spelt in the files.

    Raises:
        WorkbenchError: a label is missing, or named twice.
    """
    if not text:
        return []
    order = [label.strip() for label in text.split(",")]
    used = {label.choice.casefold(): label.choice for label in labels}
    places = {label.casefold(): place for place, label in enumerate(order)}
    missing = [repr(label) for key, label in used.items() if key not in places]
    if missing or len(places) < len(order):
        problem = f"lacks {', '.join(missing)}" if missing else "names a label twice"
        fix = f"name each label once: --order {','.join(sorted(used.values()))}"
        raise WorkbenchError(f"--order {text!r} {problem}", fix=fix)
    return [used.get(label.casefold(), label) for label in order]


def _verdicts(task: str, labels: "list[Label]", tracking_uri: str) -> "list[VerdictAgreement]":
    from workbench.plan import Options, Scope
    from workbench.review.verdict_agreement import verdict_agreements

    options = Options(Scope(None), sends=False, looks_up=False)
    with open_experiment(task, options, tracking_uri, require_env=False) as opened:
        return list(verdict_agreements(opened.plan(), opened.store, labels))
