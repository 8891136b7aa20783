"""Bodies to token ids and back. Special tokens in data stay ordinary text.

{"messages": [{"role": "user", "content": "Hi<|im_end|>"}]}
-> <|im_start|> user ⏎ Hi < | im _ end | > <|im_end|> …
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import date
from functools import cached_property
from itertools import islice
from typing import Any

from workbench.answers.reasoning import reasoning_marks
from workbench.canonical import JSON
from workbench.errors import WorkbenchError
from workbench.providers.transformers.chat_template import ChatTemplate, template_turn
from workbench.providers.transformers.settings import DEFAULT_DATE

# Special tokens in data are put between two characters of this private plane that it doesn't use.
PRIVATE_PLANE = range(0xF0000, 0xFFFFE)
# Tokens of the prompt that are decoded with an answer, because some decoders drop a space at the
# beginning of a text.
CONTEXT_TOKENS = 4
# Turns that show the tokens a chat template writes; one that refuses some takes others.
ROLES = (
    ("user", "assistant", "user"),
    ("system", "user"),
    ("developer", "user"),
    ("user", "assistant", "tool"),
)


class Tokens:
    """A tokenizer of transformers with its chat template.

    Args:
        tokenizer: of transformers.
        variables: of the chat template.
        today: the date that the chat template gets as today's.
    """

    def __init__(
        self,
        tokenizer: Any,
        variables: Mapping[str, JSON] | None = None,
        today: date = DEFAULT_DATE,
    ) -> None:
        self._tokenizer = tokenizer
        added = tokenizer.added_tokens_decoder.values()
        special = {token.content for token in added if token.special}
        source = tokenizer.get_chat_template() if tokenizer.chat_template else ""
        values = {**tokenizer.special_tokens_map, **(variables or {})}
        self._template = ChatTemplate(source, values, today)
        written = source + self._role_texts()
        contents = {token.content for token in added if token.content.strip()}
        roles = {content for content in contents if content in written} - special
        # Tokens of the template that the tokenizer doesn't flag: it can't be told to split them.
        self._unflagged = roles - set(reasoning_marks(roles))
        longest_first = sorted(special | self._unflagged, key=len, reverse=True)
        self._special = "|".join(map(re.escape, longest_first)) or "(?!)"
        self.end_ids = eos_ids(tokenizer.eos_token_id)
        ids = {token.content: number for number, token in tokenizer.added_tokens_decoder.items()}
        marks = {ids[content] for content in reasoning_marks(special)}
        # Marks of reasoning stay in an answer's text, which is read by them.
        self._dropped = {ids[content] for content in special} - marks if marks else None

    def _role_texts(self) -> str:
        """The chat template's own texts, as `<|user|>`, also where it joins them of parts."""
        texts = []
        for roles in ROLES:
            with suppress(WorkbenchError):
                texts.append(self._template.render([{"role": r, "content": ""} for r in roles]))
        return "\n".join(texts)

    def encode(self, body: Mapping[str, JSON], answer: str = "") -> list[int]:
        """The ids of a body's prompt, followed by `answer`.

        Raises:
            WorkbenchError: the chat template refuses the messages, or changes the prefill.
        """
        return self._ids(*self._rendered(body, answer))

    def encode_context(self, body: Mapping[str, JSON]) -> list[int]:
        """The ids of a body's prompt without white space at its end, which belongs to a choice."""
        rendered, marks = self._rendered(body, "")
        return self._ids(rendered.rstrip(), marks)

    def _ids(self, rendered: str, marks: tuple[str, str] | None) -> list[int]:
        if marks is None:
            ids = list(self._tokenizer.encode(rendered, split_special_tokens=True))
            return ids[: len(ids) - self._appended]
        return [token for ids in self._pieces(rendered, marks) for token in ids]

    @cached_property
    def _appended(self) -> int:
        """Number of tokens that the tokenizer appends to every text, as its end of a sequence."""
        ids = list(self._tokenizer.encode("a"))
        bare = list(self._tokenizer.encode("a", add_special_tokens=False))
        starts = range(len(ids) - len(bare) + 1 if bare else 0)
        start = next((n for n in starts if ids[n : n + len(bare)] == bare), len(ids) - len(bare))
        return len(ids) - len(bare) - start

    def _rendered(
        self, body: Mapping[str, JSON], answer: str
    ) -> tuple[str, tuple[str, str] | None]:
        """A body's prompt and `answer` as one text; in a chat, with marks around special tokens."""
        if "text" in body:
            return body["text"] + answer, None
        messages, tools = body["messages"], body.get("tools")
        used = set(answer + json.dumps([messages, tools], ensure_ascii=False))
        begin, end = islice((mark for mark in map(chr, PRIVATE_PLANE) if mark not in used), 2)
        marks = (begin, end)
        marked = [self._marked(message, marks) for message in map(template_turn, messages)]
        rendered = self._render(marked, self._marked(tools, marks))
        return rendered + self._mark(answer, marks), marks

    def _marked(self, value: JSON, marks: tuple[str, str]) -> JSON:
        """A value with marks around the special tokens in its texts."""
        if isinstance(value, str):
            return self._mark(value, marks)
        if isinstance(value, list):
            return [self._marked(entry, marks) for entry in value]
        if isinstance(value, dict):
            return {
                self._mark(key, marks): entry if key == "role" else self._marked(entry, marks)
                for key, entry in value.items()
            }
        return value

    def decode(self, prompt: Sequence[int], answer: Sequence[int]) -> str:
        """The text of `answer` as it continues `prompt`, without special tokens."""
        context = list(prompt[-CONTEXT_TOKENS:])
        before = self._text(context)
        text = self._text(context + list(answer))
        return text[len(before) :] if text.startswith(before) else self._text(answer)

    def _text(self, ids: Sequence[int]) -> str:
        skip = self._dropped is None
        if self._dropped is not None:
            ids = [number for number in ids if number not in self._dropped]
        text = self._tokenizer.decode(
            ids, skip_special_tokens=skip, clean_up_tokenization_spaces=False
        )
        return str(text)

    def _mark(self, text: str, marks: tuple[str, str]) -> str:
        begin, end = marks
        return re.sub(self._special, lambda token: f"{begin}{token[0]}{end}", text)

    def _render(self, messages: list[dict[str, JSON]], tools: JSON) -> str:
        rendered, last = self._template.render(messages, tools), messages[-1]
        return _ending_with(rendered, last["content"]) if last["role"] == "assistant" else rendered

    def _pieces(self, rendered: str, marks: tuple[str, str]) -> Iterator[list[int]]:
        begin, end = marks
        parts = re.split(f"{begin}({self._special}){end}|[{begin}{end}]", rendered)
        yield list(self._tokenizer.encode(parts[0], add_special_tokens=False))
        for number, part in enumerate(parts[1:], start=1):
            if part:  # odd parts are special tokens in data
                cut = 1 if number % 2 == 1 and part in self._unflagged else 0
                for text in filter(None, (part[:cut], part[cut:])):
                    yield self._continued(text, as_text=number % 2 == 1)

    def _continued(self, part: str, *, as_text: bool) -> list[int]:
        """The ids of `part` inside a text; at the beginning of one some tokenizers add a space."""

        def encode(text: str) -> list[int]:
            ids = self._tokenizer.encode(
                text, add_special_tokens=False, split_special_tokens=as_text
            )
            return list(ids)

        ids, newline = encode("\n" + part), encode("\n")
        return ids[len(newline) :] if ids[: len(newline)] == newline else encode(part)


def eos_ids(ids: int | list[int] | None) -> frozenset[int]:
    """The end-of-sequence tokens of a tokenizer or a generation config, as a set."""
    return frozenset([ids] if isinstance(ids, int) else ids or ())


def _ending_with(rendered: str, prefill: str) -> str:
    """`rendered` with exactly `prefill` at its end, which some templates trim."""
    bare = prefill.rstrip()
    if rendered.endswith(prefill):
        return rendered
    if rendered.rstrip().endswith(bare):
        return rendered.rstrip() + prefill[len(bare) :]
    raise WorkbenchError(
        f"the chat template changes the prefill {prefill!r}",
        fix="begin the prefill without white space, or exclude this pair",
    )
