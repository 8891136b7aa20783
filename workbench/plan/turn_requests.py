"""The requests of a plan whose rows have turns: those of later turns as they were sent.

bodies["77ab…"].text    '{"messages": [{"role": "user", …}, {"role": "assistant", "content": "Which
                        number?"}, …]}'; before it is answered: "[answer 5f2c…]"
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from workbench.model import Request
from workbench.prompt.later_turns import FOLLOWS
from workbench.store import Store


class TurnRequests(Mapping[str, Request]):
    """Requests by key; those of later turns with the answers, if the store holds theirs.

    Args:
        rendered: with the keys of earlier requests in place of their answers.
    """

    def __init__(self, rendered: Mapping[str, Request], store: Store) -> None:
        self._rendered, self._store = rendered, store

    def __getitem__(self, key: str) -> Request:
        request = self._rendered[key]
        if FOLLOWS not in request.key_fields:
            return request
        for stored in self._store.requests([key]).values():
            return replace(request, text=stored.text, key_fields=stored.key_fields)
        return request

    def __contains__(self, key: object) -> bool:
        return key in self._rendered

    def __iter__(self) -> Iterator[str]:
        return iter(self._rendered)

    def __len__(self) -> int:
        return len(self._rendered)
