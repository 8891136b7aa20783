"""An answer on the terminal while it comes: what is shown is the whole text, made safe."""

import pytest

from workbench.cli.output import REDACTOR
from workbench.cli.try_prompt import StreamedText
from workbench.secrets import Redactor, find_secrets

TEXTS = {
    "std::vector is a class": "std::vector is a class",
    "so\n::error::boom": "so\n    : :error::boom",
    "the key is a-word-of-the-lab-7, yes": "the key is [secret LAB_KEY], yes",
    "one  two \n\n three": "one  two \n    \n     three",
}


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
@pytest.mark.parametrize("text", TEXTS)
def test_pieces_show_what_the_whole_text_does(
    text: str, size: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    redactor = Redactor()
    redactor.add(find_secrets({"LAB_KEY": "a-word-of-the-lab-7"}))
    for name, value in vars(redactor).items():
        monkeypatch.setattr(REDACTOR, name, value)
    streamed = StreamedText(quiet=False)
    for start in range(0, len(text), size):
        streamed.show(text[start : start + size])
    assert streamed.end() == text
    assert capsys.readouterr().out == f"  → {TEXTS[text]}\n"
