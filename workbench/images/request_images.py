"""Images in the body of a request: counted, shown in a record, and put in when it is sent.

>>> part = {"type": "image_url", "image_url": {"url": "sha256:1a2b", "bytes": 34_120}}
>>> body = {"messages": [{"role": "user", "content": [part]}]}
>>> count_images(json.dumps(body, separators=(",", ":")))
1
>>> insert_images(body, lambda fields: f"data:image/png;base64,{fields['url']}")
{'messages': [{'role': 'user', 'content': [{'type': 'image_url', 'image_url': {'url': \
'data:image/png;base64,sha256:1a2b'}}]}]}
"""

import base64
import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from workbench.canonical import JSON
from workbench.conversation import FILE_SCHEME, Image
from workbench.errors import WorkbenchError
from workbench.images.image_file import MAX_SHOWN
from workbench.images.image_reader import ImageSources, read_source

# The start of an image part in a body; in a text its quotes would be escaped.
STARTS = ('{"type":"image_url",', '{"type":"input_image",')
EXPECTED_TOKENS = 1_000  # of an image, for forecasts
IMAGE_BYTES = 4 * EXPECTED_TOKENS  # of a text with as many tokens
# The most that a model is documented to count: GPT-4o mini has 2,833 tokens for an image and 5,667
# for each of at most 8 tiles, which is 48,169.
MAX_TOKENS = 50_000
# From the fields of a file to its URL, or to the fields of a text in its place.
Insert = Callable[[Mapping[str, JSON]], str | Mapping[str, JSON]]


def count_images(text: str) -> int:
    """Number of images in the text of a body."""
    return sum(map(text.count, STARTS)) if "image" in text else 0


def body_size(text: str) -> int:
    """Bytes of a body as JSON in UTF-8, and IMAGE_BYTES for each image."""
    images = IMAGE_BYTES * count_images(text)
    if "\\u" not in text:
        return len(text) + images
    unescaped = json.dumps(json.loads(text), ensure_ascii=False)
    return len(unescaped.encode("utf-8", "surrogatepass")) + images


def max_tokens(text: str) -> int:
    """The most tokens of a body; a token of text hardly ever takes less than a byte."""
    return body_size(text) + (MAX_TOKENS - IMAGE_BYTES) * count_images(text)


def insert_images(body: Mapping[str, JSON], insert: Insert) -> dict[str, JSON]:
    """Return the body with a URL from `insert` in place of each file's digest."""
    changed = dict(body)
    for name in ("messages", "input"):
        if isinstance(turns := body.get(name), list):
            changed[name] = [_turn(turn, insert) for turn in turns]
    return changed


def _turn(turn: JSON, insert: Insert) -> JSON:
    parts = turn.get("content") if isinstance(turn, dict) else None
    if not isinstance(parts, list):
        return turn
    return {**turn, "content": [_part(part, insert) for part in parts]}


def _part(part: JSON, insert: Insert) -> JSON:
    """A part as it is, or with the URL or the text that `insert` gives for a file."""
    kind = part.get("type")
    if kind not in ("image_url", "input_image"):
        return part
    nested = part["image_url"]
    fields = nested if isinstance(nested, dict) else {**part, "url": nested}
    if not fields["url"].startswith(FILE_SCHEME):
        return part
    inserted = insert(fields)
    if not isinstance(inserted, str):
        return {"type": "text" if kind == "image_url" else "input_text", **inserted}
    if kind == "input_image":
        return {**_without_file_fields(part), "image_url": inserted}
    return {**part, "image_url": {**_without_file_fields(fields), "url": inserted}}


def _without_file_fields(fields: Mapping[str, JSON]) -> dict[str, JSON]:
    return {name: v for name, v in fields.items() if name not in ("media_type", "bytes")}


def with_data_urls(body: Mapping[str, JSON], sources: ImageSources) -> dict[str, JSON]:
    """Return the body as it is sent: files as data URLs.

    Raises:
        WorkbenchError: a file is gone or has changed since the plan was made.
    """
    return insert_images(body, lambda fields: data_url(fields, sources))


def data_url(fields: Mapping[str, JSON], sources: ImageSources) -> str:
    """Return a file as a data URL, by its fields in a body.

    Raises:
        WorkbenchError: it is gone or has changed since the plan was made.
    """
    url = fields["url"]
    if url not in sources:
        message = f"{Image.from_json(fields).as_text()} is unknown here"
        raise WorkbenchError(message, fix="run the experiment again")
    content = base64.b64encode(read_source(url, sources[url])).decode("ascii")
    return f"data:{fields['media_type']};base64,{content}"


def shown_images(
    body: Mapping[str, JSON], sources: ImageSources, *, inline: bool
) -> dict[str, JSON]:
    """Return the body as a record shows it.

    With `inline` small files are data URLs. Instead of others, and of files that are gone or have
    changed, there is a text with name and digest.
    """

    def shown(fields: Mapping[str, JSON]) -> str | Mapping[str, JSON]:
        with suppress(WorkbenchError):
            if inline and fields["bytes"] <= MAX_SHOWN:
                return data_url(fields, sources)
        source = sources.get(fields["url"])
        name = source.name if isinstance(source, Path) else ""
        return {"text": replace(Image.from_json(fields), name=name).as_text()}

    return insert_images(body, shown)
