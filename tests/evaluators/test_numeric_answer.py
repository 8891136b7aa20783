"""Numbers that answers name."""

from fractions import Fraction

import pytest
from expected_rows import wanted
from hypothesis import assume, given
from hypothesis import strategies as st

from workbench.errors import WorkbenchError
from workbench.evaluator import Score
from workbench.evaluators.numeric_answer import check_expected, numeric_answer

RIGHT = [
    ("42", "42"),
    ("The answer is 42.", "42"),
    ("The answer is **42**.", "42"),
    ("3 + 4 = 7", 7),
    ("42 = 6 × 7", 42),
    ("**7**", "7"),
    ("It costs $1,234.50 in all", "1234.5"),
    ("$1,234,567", 1234567),
    ("It is 50%", "50"),
    ("50 percent", "50%"),
    ("12kg", "12"),
    ("12 kilograms", "12 kg"),
    ("12 dollars", "$12"),
    ("US$12", "12 USD"),
    ("x = -5", -5),
    ("x = - 5", -5),
    ("a loss of -$3", "-3"),
    ("minus sign: −3", "-3"),
    ("2e3", 2000),
    (".5", 0.5),
    ("7.0", "7"),
    ("7", 7.0),
    ("答案是42", "42"),
    ("答案是**42**。", "42"),
    ("答案：42", "42"),
    ("４２", "42"),
    ("٤٢", "42"),
    ("so 7.\n#### 12 (from 3 and 4)", "12"),
    ("9 #### none", "9"),
    ("(1) first, (2) second: 30", "30"),
    ("42", "so it is #### 42"),
    ("#### 42\n\nQuestion: …\n#### 7", 42),
    ("#### Step 2\nIt is 42.", 42),
    ("#### 2. Add them\nIt is 42.", 42),
    ("#### 42\nChecked in 3 steps.", 42),
    (r"so \boxed{42}, in 3 steps", 42),
    ("In 2020, 42 people came", 42),
    ("x_1 and H2O and GPT-4 give 42", 42),
    ("<answer>42</answer>", 42),
    ("48/2=<<48/2=24>>24 clips", 24),
    ("Total = 3(4) + 2 = 14", 14),
    ("20% of $50 = $10", 10),
    ("On day 3, 42 apples", 42),
    ("five (5)", 5),
    ("25 cm²", 25),
    ('{"answer": 42}', 42),
    ("3/4", "0.75"),
    ("0.75", "3/4"),
    ("1 1/2", "1.5"),
    ("1½", 1.5),
    ("1 and 1/2 cups", 1.5),
    (r"$\frac{3}{4}$", "3/4"),
    (r"2\dfrac{1}{2}", 2.5),
    (r"-\frac{1}{4}", -0.25),
    ("1.5 × 10^3", 1500),
    (r"1.5 \times 10^{-3}", "0.0015"),
    ("10⁻³", "0.001"),
    ("2^10", 1024),
    *[("It's not clear, but 42", 42), ("5 times 10 = 50", 50), ("Il y a 42 pommes", 42)],
    ("__42__", 42),
    (r"so $\boxed 42$", 42),
    (r"\framebox{42}", 42),
    ("1 + 2 + 3\n42 apples", 42),
    ("1 " * 1_000 + "\n42", 42),
    ("1 234 567", 1234567),
    ("1\u202f234", 1234),
    ("1'234'567", 1234567),
    ("12,34,567", 1234567),
    (r"1{,}234", 1234),
    ("3 million", 3_000_000),
    ("3 hundred thousand", 300_000),
    ("3 Millionen", 3_000_000),
    ("5 mil millones", 5_000_000_000),
    ("5 тысяч", 5_000),
    ("5 लाख", 500_000),
    ("3만", 30_000),
    ("5万", 50_000),
    ("3rd", 3),
    ("7:30 pm", "19:30"),
    ("07:30", "7:30"),
    ("7 p.m.", "19:00"),
    ("2023-12-01", "December 1, 2023"),
    ("1st of Dec 2023", "2023/12/01"),
    ("13/12/2023", "2023-12-13"),
    ("2023年12月1日", "2023-12-01"),
    *[("14/3 ≈ 4.67", "14/3"), ("14/3 ≈ 4.67", 4.67), ("14/3 = 4.6667 ≈ 4.67", 4.67)],
    *[("2x = 4, x = 2", 2), ("x + 3 = 5, x = 2", 2), ("2x = 4, so x = 2", 2)],
    *[("21 (7 × 3)", 21), ("42 (= 6 × 7)", 42), ("It is 42 (since 6 × 7 = 42).", 42)],
    *[("5 [10]", 5), ("42 apples [1].", 42), ("It is 42.[1][2]", 42), ("[42]", 42)],
    *[("42.\n\n[1] Smith, 2019", 42), ("Answer: 42. Confidence: 90%", 42)],
    *[("The answer is 42!", 42), ("$42!", 42), ("10 m long", "10 m"), ("42 times", 42)],
    *[("Die Antwort ist 42", 42), ("La respuesta es 42", 42), ("答えは42です", 42), ("42人", 42)],
    (r"\boxed{42 \, \text{cm}^2}", 42),
    *[("7:30 UTC", "7:30"), ("7:30 pm EST", "19:30 EST"), ("5 percentage points", 5)],
    ("See https://example.org/7 for the 42", 42),
]


@pytest.mark.parametrize(("outputs", "answer"), RIGHT)
def test_the_right_number_is_found(outputs, answer):
    assert numeric_answer(outputs, wanted(answer)).label == "right"


BEFORE = """
wenigstens,bis zu,rund,jusqu'à,près de,por lo menos,como mínimo,casi,no máximo,até,al massimo,oltre,
circa,ten minste,meer dan,co najmniej,około,ponad,свыше,почти,en az,yaklaşık,minst,mer än,ungefär,
mindst,vähintään,noin,legalább,alespoň,více než,cel puțin,τουλάχιστον,περίπου,lebih dari,setidaknya,
ít nhất,khoảng,أكثر من,حوالي,לפחות,בערך,कम से कम,लगभग,อย่างน้อย,ประมาณ,as many as,upwards of,some,
an estimated,적어도,거의,대략,≳,⩽,≫,∝,起码,不少于,高于,将近,差不多,大概,ほぼ,多くとも,最大で
"""
BEHIND = """
!,!!, +,?, at minimum, approx., (approximately), give or take, and counting, of meer, lub więcej, x,
 eller mer, veya daha fazla, fold, i,程度,くらい,以内,岁以上,余,개 이상,정도,쯤
"""
# A number of the second is the last of the first.
PARTS = [
    *[("1 de mayo de 2023", "2023"), ("1. Mai 2023", "2023"), ("1 мая 2023", "2023")],
    *[(f"{word} 42", "42") for word in ("etwa", "mindestens", "mehr als", "nicht", "au moins")],
    *[
        (f"{word} 42", "42")
        for word in ("plus de", "menos de", "no es", "не более", "около", "不是")
    ],
    *[(f"{word}42", "42") for word in ("约", "大约", "至少", "超过", "少なくとも", "최소 ")],
    *[
        (f"42{word}", "42")
        for word in ("以上", "個以上", "多", "左右", " oder mehr", " o más", "\u0304")
    ],
    *[("max. 42", "42"), ("42 max", "42"), ("three times 42", "42"), ("two thirds of 42", "42")],
    *[("not equal to 42", "42"), ("doesn't equal 42", "42"), ("all but 42", "42")],
    *[("rather than 42", "42"), ("42 is wrong", "42"), ("42 would be incorrect", "42")],
    *[("e^{42}", "42"), ("x_{42}", "42"), ("10 +/- 1", "1")],
    *[("half past 7", "7"), ("a quarter to 7", "7"), ("10 past 7", "7")],
    *[(f"{word} 42", "42") for word in BEFORE.replace("\n", "").split(",")],
    *[(f"42{words}", "42") for words in BEHIND.replace("\n", "").split(",")],
    *[("six (6) or seven (7)", "7"), ("6 (six) or 7 (seven)", "7"), ("six (6), seven (7)", "7")],
    *[("six (6)/seven (7)", "7"), ("sechs (6) oder sieben (7)", "7"), ("6 or seven (7)", "7")],
    *[("n = 10!", "10"), ("10! ways", "10"), ("The number of orders is 10!", "10")],
    *[("10m people", "10"), ("10m people", "10 m"), ("$10m", "10"), ("€5m", 5)],
    *[("Paris [2]", "2"), ("see [12]", "12"), ("Source: [3]", "3"), ("42 (Smith 2019)", "2019")],
    *[("42 (see p. 7)", "7"), ("42 (1)", "1"), ("42 apples (3 of them bad)", "3")],
    *[("42 (rounded from 41.7)", "41.7"), ("20 (7 × 3)", "20"), ("at least 42 (42)", "42")],
    *[("10, 200", "10200"), ("10, 200", "200"), ("[10, 200]", "10200"), ("1, 234, 567", 1234567)],
    *[("7:30 UTC", "7:30 EST"), ("7:30 pm EST", "7:30 pm PST"), ("Q3 2023", "2023"), ("1|2", "2")],
    *[
        (text, "5")
        for text in (",5", "5-", "5 isn't right", "5 ❌", "5 (wrong)", "wrong: 5", "5<x")
    ],
    *[(text, "5") for text in ("5 Mio.", "5 Mrd.", "5 grand", "5 cr", "5 score", "5, possibly 7")],
    *[("5 bps", "5%"), ("5 percentage points", "5%"), ("It is impossible to get 5", "5")],
    *[("14/3 ≈ 4.7", "4.67"), ("14/3 ≈ 5.2", "5.2"), ("5 ≈ 5", "5"), ("x = 4, x = 2", "2")],
    *[("42 of the 100", "100"), ("y = 4, x = 2", "2"), ("https://example.org?id=42", "42")],
    *[("1/4", "4"), ("1/4", "3/4"), (r"\frac{1}{4}", r"\frac{3}{4}"), ("2/3 cups", "3")],
    *[("7:30", "9:30"), ("7:30", "30"), ("7:30 am", "7:30 pm"), ("7 pm", "7"), ("16:9", "9")],
    *[("2023-12-01", "2024-05-01"), ("2023-12-01", "1"), ("3 May 2023", "3 May 2024")],
    *[("May 5", "5"), ("May 2024", "2024"), ("2023年12月1日", "1"), ("01/12/2023", "2023")],
    *[("(1, 2)", "2"), ("[3, 5]", "5"), ("{1; 2}", "2"), ("(1,234)", "234"), ("1, 2", "2")],
    *[("x = 1, y = 2", "2"), ("x = 1 or x = 2", "2"), ("1 and 2", "2"), ("1, 3, and 2", "2")],
    *[(">=42", "42"), ("≥ 42", "42"), ("> 42", "42"), ("<42", "42"), ("~42", "42"), ("≈ 42", "42")],
    *[(r"x \geq 42", "42"), (r"\approx 42", "42"), ("at least 42", "42"), ("about 42", "42")],
    *[("42+", "42"), ("42 or more", "42"), ("not 42", "42"), ("It isn't 42", "42"), ("±42", "42")],
    *[("5 ± 2", "2"), ("43, not 42", "42"), ("more than 42", "42"), ("half of 42", "42")],
    *[
        ("3-5", "5"),
        ("3–5", "5"),
        ("10-3", "3"),
        ("3 to 5", "5"),
        ("$3 to $5", "5"),
        ("3%-5%", "5"),
    ],
    *[("3:1", "1"), ("2 of 3", "3"), ("2 out of 3", "3"), ("1 in 5", "5"), ("5 per 7", "7")],
    *[("1.2.3", "3"), ("192.168.0.1", "1"), ("v1.2", "2"), ("GPT-4", "4"), ("H2O", "2")],
    *[("555-123-4567", "4567"), ("+1 555 123 4567", "4567"), ("(555) 123-4567", "4567")],
    *[("3,14", "14"), ("1.234,56", "56"), ("1,23", "23"), ("1,2,3", "3"), ("1;2", "2")],
    *[
        ("1 1/2", "2"),
        ("1-1/2", "2"),
        ("1.5 × 10^3", "3"),
        ("2^10", "10"),
        ("x^2", "2"),
        ("e^5", "5"),
    ],
    *[
        ("5 ft 3 in", "3"),
        ("5'3\"", "3"),
        ("2 hours 30 minutes", "30"),
        ("1h30", "30"),
        ("45°30'", "30"),
    ],
    *[
        ("12 kg", "12 g"),
        ("$12", "€12"),
        ("12 dollars", "12 cents"),
        ("50%", "50 kg"),
        ("5 m²", "5 m"),
    ],
    *[("5k", "5"), ("3M", "3"), ("5 million", "5"), ("5万", "5"), ("two hundred and 5", "5")],
    *[("3x", "3"), ("2π", "2"), ("3√2", "2"), (r"3\sqrt{2}", "2"), ("√2", "2"), ("x - 5", "5")],
    *[("3 + 4", "4"), ("6 × 7", "7"), ("f(3)", "3"), ("3(4)", "4"), ("|-5|", "-5"), ("1010₂", "2")],
    *[("0x1F", "0"), ("5G", "5"), ("the 1990s", "1990"), ("0.333...", "0.333"), ("2 dozen", "2")],
    *[
        ("5 Millionen", "5"),
        ("3만", "3"),
        ("3万5千", "5"),
        ("3割", "3"),
        ("3時半", "3"),
        ("5 mil", "5"),
    ],
    *[("3比1", "1"), ("3から5", "5"), ("1..5", "5"), ("3 and a half", "3"), ("7 12", "12")],
    ("1 " * 1_000 + "42", "42"),
    *[(r"\boxed{(1, 2)}", "2"), (r"\boxed{3} or \boxed{2}", "2"), ("#### 1, 2", "2")],
    *[("#### 42\n#### 7", "7"), ("#### >=42", "42")],
    *[("negative 42", "42"), ("minus 42", "42"), ("at least **42**", "42"), ("sqrt 42", "42")],
    *[("the square of 42", "42"), ("42 squared", "42"), ("42 factorial", "42"), ("log 42", "42")],
    *[("a third of 42", "42"), ("42 BC", "42"), ("$(42)", "42"), ("42 below zero", "42")],
    *[("7 bis 42", "42"), ("7 à 42", "42"), ("7 из 42", "42"), ("7 и 42", "42"), ("7和42", "42")],
    *[
        ("7_{42}", "42"),
        ("7 choose 42", "42"),
        ("7 & 42", "42"),
        ("7، 42", "42"),
        ("42 plus x", "42"),
    ],
]


@pytest.mark.parametrize(("outputs", "answer"), PARTS)
def test_a_number_that_is_a_part_of_the_answer_is_not_the_answer(outputs, answer):
    assert numeric_answer(outputs, wanted(answer)).value is False


UNREAD = [
    *("(1, 2)", ">=42", "~42", "about 42", "10-3", "3–5", "3:1", "1.2.3", "3,14", "5 ft 3 in"),
    *(
        "5k",
        "3x",
        "3 + 4",
        "not 42",
        "May 5",
        "01/12/2023",
        "25:00",
        "1/0",
        "7:30-9:30",
        "1e999999",
    ),
]


@pytest.mark.parametrize("text", UNREAD)
def test_what_is_not_read_is_unparsed_on_both_sides(text):
    assert numeric_answer(text, wanted(42)).label == "unparsed"
    with pytest.raises(WorkbenchError, match="is not read as one number"):
        check_expected(wanted(text))


@pytest.mark.parametrize(
    ("outputs", "answer", "settings", "expected"),
    [
        ("41", "42", {}, Score(False, "41, expected 42", "wrong", parsed="41")),
        ("41", "42", {"tolerance": 1}, Score(True, "41, expected 42", "right", parsed="41")),
        ("1.1", "1.0", {"tolerance": 0.1}, Score(True, "1.1, expected 1.0", "right", parsed="1.1")),
        ("7, since 3 + 4", "7", {}, Score(False, "'3 + 4' is not read as one number", "unparsed")),
        (
            "7, since 3 + 4",
            "7",
            {"which": "first"},
            Score(True, "7, expected 7", "right", parsed="7"),
        ),
        ("none", "7", {}, Score(False, "no number in the answer", "no_number")),
        ("H2O and v1", "7", {}, Score(False, "no number in the answer", "no_number")),
        ("", "7", {}, Score(False, "no number in the answer", "no_number")),
        ("8", ["7", "8"], {}, Score(True, "8, expected 7 or 8", "right", parsed="8")),
        ("12 g", "12 kg", {}, Score(False, "12 g, expected 12 kg", "wrong", parsed="12 g")),
        (
            f"1{'0' * 40}1",
            f"1{'0' * 41}",
            {},
            Score(
                False,
                f"1{'0' * 40}1, expected 1{'0' * 41}",
                "wrong",
                parsed=f"1{'0' * 40}1",
            ),
        ),
    ],
)
def test_numeric_answer(outputs, answer, settings, expected):
    assert numeric_answer(outputs, wanted(answer), **settings) == expected


@pytest.mark.parametrize(
    ("outputs", "answer", "settings", "value"),
    [
        ("103", 100, {"relative_tolerance": 0.03}, True),
        ("104", 100, {"relative_tolerance": 0.03}, False),
        ("-97", -100, {"relative_tolerance": 0.03}, True),
        ("0.1", 0, {"relative_tolerance": 0.5}, False),
        ("~42", 42, {"tolerance": 0.5}, True),
        ("about 50%", "50", {"tolerance": 0.5}, True),
        ("3.14...", "3.14159", {"tolerance": 0.01}, True),
        ("2024-05-02", "2024-05-01", {"tolerance": 5}, False),
        ("50%", "0.5", {"percent": "fraction"}, True),
        ("50%", "50", {"percent": "fraction"}, False),
        ("5k", 5_000, {"magnitudes": True}, True),
        ("$2.5bn", 2_500_000_000, {"magnitudes": True}, True),
        ("$10m", 10_000_000, {"magnitudes": True}, True),
        ("42 or so", 42, {"tolerance": 1}, True),
        ("1.234,5", 1234.5, {"decimal_comma": True}, True),
        ("1,234.5", 1234.5, {"decimal_comma": True}, False),
        ("3,14", "3,14", {"decimal_comma": True}, True),
    ],
)
def test_settings_of_numeric_answer(outputs, answer, settings, value):
    assert numeric_answer(outputs, wanted(answer), **settings).value is value


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ("seven", "expected_response 'seven' holds no number"),
        (True, "expected_response True holds no number"),
        ("3 apples, then 5", "expected_response '3 apples, then 5' holds several numbers"),
        ("(1, 2)", r"expected_response '\(1, 2\)' is not read as one number"),
    ],
)
def test_an_expected_answer_without_one_number_is_an_error(answer, message):
    with pytest.raises(WorkbenchError, match=message):
        numeric_answer("7", wanted(answer))


WHOLE_FORMS = ["{}", "It is {}.", "{:,}", "**{}** apples", "#### {}", "\\boxed{{{}}}", "x = {}"]


@given(st.integers(-(10**12), 10**12), st.sampled_from(WHOLE_FORMS))
def test_any_whole_number_is_read_back(number, form):
    assert numeric_answer(form.format(number), wanted(number)).value is True


def written(value: Fraction, form: int) -> str:
    """A number of halves, quarters, fifths or eighths in one of nine forms."""
    above, below = value.numerator, value.denominator
    decimal = f"{float(value)}"
    whole, rest = divmod(abs(above), below)
    sign = "-" if value < 0 else ""
    mixed = f"{sign}{whole} {rest}/{below}" if whole and rest else decimal
    return [
        decimal,
        f"{above}/{below}",
        f"{2 * above} / {2 * below}",
        rf"\frac{{{above}}}{{{below}}}",
        rf"so $x = {sign}\dfrac{{{abs(above)}}}{{{below}}}$.",
        mixed,
        f"{decimal} × 10^0",
        f"{1000 * above // below}e-3" if 1000 % below == 0 else decimal,
        f"{float(10 * value)}*10^-1",
    ][form]


RATIONALS = st.builds(Fraction, st.integers(-60, 60), st.sampled_from([1, 2, 4, 5, 8]))
FORMS = st.integers(0, 8)


@given(RATIONALS, RATIONALS, FORMS, FORMS)
def test_two_numbers_in_any_forms_are_equal_if_their_values_are(left, right, form, other_form):
    score = numeric_answer(written(left, form), wanted(written(right, other_form)))
    assert score.value is (left == right)


JOINTS = [
    *(
        "/",
        ":",
        "-",
        "–",
        " to ",
        ", ",
        " of ",
        "±",
        " and ",
        "^",
        " x ",
        ",",
        ".",
        "'",
        " + ",
        "~",
        " ",
    ),
    *(
        " bis ",
        " und ",
        " y ",
        " из ",
        " per ",
        " mod ",
        "·",
        "%-",
        "; ",
        "…",
        "₂",
        " vs ",
        "比",
        " ~ ",
    ),
]


@given(st.integers(2, 99), st.integers(2, 99), st.sampled_from(JOINTS))
def test_numbers_that_are_joined_are_never_read_as_one_of_them(left, right, joint):
    assume(left != right**2)  # 4/2 is 2
    assert numeric_answer(f"{left}{joint}{right}", wanted(right)).value is False
    assert numeric_answer(f"{left}{joint}{right}", wanted(left)).value is False


@given(st.text("0123456789.,:/-+*^()[]{}$%~<>=' \nxek±√π½²#\\", max_size=30))
def test_any_text_can_be_read(text):
    assert numeric_answer(text, wanted(42)).error == ""
