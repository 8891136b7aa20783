r"""Code in the Markdown code blocks of an answer.

>>> unfenced("```xml\n<a/>\n```", "xml")
'<a/>'
>>> code_of("Try this:\n```sql\nSELECT 1\n```\nIt gives 1.", "sql")
'SELECT 1'
"""

import re

MOST_BLOCKS = 1_000  # that are looked at
_BLOCK = re.compile(
    r"^[ \t]*(?P<fence>```|~~~)[ \t]*(?P<language>[\w+#.-]*)[^\n`]*\n(?P<code>.*?)"
    r"(?:\n[ \t]*)?(?P=fence)[ \t]*$",
    re.DOTALL | re.MULTILINE,
)


def unfenced(text: str, *languages: str) -> str:
    """The content of a code block that is all of the text; else the text.

    The block names one of the languages, in any case, or none.
    """
    text = text.strip()
    block = _BLOCK.fullmatch(text) if text.startswith(("```", "~~~")) else None
    if block and block["language"].casefold() in ("", *languages):
        return block["code"]
    return text


def code_of(text: str, *languages: str) -> str:
    """The only code block in these languages, or else the only one without a language.

    Text without a block, or with several of them, is code itself.
    """
    blocks: dict[str, list[str]] = {}
    for number, block in enumerate(_BLOCK.finditer(text)):
        if number == MOST_BLOCKS:
            break
        blocks.setdefault(block["language"].casefold(), []).append(block["code"])
    named = [code for language in languages for code in blocks.get(language, ())]
    candidates = named or blocks.get("", [])
    return candidates[0] if len(candidates) == 1 else text.strip()
