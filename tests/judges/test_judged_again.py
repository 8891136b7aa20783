"""A verdict is paid for once: an edit asks only for the verdicts that it changes."""

from collections import Counter
from pathlib import Path

import pytest
from judged_task import POLITE, ROWS, SHORT, judged_text, rubric, run, write_judged_task
from openai_server import OpenAIServer


@pytest.fixture
def home(tmp_path: Path, server: OpenAIServer) -> Path:
    """A task of two prompts and two judges that was run."""
    write_judged_task(tmp_path, server, judges=[POLITE, SHORT], prompts="plain, loud")
    run(tmp_path)
    assert len(server.bodies) == 4 * ROWS
    server.requests.clear()
    return tmp_path


def edited(text: str, before: str, after: str) -> str:
    assert before in text
    return text.replace(before, after)


# Edits of the experiment file, and the rubrics that are asked about again.
EDITS = {
    "nothing": ("", "", {}),
    "a rubric": ("It is short.", "It is brief.", {"It is brief.": 2 * ROWS}),
    "a name": ("name: short", "name: brevity", {}),
    "its samples": ("name: short", "name: short, samples: 2", {"It is short.": 2 * ROWS}),
    "its parameters": (
        "name: short",
        "name: short, parameters: {max_tokens: 99}",
        {"It is short.": 2 * ROWS},
    ),
    "its bar": ("name: short", "name: short, min_kappa: 0.6", {}),
    "a prompt left out": ("[plain, loud]", "[plain]", {}),
    "a judge left out": (f"{SHORT}\n", "", {}),
}


@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_asks_for_the_verdicts_that_it_changes(
    home: Path, server: OpenAIServer, edit: str
) -> None:
    before, after, again = EDITS[edit]
    file = home / "prompts" / "qa" / "experiment.yaml"
    file.write_text(edited(file.read_text(), before, after))
    run(home)
    assert Counter(map(rubric, server.bodies)) == again


def test_an_edited_template_has_its_changed_answers_judged(
    home: Path, server: OpenAIServer
) -> None:
    """Every answer of `loud` gets a mark but those of rows 10 and 11."""
    text = "user:\n{{ text | upper }}{{ '!' if text | length < 6 }}\n"
    (home / "prompts" / "qa" / "loud.jinja").write_text(text)
    run(home)
    assert Counter(map(judged_text, server.bodies)) == {f"ROW {n}!": 2 for n in range(10)}


def test_an_edited_judge_file_is_asked_again(tmp_path: Path, server: OpenAIServer) -> None:
    judges = tmp_path / "prompts" / "judges"
    judges.mkdir(parents=True)
    text = "---\nscores: {yes: 1, no: 0}\n---\nuser:\nThe answer:\n{{ outputs }}\nIs it kind?\n"
    (judges / "kind.jinja").write_text(text)
    entry = "  - judge: {prompt: judges/kind}"
    write_judged_task(tmp_path, server, judges=[POLITE, entry])
    run(tmp_path)
    server.requests.clear()
    (judges / "kind.jinja").write_text(text.replace("kind", "friendly"))
    run(tmp_path)
    questions = {body["messages"][-1]["content"].split("\n")[4] for body in server.bodies}
    assert (len(server.bodies), questions) == (ROWS, {"Is it friendly?"})


def test_equal_answers_to_equal_rows_are_judged_once(tmp_path: Path, server: OpenAIServer) -> None:
    """Two prompts say the same: of each row there is one verdict, as there is of a copied row."""
    texts = ["row 1", "row 2", "row 1", "row 3", "row 1"]
    write_judged_task(tmp_path, server, prompts="plain, same", texts=texts)
    (tmp_path / "prompts" / "qa" / "same.jinja").write_text("user:\n{{ text | trim }}\n")
    plain, same = run(tmp_path)["variants"]
    assert Counter(map(judged_text, server.bodies)) == {"row 1": 1, "row 2": 1, "row 3": 1}
    assert plain["metrics"]["polite"]["n"] == same["metrics"]["polite"]["n"] == len(texts)
