"""Scores of the evaluators of answers: choices, dates, lists and entities."""

import datetime

import pytest
from expected_rows import load, wanted
from hypothesis import given
from hypothesis import strategies as st

from workbench.errors import WorkbenchError
from workbench.evaluator.lookup import expected_check
from workbench.evaluators._dates import read_dates
from workbench.evaluators._overlap import compare_lists
from workbench.evaluators.choice import choice
from workbench.evaluators.date_match import date_match
from workbench.evaluators.entities import entities
from workbench.evaluators.set_overlap import set_overlap

ROW = {"options": ["Rome", "Paris", "Oslo", "New York"]}


@pytest.mark.parametrize(
    ("outputs", "label", "parsed"),
    [
        *[
            (text, "right", "B")
            for text in ("B", "(B)", "b", "The answer is B.", "B) Paris", "Paris")
        ],
        *[(text, "right", "B") for text in ("**B**: Paris", "It is Paris, of course.", "paris.")],
        ("C is right because Paris is large", "wrong", "C"),
        ("Option C (Oslo)", "wrong", "C"),
        ("New York", "wrong", "D"),
        ("A) Rome\nB) Paris\nC) Oslo\nD) New York\nAnswer: C", "wrong", "C"),
        *[(text, "unparsed", "") for text in ("", "A dog", "E", "York", "Not B.", "not Rome")],
        ("B) Rome", "unparsed", ""),
        ("I think Paris or Oslo", "unparsed", ""),
        ("The capital is Paris. Rome is in Italy.", "unparsed", ""),
    ],
)
def test_choice(outputs, label, parsed):
    score = choice(outputs, ROW, wanted("B"), choices="options")
    assert (score.label, score.parsed, score.value) == (label, parsed, label == "right")


@pytest.mark.parametrize(
    ("options", "expected", "reading", "letter"),
    [
        (ROW["options"], "B", "any", "B"),
        (ROW["options"], "(b)", "any", "B"),
        (ROW["options"], "Paris", "any", "B"),
        (ROW["options"], 1, "any", "B"),
        (ROW["options"], "1", "any", "B"),
        (ROW["options"], 1.0, "index", "B"),
        (["1", "2", "3"], "2", "text", "B"),
        (["1", "2", "3"], "2", "index", "C"),
        (["B", "A"], "A", "letter", "A"),
        (["B", "A"], "A", "text", "B"),
        ({"label": ["1", "2"], "text": ["x", "y"]}, "2", "any", "2"),
        ('{"1": "x", "2": "y"}', "2", "any", "2"),
        ('["x", "y"]', "y", "any", "B"),
        ([True, False], False, "any", "B"),
    ],
)
def test_expected_option(options, expected, reading, letter):
    score = choice(letter, {"o": options}, wanted(expected), choices="o", expected=reading)
    assert (score.value, score.parsed) == (True, letter)


FORMS = "\n  fix: write a list of texts, {A: …, B: …}, or {label: […], text: […]}; at most 26"


@pytest.mark.parametrize(
    ("options", "expected", "reading", "message"),
    [
        (
            ["1", "2", "3"],
            "2",
            "any",
            "expected_response '2' is read as B and C\n"
            "  fix: set `expected: letter`, `text` or `index`",
        ),
        (
            ["x", "y"],
            "z",
            "any",
            "expected_response 'z' is no option\n  fix: the options are A: x, B: y",
        ),
        (
            ["x", "y"],
            "x",
            "letter",
            "expected_response 'x' is no option's letter\n  fix: the options are A: x, B: y",
        ),
        (
            ["x", "y"],
            None,
            "any",
            "expected_response is None, no option\n"
            "  fix: add `expected: COLUMN` to the dataset, or fill in that column",
        ),
        (["x"], "A", "any", f"choice: ['x'] are no options{FORMS}"),
        ("x, y", "A", "any", f"choice: 'x, y' are no options{FORMS}"),
    ],
)
def test_options_that_can_not_be_matched(options, expected, reading, message):
    with pytest.raises(WorkbenchError) as caught:
        choice("A", {"o": options}, wanted(expected), choices="o", expected=reading)
    assert str(caught.value) == message


def test_a_missing_column_of_options_is_named():
    with pytest.raises(WorkbenchError) as caught:
        choice("A", {"question": "?"}, wanted("A"), choices="options")
    assert str(caught.value) == (
        "choice: the row has no column 'options'\n  fix: name a column with the options: question"
    )


DATE = "2023-12-01"
READ = [
    "2023-12-01",
    "1 Dec 2023",
    "1 December 2023",
    "December 1, 2023",
    "Dec. 1st, 2023",
    "1st of December 2023",
    "1. Dezember 2023",
    "1.Dezember 2023",
    "1er décembre 2023",
    "1 de diciembre de 2023",
    "1º de dezembro de 2023",
    "1 dicembre 2023",
    "1 december 2023",
    "2023年12月1日",
    "2023년 12월 1일",
    "1.12.2023",
    "2023/12/01",
    "2023.12.01",
    "2023-12-01T10:00:00Z",
    "It was on Friday, 1 December 2023.",
    "**1 December 2023**",
    "１ Dec ２０２３",
    "01/12/2023 (1 December 2023)",
    "1-Dec-2023",
    "2023-Dec-01",
    "DECEMBER 1, 2023",
    "1 déc. 2023",
    "1 dez. 2023",
]
UNPARSED = [
    "01/12/2023",
    "1 Dec 2023 or 2 Dec 2023",
    "1 December",
    "December 2023",
    "May 5",
    "30 February 2023",
    "12/1/23",
    "1-5 December 2023",
    "from 1 to 5 December 2023",
    "between 1 December 2023 and 3 December 2023",
    "12月1日",
]
NO_DATE = ["2023", "none", "https://x.org/2023/12/01/", "v1.12.2023", "1.12.2023.4", "20231201", ""]


@pytest.mark.parametrize(
    ("texts", "label"),
    [
        (READ, "right"),
        (UNPARSED, "unparsed"),
        (NO_DATE, "no_date"),
        (["13/12/2023", "2 Dec 2023", "1 mars 2023"], "wrong"),
    ],
    ids=["right", "unparsed", "no_date", "wrong"],
)
def test_date_match(texts, label):
    labels = {text: date_match(text, wanted(DATE)).label for text in texts}
    assert labels == dict.fromkeys(texts, label)


@pytest.mark.parametrize(
    ("outputs", "settings", "value"),
    [
        ("01/12/2023", {"day_first": True}, True),
        ("01/12/2023", {"day_first": False}, False),
        ("12/01/2023", {"day_first": False}, True),
        ("3 Dec 2023", {"tolerance_days": 2}, True),
        ("4 Dec 2023", {"tolerance_days": 2}, False),
    ],
)
def test_settings_of_date_match(outputs, settings, value):
    assert date_match(outputs, wanted(["2020-01-01", DATE]), **settings).value is value


@given(
    st.dates(datetime.date(1000, 1, 1)),
    st.sampled_from(["%Y-%m-%d", "%d %B %Y", "%B %d, %Y", "%d.%m.%Y"]),
)
def test_dates_that_python_writes_are_read(date, form):
    assert read_dates(f"It was {date.strftime(form)}.").candidates == {date}


COLOURS = wanted(["red", "green", "blue"])


@pytest.mark.parametrize(
    ("outputs", "settings", "value", "reason"),
    [
        *[
            (text, {}, 1.0, "")
            for text in (
                "red, green, blue",
                "red, green and blue",
                "Red, Green, and Blue.",
                "The colours are: red, green & blue.",
                '["red", "green", "blue"]',
                '```json\n["blue", "green", "red", "red"]\n```',
                '{"colours": ["red", "green", "blue"]}',
                "1. red\n2. green\n3. blue",
                "Here:\n- **Red**: like blood\n- **Green** – grass\n- Blue\nThat is all.",
                "red\ngreen\nblue",
                "red; green; blue",
                "red、green、blue",
            )
        ],
        ("red and green", {}, 0.8, "missing: blue"),
        ("red, pink", {"measure": "precision"}, 1 / 2, "missing: green, blue; extra: pink"),
        ("red, pink", {"measure": "recall"}, 1 / 3, "missing: green, blue; extra: pink"),
        ("red, pink", {"measure": "jaccard"}, 1 / 4, "missing: green, blue; extra: pink"),
        ("blue, red, green", {"measure": "exact"}, 1.0, ""),
        ("blue, red", {"measure": "exact"}, 0.0, "missing: green"),
        ("blue, red, green", {"measure": "recall", "ordered": True}, 2 / 3, "in another order"),
        ("blue, red, green", {"measure": "exact", "ordered": True}, 0.0, "in another order"),
        ("red|green|blue", {"separator": "|"}, 1.0, ""),
        ("RED, green, blue", {"ignore_case": False}, 2 / 3, "missing: red; extra: RED"),
        ("", {}, 0.0, "missing: red, green, blue"),
        ("none", {}, 0.0, "missing: red, green, blue"),
    ],
)
def test_set_overlap(outputs, settings, value, reason):
    score = set_overlap(outputs, COLOURS, **settings)
    assert (score.value, score.reason) == (pytest.approx(value), reason)


@pytest.mark.parametrize(
    ("outputs", "expected", "value"),
    [
        ("none", "none", 1.0),
        ("[]", "[]", 1.0),
        ("red", "none", 0.0),
        ("salt and pepper, oil", ["salt and pepper", "oil"], 1.0),
        ("[1.0, 2]", [1, 2], 1.0),
        ("a, b", "b, a", 1.0),
        ("a, b", '["b", "a"]', 1.0),
    ],
)
def test_expected_lists(outputs, expected, value):
    assert set_overlap(outputs, wanted(expected)).value == value


ITEMS = st.lists(st.sampled_from("abcdefgh"))


@given(ITEMS, ITEMS, st.sampled_from(["f1", "jaccard", "exact"]))
def test_measures_of_sets(answered, expected, measure):
    both = [compare_lists(answered, expected), compare_lists(expected, answered)]
    left, right = [overlap.value(measure) for overlap in both]
    a, b = set(answered), set(expected)
    by_hand = {
        "f1": 2 * len(a & b) / (len(a) + len(b)) if a or b else 1.0,
        "jaccard": len(a & b) / len(a | b) if a or b else 1.0,
        "exact": float(a == b),
    }
    assert (left, right) == (pytest.approx(by_hand[measure]), left)


@given(ITEMS, ITEMS)
def test_ordered_matches_are_the_longest_common_subsequence(answered, expected):
    first, second = list(dict.fromkeys(answered)), list(dict.fromkeys(expected))
    table = [[0] * (len(second) + 1) for _ in range(len(first) + 1)]
    for i, left in enumerate(first):
        for j, right in enumerate(second):
            best = max(table[i][j + 1], table[i + 1][j])
            table[i + 1][j + 1] = table[i][j] + 1 if left == right else best
    assert compare_lists(answered, expected, ordered=True).matched == table[-1][-1]


PEOPLE = wanted([{"text": "Oslo", "type": "place"}, {"text": "Ann", "type": "person"}])


@pytest.mark.parametrize(
    ("outputs", "settings", "value", "label"),
    [
        ("Ann lives in Oslo.", {}, 1.0, ""),
        ("Anna lives in Oslo.", {}, 0.5, ""),
        ("ann lives in oslo.", {}, 0.0, ""),
        ("ann lives in oslo.", {"ignore_case": True}, 1.0, ""),
        ("Ann lives in Oslo.", {"measure": "f1"}, 0.0, "unparsed"),
        ('["Oslo", "Ann"]', {"measure": "f1"}, 1.0, ""),
        ('[{"text": "Oslo", "type": "place"}]', {"measure": "f1"}, 2 / 3, ""),
        ('[{"name": "Oslo", "label": "person"}]', {}, 0.0, ""),
        ('[{"name": "Oslo", "label": "person"}]', {"types": False}, 0.5, ""),
        ('{"entities": [{"entity": "Ann", "type": "person"}]}', {"measure": "precision"}, 1.0, ""),
        ("[]", {"measure": "f1"}, 0.0, ""),
    ],
)
def test_entities(outputs, settings, value, label):
    score = entities(outputs, PEOPLE, **settings)
    assert (score.value, score.label) == (pytest.approx(value), label)


def test_entities_stand_anywhere_in_scripts_without_spaces():
    assert entities("他住在东京。", wanted(["东京"])).value == 1.0


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("choice", {"choices": ["x"]}, f"choice: ['x'] are no options{FORMS}"),
        (
            "date_match",
            {"day_first": "yes"},
            "date_match: day_first is 'yes'\n"
            "  fix: day_first: true for 31/12/2023, false for 12/31/2023",
        ),
        (
            "date_match",
            {"tolerance_days": -1},
            "date_match: tolerance_days is -1\n  fix: write a number of days from 0",
        ),
        (
            "set_overlap",
            {"measure": "f2"},
            "unknown measure of set_overlap: 'f2'\n"
            "  fix: did you mean 'f1'? known: f1, exact, jaccard, precision, recall",
        ),
        (
            "entities",
            {"measure": "mean"},
            "unknown measure of entities: 'mean'\n"
            "  fix: known: exact, f1, jaccard, precision, recall",
        ),
        (
            "choice",
            {"choices": "o", "expected": "number"},
            "unknown value of choice's `expected`: 'number'\n"
            "  fix: known: any, index, letter, text",
        ),
    ],
)
def test_bad_settings_are_refused(name, settings, message):
    with pytest.raises(WorkbenchError) as caught:
        load(name, settings)
    assert str(caught.value) == message


LIST_FIX = "\n  fix: write a list of items, or `none` for a row in which there are none"


@pytest.mark.parametrize(
    ("name", "settings", "expected", "message"),
    [
        (
            "date_match",
            {},
            "soon",
            "expected_response 'soon' is not read as one date\n  fix: write it as 2023-12-31",
        ),
        (
            "date_match",
            {},
            "01/12/2023",
            "expected_response '01/12/2023': day or month first?\n"
            "  fix: set `day_first: true` or `false`",
        ),
        ("set_overlap", {}, [], f"expected_response is [], not a list{LIST_FIX}"),
        ("set_overlap", {}, None, f"expected_response is None, not a list{LIST_FIX}"),
        (
            "entities",
            {},
            "",
            "expected_response is '', no list of entities\n"
            '  fix: write a list: ["Oslo"], [{"text": "Oslo", "type": "place"}], or `none`',
        ),
        (
            "choice",
            {"choices": ["x", "y"]},
            "z",
            "expected_response 'z' is no option\n  fix: the options are A: x, B: y",
        ),
    ],
)
def test_bad_expectations_are_refused(name, settings, expected, message):
    check = expected_check(load(name, settings))
    assert check
    with pytest.raises(WorkbenchError) as caught:
        check(wanted(expected))
    assert str(caught.value) == message
