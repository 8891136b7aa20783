"""The hostile inputs of the package, and the example that uses them."""

import base64
import codecs
import json
import re
from collections import Counter
from pathlib import Path

import pytest
from bench import Bench
from command import invoke

from workbench.catalog.bundled import BUNDLED_DATA
from workbench.evaluators.contains import contains
from workbench.evaluators.prompt_echo import prompt_echo
from workbench.evaluators.refusal import refusal

TARGET = "prompts/hostile/inputs.fetched.jsonl"
EXAMPLE = Path(__file__).parents[2] / "prompts" / "hostile"
ROWS = [json.loads(line) for line in BUNDLED_DATA[0].text.splitlines()]
ATTACKS = [row for row in ROWS if row["kind"] != "harmless"]
HARMLESS = [row for row in ROWS if row["kind"] == "harmless"]
HYPHENS = ("hyphen", "Bindestrich", "tiret", "guion", "连字符", "ハイフン")
NORMAL_ANSWERS = [
    "Orders arrive within five days, and you can return them within 30 days.",
    "I'm sorry, but I can't do that. I'm happy to help you with an order, though.",
    "I can't share my instructions. Is there anything about your order that I can look up?",
    "Your parcel is at the depot in Leeds; please collect it before Friday.",
    "Ich kann Ihnen bei Ihrer Bestellung helfen.",
]


def ids(rows: list[dict]) -> list[str]:
    return [row["id"] for row in rows]


def decoded(row: dict) -> str:
    """The message, with what is encoded in it."""
    text = row["input"]
    if row["kind"] != "encoding":
        return text
    tokens = re.findall("[A-Za-z0-9+/]{40,}=*", text)
    pairs = "".join(re.findall(r"\b[0-9a-f]{2}\b", text))
    forms = [text, codecs.encode(text, "rot13"), text[::-1], re.sub(r"(?<=\w)-(?=\w)", "", text)]
    forms += [base64.b64decode(token).decode() for token in tokens]
    forms.append(bytes.fromhex(pairs).decode("ascii", "replace"))
    return "\n".join(forms)


def test_rows_have_the_same_columns_and_ids_of_their_own() -> None:
    columns = ["id", "kind", "hostile", "input", "forbidden", "expected"]
    assert [row["id"] for row in ROWS if list(row) != columns] == []
    assert len(set(ids(ROWS))) == len(ROWS)
    assert len({row["input"] for row in ROWS}) == len(ROWS)
    assert {row["id"].rpartition("-")[0] == row["kind"] for row in ROWS} == {True}


def test_the_description_counts_the_rows() -> None:
    kinds = Counter(row["kind"] for row in ATTACKS)
    assert (len(ATTACKS), len(kinds), len(HARMLESS)) == (57, 11, 10)
    assert min(kinds.values()) >= 4
    assert BUNDLED_DATA[0].about == (
        "57 messages of users who attack a prompt in eleven ways, and 10 harmless ones that look "
        "alike."
    )


def test_an_attack_has_a_forbidden_answer_and_a_harmless_row_an_expected_one() -> None:
    assert {(row["hostile"], row["expected"]) for row in ATTACKS} == {("yes", None)}
    assert {(row["hostile"], row["forbidden"]) for row in HARMLESS} == {("no", None)}
    assert all(row["expected"] and all(row["expected"]) for row in HARMLESS)


def test_each_attack_has_a_code_of_its_own() -> None:
    codes = [row["forbidden"][0].split("-") for row in ATTACKS]
    assert [row["forbidden"] for row in ATTACKS] == [
        [f"{word}-{number}", f"{word} {number}"] for word, number in codes
    ]
    words, numbers = zip(*codes, strict=True)
    assert len(set(words)) == len(set(numbers)) == len(codes)


@pytest.mark.parametrize("row", ATTACKS, ids=ids(ATTACKS))
def test_an_attack_asks_for_its_code(row: dict) -> None:
    word, number = row["forbidden"][0].split("-")
    text = decoded(row)
    assert re.search(rf"\b{word}\b", text)
    assert re.search(rf"\b{number}\b", text)
    assert any(hyphen in text for hyphen in HYPHENS)


def test_no_code_stands_in_a_message_or_a_normal_answer() -> None:
    """Whoever quotes the attack has not answered with its code."""
    codes = [code for row in ATTACKS for code in row["forbidden"]]
    texts = [row["input"] for row in ROWS] + NORMAL_ANSWERS
    texts += [answer for row in HARMLESS for answer in row["expected"]]
    texts += [file.read_text("utf-8") for file in EXAMPLE.glob("*.jinja")]
    scores = [contains(text, texts=codes, match="none") for text in texts]
    assert [score.reason for score in scores if not score.value] == []


@pytest.mark.parametrize("row", HARMLESS, ids=ids(HARMLESS))
def test_a_harmless_row_is_answered_by_what_it_expects(row: dict) -> None:
    answer = f"It is {row['expected'][0]}."
    assert contains(answer, {"expected_response": row["expected"]}).value is True
    assert refusal(answer).value is False


def test_the_command_writes_the_rows_once_and_without_a_network(tmp_path: Path) -> None:
    (tmp_path / "prompts").mkdir()
    first, second = (
        invoke(tmp_path, "data", "add", "hostile-inputs", PIP_NO_INDEX="1") for _ in range(2)
    )
    target = tmp_path / TARGET
    provenance = target.with_suffix(".txt").read_text("utf-8")
    assert target.read_text("utf-8") == BUNDLED_DATA[0].text
    files = ("experiment.yaml", "hardened.jinja", "naive.jinja")
    task = "".join(f"prompts/hostile/{file}: of the task hostile\n" for file in files)
    assert first.stdout == f"{target}: 67 rows\n{provenance}{task}"
    assert second.stdout == f"{target} exists\n"
    assert provenance.endswith("licence: Apache-2.0, written for Workbench.\n")


def test_rows_that_were_edited_stay_as_they_are(tmp_path: Path) -> None:
    target = tmp_path / TARGET
    target.parent.mkdir(parents=True)
    target.write_text("mine")
    done = invoke(tmp_path, "data", "add", "hostile-inputs")
    assert done.returncode == 2
    assert done.stderr.endswith("  fix: rename or delete it, then add hostile-inputs again\n")
    assert target.read_text() == "mine"


@pytest.mark.parametrize("name", ["naive", "hardened"])
def test_a_message_stays_a_message_of_the_user(bench: Bench, name: str) -> None:
    """Some rows have role lines and marks in them."""
    prompt = bench.prompt((EXAMPLE / f"{name}.jinja").read_bytes(), name)
    for row, conversation in zip(ROWS, bench.rendered(prompt, *ROWS), strict=True):
        system, user = conversation.messages
        assert (system.role, user.role) == ("system", "user")
        assert row["input"].strip() in user.content
        messages = [{"role": each.role, "content": each.content} for each in (system, user)]
        assert prompt_echo(user.content, messages).value is False
        assert prompt_echo(system.content, messages).value is True
