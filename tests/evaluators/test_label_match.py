"""Labels that answers name."""

import pytest
from expected_rows import wanted
from hypothesis import given
from hypothesis import strategies as st

from workbench.errors import WorkbenchError
from workbench.evaluator import Score
from workbench.evaluators.label_match import label_match

SENTIMENT = ["positive", "negative", "very positive"]


@pytest.mark.parametrize(
    ("outputs", "expected"),
    [
        ("positive", Score(True, "positive, expected positive", "right", parsed="positive")),
        (" **Positive**.", Score(True, "positive, expected positive", "right", parsed="positive")),
        (
            "Sentiment: POSITIVE",
            Score(True, "positive, expected positive", "right", parsed="positive"),
        ),
        ("negative", Score(False, "negative, expected positive", "wrong", parsed="negative")),
        (
            "Positive. Nothing negative about it.",
            Score(True, "positive, expected positive", "right", parsed="positive"),
        ),
        (
            "positive\nnegative\npositive",
            Score(True, "positive, expected positive", "right", parsed="positive"),
        ),
        (
            "very  positive",
            Score(False, "very positive, expected positive", "wrong", parsed="very positive"),
        ),
        ("not positive", Score(False, "names positive, negated", "unparsed")),
        ("", Score(False, "names no label", "unparsed")),
        ("I can't tell", Score(False, "names no label", "unparsed")),
        ("positively", Score(False, "names no label", "unparsed")),
        ("non-positive", Score(False, "names no label", "unparsed")),
        ("positive or negative", Score(False, "names negative, positive", "unparsed")),
        ("Positive/Negative?", Score(False, "names negative, positive", "unparsed")),
        ("Is it positive? It is negative.", Score(False, "names negative, positive", "unparsed")),
    ],
)
def test_label_match(outputs, expected):
    assert label_match(outputs, wanted("positive"), labels=SENTIMENT) == expected


@pytest.mark.parametrize(
    ("outputs", "settings", "expected"),
    [
        ("hm", {"unparsed": "not_applicable"}, Score(None, "names no label", "unparsed")),
        ("Yes", {"ignore_case": False}, Score(False, "names no label", "unparsed")),
        ("yes", {"ignore_case": False}, Score(True, "yes, expected yes", "right", parsed="yes")),
        ("yeſ", {}, Score(True, "yes, expected yes", "right", parsed="yes")),
    ],
)
def test_label_match_settings(outputs, settings, expected):
    assert label_match(outputs, wanted("yes"), labels=["yes", "no"], **settings) == expected


def test_an_expected_answer_that_is_no_label_is_an_error():
    with pytest.raises(WorkbenchError, match=r"unknown label \(in expected_response\) 'pos'"):
        label_match("positive", wanted("pos"), labels=SENTIMENT)


@given(st.sampled_from(SENTIMENT), st.sampled_from(SENTIMENT))
def test_a_label_alone_names_itself(label, answer):
    assert label_match(label, wanted(answer), labels=SENTIMENT).value is (label == answer)


def lines(table: str) -> list[str]:
    return table.replace("\n", "|").split("|")


# A letter or digit that is a part of something else, a question, or a label that is taken back.
NAMES = """Vitamin C|Hepatitis A|Plan B|It is written in C.|C++|C#|A+|A-|Q&A|9 A.M.|20 C|USB C
Dr. C|Appendix C|I was tempted by A|A seems unlikely|Rule out A|all but A|A? No|A?|Not (A)
A - incorrect|A ❌|~~A~~|A can be eliminated|A doesn't fit|A is never right|A B C D
A through C|C as in cat|A: wrong|A) wrong|A. Wrong|(A): incorrect|A: not correct|**A:** wrong
A: this is wrong because it rains|Option A: incorrect|A: falsch|A: 错"""
# The text of an option is no judgement of it.
OPTION_TEXTS = """A: Paris|A: false|A: None|A: wrong number|A: The wrong answer|A: Wrong, Not wrong
A: Not enough information|The answer is A: wrong|A: correct|A: no"""
JUDGED = [
    *("A: wrong. B: right", "A: false, B: true", "A: no, B: yes", "A: wrong, B: correct"),
    *("A: wrong\nB: right\nC: wrong", "A: eliminated. The answer is B."),
]
NAMED = r"""The answer is $B$|<answer>B</answer>|`B`|Statement B is true
B looks correct|I'd go with B
B would be the best choice|A and C are wrong. The answer is B.|B fits best|So B|B (Rome)|B – Rome"""
TAKEN_BACK = """positive?|Positive? No.|positive negative
less than positive|rarely positive|{"positive": false}|unlikely to be positive|a false positive
not_positive|not: positive|not (positive)|not 'positive'
It is not, in any way, positive|positive - false
positive: no|positive (10%)|positive -> incorrect|positive ✗
~~positive~~|positive does not apply|kaum positive|guère positive|tampoco positive
nej positive|לא positive|नहीं positive|ไม่ positive|lack of positive words"""
ASSERTED = """It couldn't be more positive|positive (95%)|{"sentiment": "positive"}
ein wenig positive|Positive: no negative words|un peu positive|mostly positive"""
AMOUNTS = """After 4 weeks it broke|at least 4|~4|>4|≥4|$4|4 to 5|between 3 and 4|4?
4 or more|about 4"""
KOREAN = (
    "긍정 아님|긍정이 아닙니다|긍정 또는 부정|긍정도 부정도 아니다|비긍정|안 긍정|긍정적인가요?"
)
JAPANESE = """ポジティブですか|ポジティブでない|ポジティブでもネガティブでもない
ポジティブというよりネガティブ"""
RUSSIAN = """вряд ли положительный|положительный или отрицательный
нельзя назвать положительный"""
LETTERS = ["A", "B", "C", "D"]
BINARY = ["positive", "negative"]
TOXIC = ["toxic", "non_toxic"]
TICKETS = ["billing_issue", "login-problem", "OtherRequest"]
CHINESE = ["积极", "消极"]


@pytest.mark.parametrize(
    ("labels", "outputs", "parsed"),
    [
        *[
            (LETTERS, text, "B")
            for text in ("B", "b", "B.", "(B)", "(b)", "[B]", "**B**", "B) Rome")
        ],
        *[
            (LETTERS, text, "B")
            for text in ("b) Rome", "B. A large dog", "The answer is B.", "B, a cat")
        ],
        *[
            (LETTERS, text, "B")
            for text in ("answer: b", "A dog or a cat? The answer is (B).", "Option B")
        ],
        *[
            (LETTERS, text, "B")
            for text in ("I think B is right", "It has to be B", "答案是B。", "选B")
        ],
        *[
            (LETTERS, text, "B")
            for text in (r"The answer is \boxed{B}", "A is wrong. The answer is B.")
        ],
        (LETTERS, "A is correct", "A"),
        (LETTERS, "A because of a rule", "A"),
        (LETTERS, "The answer is A", "A"),
        *[
            (LETTERS, text, "")
            for text in ("a cat", "A cat sat", "It is a dog", "the answer is a cat")
        ],
        *[
            (LETTERS, text, "")
            for text in (
                "A or B",
                "ANSWER: A or B",
                "a, b or c",
                "C++ and C#",
                "e.g. a dog",
                "None",
            )
        ],
        *[
            (BINARY, text, "")
            for text in ("not positive", "It isn't positive.", "isn’t very positive")
        ],
        *[
            (BINARY, text, "")
            for text in ("never really positive", "neither positive nor negative")
        ],
        *[(BINARY, text, "") for text in ("I don't think it is positive", "far from positive")],
        *[
            (BINARY, text, "")
            for text in ("nicht positive", "n'est pas positive", "no es positive")
        ],
        (BINARY, "not positive but negative", "negative"),
        (BINARY, "It is not positive, it's negative", "negative"),
        (BINARY, "not only positive", "positive"),
        (BINARY, "without a doubt positive", "positive"),
        (BINARY, "It is not the case that this is positive", ""),
        (BINARY, "positive rather than negative", "positive"),
        (BINARY, "I did not enjoy it and the sentiment is negative", "negative"),
        (BINARY, "not good → negative", "negative"),
        (BINARY, "not good (negative)", "negative"),
        (BINARY, "not good so it is negative", "negative"),
        (["safe", "unsafe"], "It is not safe", "unsafe"),
        (["relevant", "irrelevant"], "isn't relevant", "irrelevant"),
        (["safe", "unsafe"], "It is not unsafe", ""),
        (BINARY, "no doubt positive", "positive"),
        (BINARY, "Not sure. Positive", "positive"),
        (BINARY, "Positive is not it, negative", "negative"),
        (TOXIC, "isn't toxic", "non_toxic"),
        (TOXIC, "not toxic", "non_toxic"),
        (TOXIC, "Non-Toxic", "non_toxic"),
        (TOXIC, "nontoxic", "non_toxic"),
        (TOXIC, "toxic", "toxic"),
        (["entailment", "not_entailment"], "It isn't an entailment", "not_entailment"),
        (["yes", "no"], "No, it is not.", "no"),
        (["yes", "no"], "I do not know", ""),
        (CHINESE, "这条评论是积极的。", "积极"),
        (CHINESE, "这条评论不是积极的。", ""),
        (CHINESE, "评论不积极，是消极的", "消极"),
        (CHINESE, "非常积极", "积极"),
        (["ポジティブ", "ネガティブ"], "このレビューはポジティブです。", "ポジティブ"),
        (["ポジティブ", "ネガティブ"], "ポジティブではありません", ""),
        (["บวก", "ลบ"], "ความเห็นนี้เป็นบวกมาก", "บวก"),
        (["ບວກ", "ລົບ"], "ຄຳເຫັນນີ້ບວກແທ້", "ບວກ"),
        (["វិជ្ជមាន", "អវិជ្ជមាន"], "នេះជាវិជ្ជមានណាស់", "វិជ្ជមាន"),
        (["긍정", "부정"], "이 리뷰는 긍정적입니다", "긍정"),
        (["긍정", "부정"], "긍정이 아니다", ""),
        (["positive", "negative"], "答案是positive的", "positive"),
        (["是", "否"], "是", "是"),
        (["是", "否"], "答案：否。", "否"),
        (["是", "否"], "这条评论是积极的", ""),
        *[
            (TICKETS, text, "billing_issue")
            for text in ("billing issue", "Billing-Issue", "BILLING_ISSUE")
        ],
        *[
            (TICKETS, text, "billing_issue")
            for text in (r"billing\_issue", "It is a BillingIssue.")
        ],
        (TICKETS, "login problem", "login-problem"),
        (TICKETS, "an other request", "OtherRequest"),
        (LETTERS, "I choose option B over A.", "B"),
        (LETTERS, "B instead of A", "B"),
        (LETTERS, "E = mc^2, and C=5", ""),
        (LETTERS, "A: Oslo\nB: Rome\nC: Bern\n\nAnswer: B", "B"),
        (LETTERS, "A) Oslo\nB) Rome\nC) Bern", ""),
        (LETTERS, "B? No, C.", ""),
        (BINARY, "Positive? No, negative.", ""),
        *[
            (BINARY, text, "")
            for text in (
                "anything but positive",
                "the opposite of positive",
                "It fails to be positive",
                "I doubt it is positive",
                "keineswegs positive",
                "nada positive",
                "inte positive",
                "ليس positive",
            )
        ],
        *[(LETTERS, text, "") for text in lines(NAMES)],
        *[(LETTERS, text, "B") for text in lines(NAMED)],
        *[(LETTERS, text, "A") for text in lines(OPTION_TEXTS)],
        *[(LETTERS, text, "B") for text in JUDGED],
        *[(BINARY, text, "") for text in lines(TAKEN_BACK)],
        *[(BINARY, text, "positive") for text in lines(ASSERTED)],
        *[(["1", "2", "3", "4", "5"], text, "") for text in lines(AMOUNTS)],
        *[(["1", "2", "3", "4", "5"], text, "4") for text in ("4 stars", "Score → 4", "4!")],
        (["👍", "👎"], "👍!", "👍"),
        *[(["👍", "👎"], text, "") for text in ("👍👎", "not 👍", "👍?")],
        *[(["0", "1"], text, "") for text in ("Step 1", "Reason 1: so", "1. Bad\n2. Worse")],
        *[
            (CHINESE, text, "")
            for text in ("积极吗", "缺乏积极", "难说积极", "积极性不高", "积极消极")
        ],
        *[(["긍정", "부정"], text, "") for text in lines(KOREAN)],
        *[(["ポジティブ", "ネガティブ"], text, "") for text in lines(JAPANESE)],
        *[(["положительный", "отрицательный"], text, "") for text in lines(RUSSIAN)],
        *[
            (["positiv", "negativ"], text, "")
            for text in ("positiv nicht", "alles andere als positiv")
        ],
        *[
            (["positif", "négatif"], text, "")
            for text in ("loin d'être positif", "tout sauf positif")
        ],
        *[(BINARY, text, "") for text in ("less negative", "positive bis negative")],
        (BINARY, "positive because negative words are absent", "positive"),
        (BINARY, '{"positive": 0.1, "negative": 0.9}', "negative"),
        (BINARY, "- [ ] positive\n- [x] negative", "negative"),
        (BINARY, "☐ positive ☑ negative", "negative"),
        (TOXIC, "toxic: 10%", ""),
        (TOXIC, "unlikely toxic", ""),
        (["yes", "no"], "yes, no doubt", "yes"),
        (["0", "1", "-1"], "-1", "-1"),
        (["0", "1"], "-1", ""),
        (["1", "2", "3", "4", "5"], "4.5", ""),
        (["1", "2", "3", "4", "5"], "4/5", ""),
        (["1", "2", "3", "4", "5"], "４", "4"),
    ],
)
def test_the_label_that_an_answer_names(labels, outputs, parsed):
    assert label_match(outputs, wanted(labels[0]), labels=labels).parsed == parsed


@pytest.mark.parametrize(
    ("answer", "labels", "outputs", "value"),
    [
        (["positive", "very positive"], SENTIMENT, "very positive", True),
        (["positive", "very positive"], SENTIMENT, "negative", False),
        (True, ["yes", "no"], "Yes.", True),
        (False, ["true", "false"], "True", False),
        (1.0, ["0", "1"], "1", True),
        ("1.0", ["0", "1"], "1", True),
        ("Billing Issue", TICKETS, "billing_issue", True),
        ("caf\u00e9", ["cafe\u0301", "bar"], "café", True),
    ],
)
def test_expected_labels(answer, labels, outputs, value):
    assert label_match(outputs, wanted(answer), labels=labels).value is value


@given(
    st.sampled_from(LETTERS),
    st.sampled_from(["a", "A"]),
    st.sampled_from(["cat", "big dog", "list"]),
)
def test_an_article_is_never_a_label(label, article, noun):
    assert label_match(f"It is {article} {noun}", wanted(label), labels=LETTERS).parsed == ""
