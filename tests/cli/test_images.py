"""Images of rows through the whole command: what arrives, what is sent again, what is shown."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from command import invoke
from openai_server import OpenAIServer, say, serve
from pictures import data_url, picture

EXPERIMENT = """\
dataset: {{path: rows.csv, expected: label}}
prompts: [one]
models: [{{"openai:m": {{base_url: "{url}", backoff_s: 0.01}}}}, echo:prompt]
evaluators: [exact_match]
parameters: {{temperature: 0}}
"""
NAMES = ("red", "green", "blue")


class Home:
    """A project with three rows, each with a picture."""

    def __init__(self, root: Path, server: OpenAIServer) -> None:
        self.root, self.server = root, server
        self.task = root / "prompts" / "colors"
        self.photos = self.task / "photos"
        self.photos.mkdir(parents=True)
        for name in NAMES:
            (self.photos / f"{name}.png").write_bytes(picture(name.encode()))
        self.write_rows(*(f"photos/{name}.png" for name in NAMES))
        (self.task / "one.jinja").write_text("Which color?\n{% image photo %}\n")
        (self.task / "experiment.yaml").write_text(EXPERIMENT.format(url=server.url))
        server.script = lambda path, body, nth: say("red")

    def write_rows(self, *photos: str) -> None:
        rows = (f"{name},{photo},red\n" for name, photo in zip(NAMES, photos, strict=True))
        (self.task / "rows.csv").write_text("id,photo,label\n" + "".join(rows))

    def command(self, *words: str) -> Any:
        return invoke(self.root, *words, MLFLOW_TRACKING_URI="none")

    def sent(self, *words: str) -> list[str]:
        """The URLs of the images that a run sends."""
        before = len(self.server.requests)
        result = self.command("run", "--json", *words)
        assert result.returncode == 0, result.stderr
        bodies = [request.body for request in self.server.requests[before:]]
        parts = [body["messages"][0]["content"] for body in bodies]
        assert all(part[0] == {"type": "text", "text": "Which color?"} for part in parts)
        return sorted(part[1]["image_url"]["url"] for part in parts)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    with serve() as server:
        yield Home(tmp_path / "home", server)


def urls(*names: str) -> list[str]:
    return sorted(data_url(picture(name.encode())) for name in names)


def test_content_is_sent_once_whatever_its_name(home) -> None:
    assert home.sent("--limit", "2") == urls("red", "green")
    assert home.sent() == urls("blue")
    (home.photos / "red.png").rename(home.photos / "rouge.png")
    home.write_rows("photos/rouge.png", "photos/green.png", "photos/blue.png")
    assert home.sent() == []
    (home.photos / "green.png").write_bytes(picture(b"lime"))
    assert home.sent() == urls("lime")
    store = b"".join(file.read_bytes() for file in (home.root / ".workbench").glob("*.db*"))
    assert picture(b"red") not in store
    assert data_url(picture(b"red"))[30:].encode() not in store
    assert b"rouge.png" not in store


def test_plan_and_lint_show_images_with_digests(home) -> None:
    planned = home.command("plan")
    assert "3 images to send: 1,000 tokens each are expected, and 50,000" in planned.stdout
    assert json.loads(home.command("plan", "--json").stdout)["images"] == 3
    linted = home.command("prompts", "lint")
    assert "[image red.png, sha256:" in linted.stdout
    (home.photos / "blue.png").unlink()
    for words in (["plan"], ["prompts", "lint"], ["run"]):
        refused = home.command(*words)
        place = "prompts/colors/one.jinja:2: the image 'photos/blue.png' is missing (row blue, "
        assert (refused.returncode, place in refused.stdout + refused.stderr) == (2, True)
    assert home.server.requests == []
