"""Images of rows: found below the folders that may be read, checked, known by their content."""

import json
import os
from pathlib import Path

import pytest
from bench import refusal
from pictures import GIF, JPEG, WEBP, data_url, digest_url, picture

from workbench.conversation import Conversation, Image, Message
from workbench.images import ImageReader
from workbench.images.image_file import MAX_IMAGE
from workbench.images.image_reader import read_source

PNG = picture()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project with a dataset in `data/`, beside a file that no row may read."""
    folder = tmp_path.resolve() / "project"
    (folder / "data").mkdir(parents=True)
    (folder / "data" / "a.png").write_bytes(PNG)
    (folder / "top.png").write_bytes(PNG)
    (tmp_path / "secret.png").write_bytes(PNG)
    return folder


def read(root: Path, url: str, reader: ImageReader | None = None) -> Image:
    turn = Message.of_parts("user", [Image(url)])
    reader = reader or ImageReader(root / "data", root)
    conversation = reader.read(Conversation((turn,)), where="one.jinja:2", row="r1, rows.csv:2")
    (image,) = conversation.messages[0].parts
    assert isinstance(image, Image)
    return image


@pytest.mark.parametrize(
    ("content", "kind"),
    [(PNG, "image/png"), (JPEG, "image/jpeg"), (GIF, "image/gif"), (WEBP, "image/webp")],
)
def test_file_is_known_by_its_content(root, content, kind) -> None:
    (root / "data" / "x.txt").write_bytes(content)
    image = read(root, "x.txt")
    assert image == Image(digest_url(content), "", kind, len(content))
    assert image.name == "x.txt"
    assert image == read(root, data_url(content, "image/x-any"))


@pytest.mark.parametrize(
    "url", ["a.png", "./a.png", "../data/a.png", "../top.png", "{root}/top.png"]
)
def test_path_begins_at_the_folder_of_the_dataset(root, url) -> None:
    assert read(root, url.format(root=root)).url == digest_url(PNG)


@pytest.mark.parametrize("url", ["https://a.org/b.png?x=1", "HTTP://127.0.0.1:8000/b"])
def test_address_stays_as_it_is(root, url) -> None:
    assert read(root, url) == Image(url)


OUT = "leads out of the project and the dataset's folder"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("b.png", "is missing"),
        ("a.png/b.png", "is missing"),
        ("../../secret.png", OUT),
        ("../../none.png", OUT),
        ("/etc/passwd", OUT),
        ("/dev/zero", OUT),
        ("link.png", OUT),
        ("folder/secret.png", OUT),
        ("~/.ssh/id_rsa", "is missing"),
        ("file:///etc/passwd", "has the scheme file:, which isn't read"),
        ("FILE:a.png", "has the scheme file:, which isn't read"),
        ("sha256:" + "0" * 64, "has the scheme sha256:, which isn't read"),
        ("s3://bucket/a.png", "has the scheme s3:, which isn't read"),
        ("http:///a.png", "is not an http address"),
        ("https://a.org/a b.png", "is not an http address"),
        ("data:image/png;base64,%%%", "is not a data URL of an image"),
        ("data:text/html;base64,AAAA", "is not a data URL of an image"),
        (data_url(b"hello"), "is no image"),
        (".", "is a folder, not a file"),
        ("pipe", "is a pipe, not a file"),
        ("a\0b", "can't be read: NUL in its name"),
        ("loop.png", "can't be read: a loop of links, or too long a name"),
        ("x" * 300, "can't be read: File name too long"),
        ("empty.png", "is empty"),
        ("large.png", "is larger than 20.0 MB"),
        ("notes.txt", "is no image"),
        ("doc.pdf", "is a PDF, which models don't take as an image"),
        ("icon.svg", "is an SVG, which models don't take as an image"),
        ("lfs.png", "is a pointer of Git LFS, which models don't take as an image"),
    ],
)
def test_what_is_no_image_of_the_project_is_refused(root, url, expected) -> None:
    data = root / "data"
    (data / "link.png").symlink_to("../../secret.png")
    (data / "folder").symlink_to(root.parent)
    (data / "loop.png").symlink_to("loop.png")
    os.mkfifo(data / "pipe")
    (data / "notes.txt").write_bytes(b"PNG, but not really")
    (data / "doc.pdf").write_bytes(b"%PDF-1.7")
    (data / "icon.svg").write_bytes(b'<?xml version="1.0"?>\n<svg></svg>')
    (data / "lfs.png").write_bytes(b"version https://git-lfs.github.com/spec/v1\n")
    (data / "empty.png").touch()
    with (data / "large.png").open("wb") as file:
        file.write(PNG)
        file.truncate(MAX_IMAGE + 1)
    message = refusal(read, root, url)
    shown = url if len(url) <= 120 else url[:120] + "…"
    begin = f"one.jinja:2: the image {shown!r} {expected} (row r1, rows.csv:2)\n  fix: "
    assert message.startswith(begin)


def test_similar_name_is_proposed(root) -> None:
    message = refusal(read, root, "b.png")
    assert message.endswith(f"fix: did you mean 'a.png'? a path begins at {root}/data")


def test_each_file_is_read_once(root) -> None:
    reader = ImageReader(root / "data", root)
    first = read(root, "a.png", reader)
    (root / "data" / "a.png").unlink()
    assert read(root, "a.png", reader) == first
    assert reader.files.sources == {first.url: root / "data" / "a.png"}


def test_file_that_changed_is_not_sent(root) -> None:
    image = read(root, "a.png")
    path = root / "data" / "a.png"
    assert read_source(image.url, path) == PNG
    path.write_bytes(picture(b"other"))
    fix = "  fix: run again"
    expected = f"the image 'a.png' has changed since the plan was made\n{fix}"
    assert refusal(read_source, image.url, path) == expected
    path.unlink()
    assert refusal(read_source, image.url, path).startswith("the image 'a.png' is missing")


ONE = "{% image photo %}\n"
EXPERIMENT = """\
dataset: rows.jsonl
prompts: [one]
models: [{model}]
evaluators: [output_tokens]
"""


def write(bench, *photos: str, model: str = "echo:prompt") -> str:
    bench.write("one.jinja", ONE)
    rows = (json.dumps({"id": f"r{n}", "photo": photo}) for n, photo in enumerate(photos))
    bench.write("rows.jsonl", "\n".join(rows))
    return EXPERIMENT.replace("{model}", model)


def keys(bench, text: str) -> list[str]:
    return [cell.key for cell in bench.plan(text).cells[0]]


def test_key_follows_the_content_and_not_the_name(bench) -> None:
    for name in ("a.png", "b.png", "photos/c.png"):
        bench.write(name, picture(name[:1].encode().replace(b"p", b"a")))
    text = write(bench, "a.png", "b.png", "photos/c.png", data_url(picture(b"a")))
    first, other, renamed, inline = keys(bench, text)
    assert first == renamed == inline != other
    bench.write("b.png", picture(b"a"))
    assert set(keys(bench, text)) == {first}


def test_plan_knows_the_files_by_their_content(bench) -> None:
    bench.write("a.png", picture(b"a"))
    text = write(bench, "a.png", "https://a.org/b.png")
    plan = bench.plan(text)
    assert plan.images.digests == {"a.png": digest_url(picture(b"a"))}
    assert plan.digest == bench.plan(text).digest
    bench.write("a.png", picture(b"b"))
    assert plan.digest != bench.plan(text).digest


def test_request_has_neither_path_nor_bytes(bench) -> None:
    content = picture(b"a")
    path = bench.write("secret_name.png", content)
    (request,) = bench.plan(write(bench, "secret_name.png")).bodies.values()
    fields = {"url": digest_url(content), "media_type": "image/png", "bytes": len(content)}
    part = {"type": "image_url", "image_url": fields}
    assert request.body == {"messages": [{"role": "user", "content": [part]}]}
    assert request.images == {digest_url(content): path}


def test_model_without_images_is_refused_with_its_pair(bench) -> None:
    model = '{"openai:m": {api: completions}}'
    message = refusal(bench.plan, write(bench, "https://a.org/b.png", model=model))
    assert message == (
        "prompts/qa/one.jinja:1: one: openai:m takes no images\n"
        "  fix: use a chat endpoint (`openai:` with `api: chat` or `responses`), "
        "or exclude the pair"
    )


def test_text_keeps_its_key(bench) -> None:
    bench.write("one.jinja", "system:\nBe brief.\nuser:\n{{ text }}\n")
    text = EXPERIMENT.replace("{model}", "echo:prompt")
    (key, _) = keys(bench, text)
    assert key == "e44b656a003eccf19a9a1cfed42867721dd1553dfe0541f24523381ee1018ab9"
