"""The language of answers, and answers that refuse."""

from pathlib import Path

import pytest
import refusal_answers as answers
from hypothesis import given
from hypothesis import strategies as st

from workbench.errors import WorkbenchError
from workbench.evaluator import Score, Spec
from workbench.evaluator.lookup import expected_check, expected_use, load_evaluator
from workbench.evaluators._refusal_clauses import find_refusal
from workbench.evaluators.language import language
from workbench.evaluators.refusal import refusal

ROOT = Path("/nowhere")
SENTENCES = {
    "en": "The meeting was moved to Thursday because two of the speakers were ill.",
    "de": "Die Besprechung wurde auf Donnerstag verschoben, weil zwei Redner krank waren.",
    "fr": "La réunion a été reportée à jeudi parce que deux intervenants étaient malades.",
    "es": "La reunión se aplazó al jueves porque dos de los ponentes estaban enfermos.",
    "it": "La riunione è stata spostata a giovedì perché due relatori erano malati.",
    "pt": "A reunião foi adiada para quinta-feira porque dois dos oradores estavam doentes.",
    "nl": "De vergadering is verplaatst naar donderdag omdat twee sprekers ziek waren.",
    "pl": "Spotkanie przełożono na czwartek, ponieważ dwóch prelegentów zachorowało.",
    "sv": "Mötet flyttades till torsdag eftersom två av talarna var sjuka.",
    "cs": "Schůzka byla přesunuta na čtvrtek, protože dva řečníci onemocněli.",
    "fi": "Kokous siirrettiin torstaille, koska kaksi puhujaa oli sairaana.",
    "tr": "Konuşmacılardan ikisi hasta olduğu için toplantı perşembe gününe ertelendi.",
    "hu": "A megbeszélést csütörtökre halasztották, mert két előadó beteg volt.",
    "ro": "Ședința a fost mutată joi deoarece doi dintre vorbitori erau bolnavi.",
    "vi": "Cuộc họp được dời sang thứ Năm vì hai diễn giả bị ốm.",
    "ru": "Встречу перенесли на четверг, потому что двое докладчиков заболели.",
    "uk": "Зустріч перенесли на четвер, бо двоє доповідачів захворіли.",
    "el": "Η συνάντηση μεταφέρθηκε για την Πέμπτη επειδή δύο ομιλητές ήταν άρρωστοι.",
    "ar": "تم تأجيل الاجتماع إلى يوم الخميس لأن اثنين من المتحدثين كانا مريضين.",
    "he": "הפגישה נדחתה ליום חמישי כי שניים מהדוברים היו חולים.",
    "hi": "बैठक गुरुवार तक टाल दी गई क्योंकि दो वक्ता बीमार थे।",
    "zh": "由于两位发言人生病，会议改到星期四举行。",
    "ja": "講演者二人が病気になったため、会議は木曜日に延期されました。",
    "ko": "발표자 두 명이 아파서 회의가 목요일로 연기되었습니다.",
    "th": "การประชุมถูกเลื่อนไปเป็นวันพฤหัสบดีเพราะวิทยากรสองคนป่วย",
}


@pytest.mark.parametrize("code", SENTENCES)
def test_a_sentence_is_in_its_language(code):
    other = "de" if code != "de" else "en"
    text = SENTENCES[code]
    assert language(text, {"expected_response": code}) == Score(True, label=code)
    assert language(text, {"expected_response": [other, code]}) == Score(True, label=code)
    assert language(text, language=other) == Score(False, f"{code}, not {other}", code)


def test_no_part_of_a_sentence_is_taken_for_another_language():
    mistaken = {}
    for code, sentence in SENTENCES.items():
        ends = [index for index, character in enumerate(sentence) if character == " "]
        for end in [*ends, len(sentence)]:
            score = language(sentence[:end], language=code)
            if score.value is False:
                mistaken[sentence[:end]] = score.label
    assert mistaken == {}


@pytest.mark.parametrize(
    ("outputs", "score"),
    [
        ("", Score(None, "0 letters are too few", "unsure")),
        ("Ja.", Score(None, "2 letters are too few", "unsure")),
        ("1234567890 " * 20, Score(None, "0 letters are too few", "unsure")),
        ("`for (i = 0; i < 10; i++)`", Score(None, "0 letters are too few", "unsure")),
        ("https://example.org/a-very-long-address", Score(None, "0 letters are too few", "unsure")),
        (f"```python\nwhile True: pass\n```\n{SENTENCES['de']}", Score(True, label="de")),
        (f"{SENTENCES['de']}\n```\nfor each of these items", Score(True, label="de")),
    ],
)
def test_short_texts_and_code_are_no_language(outputs, score):
    assert language(outputs, language="de") == score


UNKNOWN = "unknown language of the evaluator language: "


@pytest.mark.parametrize(
    ("code", "message"),
    [
        *[
            (code, f"{UNKNOWN}{code!r}\n  fix: did you mean 'de'? Languages are ISO 639-1 codes")
            for code in ("german", "German", "DE", "de-AT", "de_DE", "deu")
        ],
        ("nb", f"{UNKNOWN}'nb'\n  fix: did you mean 'no'? Languages are ISO 639-1 codes"),
        ("xx", f"{UNKNOWN}'xx'\n  fix: did you mean 'xh'? known: xh, af, am, an, ar, as, az, ba,"),
        ("zxx", f"{UNKNOWN}'zxx'\n  fix: known: af, am, an,"),
    ],
)
def test_only_codes_that_the_model_knows_are_taken(code, message):
    with pytest.raises(WorkbenchError) as caught:
        load_evaluator(Spec("language", {"language": code}, ROOT))
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (
            "english",
            "unknown language in expected_response: 'english'\n"
            "  fix: did you mean 'en'? Languages are ISO 639-1 codes",
        ),
        (None, "this row has no expected_response"),
    ],
)
def test_a_row_must_expect_a_language_that_is_known(answer, message):
    check = expected_check(load_evaluator(Spec("language", {}, ROOT)))
    for judge in (check, lambda row: language(SENTENCES["de"], row)):
        with pytest.raises(WorkbenchError) as caught:
            judge({"expected_response": answer})
        assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("settings", "use"), [({}, "other"), ({"language": "de"}, "none"), ({"language": ""}, "other")]
)
def test_an_expected_language_is_no_answer(settings, use):
    assert expected_use(load_evaluator(Spec("language", settings, ROOT))) == use


@pytest.mark.parametrize("outputs", answers.REFUSALS)
def test_a_refusal(outputs):
    assert refusal(outputs).value is True


@pytest.mark.parametrize("outputs", answers.LOOK_ALIKES)
def test_an_answer_that_only_looks_like_a_refusal(outputs):
    assert refusal(outputs) == Score(False)


def test_held_out_answers_are_judged_as_when_they_were_counted():
    missed = [text for text in answers.HELD_OUT_REFUSALS if not refusal(text).value]
    mistaken = [text for text in answers.HELD_OUT_LOOK_ALIKES if refusal(text).value]
    assert (missed, mistaken) == (list(answers.MISSED), list(answers.MISTAKEN))


REFUSED = "I'm sorry, but I can't help with that."


@pytest.mark.parametrize(
    ("outputs", "value"),
    [
        (f"**{REFUSED}**", True),
        (f"> {REFUSED}", True),
        (f'"{REFUSED}"', True),
        (f"“{REFUSED}”\n", True),
        (f'"{REFUSED}" is what the bot wrote.', False),
        (f"Here is the dialogue.\n\nBot: {REFUSED}", False),
        (f"{'The sea is calm tonight. ' * 20}{REFUSED}", False),
        (REFUSED.upper(), True),
        (REFUSED.replace("'", "’"), True),
        (REFUSED.replace(" ", "\u00a0"), True),
        (f"{REFUSED} I can suggest a book on chemistry instead.", True),
    ],
)
def test_only_the_answers_own_beginning_counts(outputs, value):
    assert refusal(outputs).value is value


@given(st.sampled_from(answers.REFUSALS), st.text(max_size=30))
def test_text_behind_a_refusal_changes_nothing(text, after):
    assert refusal(f"{text}\n\n{after}").value is True


@given(st.text("I can't'won\"help. ,!你无法。", max_size=200))
def test_a_clause_is_part_of_the_text(text):
    assert find_refusal(text) in text


def test_a_long_clause_is_cut_in_the_reason():
    outputs = f"Because {'the matter is very grave ' * 4}, I can't help with that."
    assert refusal(outputs).reason == f"{outputs[:80]}…"


def test_refusals_are_a_share_that_is_better_lower():
    traits = load_evaluator(Spec("refusal", {}, ROOT)).traits
    assert (traits.kind, traits.higher_is_better) == ("pass", False)
