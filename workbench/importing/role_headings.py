r"""Role lines of Prompty and Prompt flow as ours.

>>> template = read_headings("# System:\nBe brief.\n\nuser[name=\"Ann\"]:\n{{ question }}")
>>> template.text, template.attributes
('system:\nBe brief.\n\nuser:\n{{ question }}', ['name="Ann"'])

Images, `![photo]({{ url }})`, are `{% image url %}`; threads are `{% messages thread %}`.
"""

import json
import re
from collections.abc import Collection
from dataclasses import dataclass, field

_HEADING = re.compile(
    r"^[ \t]*(?:#+[ \t]*)?(?P<role>system|user|assistant|developer|function|tool)[ \t]*"
    r"(?:\[(?P<attributes>[^\]\n]*)\])?[ \t]*:[ \t]*$",
    re.IGNORECASE | re.MULTILINE,
)
_IMAGE = re.compile(r"!\[[^\]\n]*\]\(\s*(?P<target>\{\{.*?\}\}|[^()\s]+)[^()\n]*\)")
_THREAD = re.compile(r"^[ \t]*!\[thread\][ \t]*$", re.MULTILINE)
THREAD = "thread"


@dataclass
class RoleTemplate:
    """A template with role lines of ours.

    Attributes:
        attributes: of role lines, which have no counterpart.
        files: of images, as they are named.
        threads: variables that hold messages.
    """

    text: str = ""
    attributes: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    threads: list[str] = field(default_factory=list)
    images: int = 0


def read_headings(
    body: str, *, first_role: str = "system", threads: Collection[str] = ()
) -> RoleTemplate:
    """The template with our role lines; text before the first one is of `first_role`."""
    template = RoleTemplate()

    def role_line(heading: re.Match[str]) -> str:
        if heading["attributes"]:
            template.attributes.append(heading["attributes"])
        role = heading["role"].lower()
        return f"{'tool' if role == 'function' else role}:"

    def image(picture: re.Match[str]) -> str:
        target = picture["target"]
        template.images += 1
        if target.startswith("{{"):
            return f"{{% image {target[2:-2].strip()} %}}"
        if not re.match(r"(?:https?:|data:)", target):
            target = target.removeprefix("./")
            template.files.append(target)
        return f"{{% image {json.dumps(target)} %}}"

    first = _HEADING.search(body)
    if body[: first.start() if first else None].strip():
        body = f"{first_role}:\n{body}"
    text = _IMAGE.sub(image, _HEADING.sub(role_line, body))
    template.text = _mark_threads(text, threads, template)
    return template


def without_images(text: str, names: Collection[str]) -> str:
    """The text without the images of these files."""
    for name in names:
        text = text.replace(f"{{% image {json.dumps(name)} %}}", "")
    return text


def _mark_threads(text: str, threads: Collection[str], template: RoleTemplate) -> str:
    """The text with a tag in place of each conversation; the text behind it goes on in its role."""
    names = "|".join(map(re.escape, threads))
    pattern = _THREAD.pattern + (rf"|^[ \t]*\{{\{{\s*(?:{names})\s*\}}\}}[ \t]*$" if names else "")
    parts: list[str] = []
    end = 0
    for line in re.finditer(pattern, text, re.MULTILINE):
        name = THREAD if "![" in line[0] else line[0].strip(" \t{}")
        template.threads.append(name)
        roles = [heading["role"] for heading in _HEADING.finditer(text, 0, line.start())]
        after = text[line.end() :].lstrip()
        goes_on = roles and after and not _HEADING.match(after)
        parts += [text[end : line.start()], f"{{% messages {name} %}}"]
        parts += [f"\n\n{roles[-1]}:"] if goes_on else []
        end = line.end()
    return "".join([*parts, text[end:]])
