"""Images in templates and in histories of rows: parts of a turn, and what is refused."""

import pytest
from bench import refusal

from workbench.checking import RenderedRows
from workbench.conversation import Conversation, Image, Message

FILE = "prompts/qa/one.jinja"
URL = "https://a.org/b.png"
SENT = {"type": "image_url", "image_url": {"url": URL}}
LOW = {"type": "image_url", "image_url": {"url": URL, "detail": "low"}}
NONCE = "\x02" + "0" * 24 + "image\x03"


def text(content: str) -> dict:
    return {"type": "text", "text": content}


@pytest.mark.parametrize(
    ("template", "row", "content"),
    [
        ("user:\nWhat?\n{% image p %}\n", {"p": URL}, [text("What?"), SENT]),
        ("What?\n{% image p %}\n", {"p": URL}, [text("What?"), SENT]),
        ("user:\n{%- image p -%}\n", {"p": URL}, [SENT]),
        ('user:\n{% image p, detail="low" %} Why?', {"p": URL}, [LOW, text("Why?")]),
        (
            "user:\nIs {% image p %} before\n\n{% image p, detail=d %}?\n",
            {"p": URL, "d": None},
            [text("Is"), SENT, text("before"), SENT, text("?")],
        ),
        (
            "user:\n{% for p in ps %}\n{{ loop.index }}.\n{% image p %}\n{% endfor %}\nWhich?",
            {"ps": [URL, URL]},
            [text("\n1."), SENT, text("\n2."), SENT, text("\nWhich?")],
        ),
        ("user:\n{% if p %}{% image p %}{% endif %}No", {"p": ""}, "No"),
        ("user:\n{% image 'https://a.org/' ~ p|trim %}", {"p": " b.png "}, [SENT]),
        ("user:\n{{ p }}", {"p": "{% image p %}"}, "{% image p %}"),
        ("user:\n{{ p }}", {"p": f'{NONCE}{{"urls": ["x"]}}'}, f'{NONCE}{{"urls": ["x"]}}'),
        ("user:\n{% raw %}{% image p %}{% endraw %}", {"p": URL}, "{% image p %}"),
    ],
)
def test_image_is_a_part_of_the_turn(bench, template, row, content) -> None:
    (conversation,) = bench.rendered(bench.prompt(template), row)
    (message,) = conversation.messages
    assert message.as_json() == {"role": "user", "content": content}
    assert Message.from_json(message.as_json()) == message


HISTORY = "{% messages history %}"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ([text("What?"), LOW], [text("What?"), LOW]),
        (
            [{"type": "input_text", "text": "a"}, {"type": "input_image", "image_url": URL}],
            [text("a"), SENT],
        ),
        ([{"type": "image_url", "image_url": URL}], [SENT]),
        ([text("a"), text("b")], "ab"),
        ([text("a"), text(" "), SENT], [text("a"), SENT]),
    ],
)
def test_history_may_have_images(bench, content, expected) -> None:
    row = {"history": [{"role": "user", "content": content, "name": "eva"}]}
    (conversation,) = bench.rendered(bench.prompt(HISTORY), row)
    (message,) = conversation.messages
    assert message.as_json() == {"role": "user", "content": expected, "name": "eva"}


MOVE = "  fix: move it below a line `user:`; models take images from the user only"
GIVE = "  fix: give a path, an http address or a data URL"


@pytest.mark.parametrize(
    ("template", "row", "expected"),
    [
        ("system:\n{% image p %}\nuser:\nx", {"p": URL}, "an image in a turn of the system"),
        ("user:\nx\nassistant:\n{% image p %}", {"p": URL}, "an image in a turn of the assistant"),
        (
            HISTORY,
            {"history": [{"role": "assistant", "content": [SENT]}]},
            "an image in a turn of the assistant",
        ),
        ("{% messages [] %}{% image p %}", {"p": URL}, "an image in a turn of the template"),
    ],
)
def test_image_of_another_role_is_refused(bench, template, row, expected) -> None:
    message = refusal(bench.rendered, bench.prompt(template), row)
    assert message == f"{FILE}:1: {expected} (row 1)\n{MOVE}"


@pytest.mark.parametrize(
    ("tag", "row", "expected"),
    [
        ("p", {"p": None}, f"an image is None (row 1)\n{GIVE}; for rows without one:"),
        ("p", {"p": " "}, f"an image is ' ' (row 1)\n{GIVE}"),
        ("p", {"p": 3}, f"an image is 3 (row 1)\n{GIVE}"),
        ("p", {"p": [URL]}, f"an image is ['{URL}'] (row 1)\n  fix: write {{% for photo in"),
        ("p, detail=p", {"p": "a b"}, "the detail of an image is 'a b' (row 1)"),
        ("p, size=3", {"p": URL}, "unknown argument of `image`: 'size' (row 1)"),
        ("p, p", {"p": URL}, "`image` with 2 images (row 1)"),
        ("", {"p": URL}, "Encountered unknown tag 'image'"),
    ],
)
def test_wrong_image_is_refused(bench, tag, row, expected) -> None:
    template = f"user:\n{{% image {tag} %}}"
    message = refusal(lambda: bench.rendered(bench.prompt(template), row))
    assert expected in message


def test_missing_column_is_named(bench) -> None:
    message = refusal(bench.rendered, bench.prompt("user:\n{% image foto %}"), {"photo": URL})
    assert message.startswith(f"{FILE}:2:10: unknown variable 'foto' (row 1)\n  fix: did you mean")


def test_image_in_raw_text_is_refused(bench) -> None:
    message = refusal(bench.prompt, "---\nchat: false\n---\n{% image p %}")
    assert "fix: write {% image photo %}, with a column of paths or addresses, in a turn" in message


def test_turn_with_an_image_is_shown_with_a_placeholder() -> None:
    image = Image("sha256:" + "1a2b3c4d" * 8, "", "image/png", 34_120, "photo.png")
    turn = Message.of_parts("user", ["What?", image, Image(URL)])
    placeholder = "[image photo.png, sha256:1a2b3c4d1a2b…, 34.1 kB]"
    shown = f"user:\nWhat?\n{placeholder}\n[image {URL}]"
    assert Conversation((turn,)).as_text() == shown


def test_turn_with_only_an_image_is_not_empty(bench) -> None:
    bench.write("rows.jsonl", f'{{"text": "{URL}"}}\n{{"text": "{URL}?2"}}\n')
    prompt = bench.prompt("{% image text %}")
    dataset = bench.experiment().dataset
    rows = RenderedRows(prompt, dataset)
    inputs = [example.inputs for example in dataset.examples]
    for example, call in zip(
        dataset.examples, prompt.calls(bench.renderer, inputs, "12"), strict=True
    ):
        rows.add(example, call)
    assert list(rows.findings()) == []
