"""Endpoints that repeat the prefill in their answers, by all replies that the store holds.

    "Sentiment: positive", "Sentiment: negative", …   to the prefill "Sentiment:": it repeats
    " positive", "Sentiment: negative", …             it doesn't; the model wrote the second itself

A server that repeats does so in every reply, so one that begins otherwise decides. The same store
gives the same answers, in whatever order the replies came.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from workbench.answers.prefill import continues_prefill
from workbench.canonical import JSON, canonical_json
from workbench.model import Completion
from workbench.store.completions import Store

CONTINUED = "continue_final_message"
PREFIXED = '"prefix"'
ROWS = """
SELECT number, key, request FROM completions
WHERE model = ?1 AND number > ?2 AND state IN ('ok', 'truncated')
AND (instr(request, 'continue_final_message') OR instr(request, '\\"prefix\\"'))
ORDER BY number LIMIT 500
"""


@dataclass(frozen=True)
class PrefillEndpoint:
    """A model at one address, with the way in which it continues a prefill."""

    model: str
    identity: str
    mode: str


def prefill_endpoint(key_fields: Mapping[str, JSON], request_text: str) -> PrefillEndpoint | None:
    """Return the endpoint of a request that begins the answer; None for other requests."""
    if CONTINUED not in request_text and PREFIXED not in request_text:
        return None
    body = json.loads(request_text)
    messages = body.get("messages") or [{}]
    mode = CONTINUED if body.get(CONTINUED) else "prefix" if messages[-1].get("prefix") else ""
    identity = canonical_json(key_fields.get("identity"))
    return PrefillEndpoint(str(key_fields.get("model")), identity, mode) if mode else None


class PrefillEchoes:
    """The endpoints of one store that repeat the prefill.

    Args:
        store: of the replies.
        except_keys: of replies that are about to be replaced.
    """

    def __init__(self, store: Store, except_keys: Collection[str] = ()) -> None:
        self._store = store
        self._except_keys = frozenset(except_keys)
        self._repeats: dict[PrefillEndpoint, bool] = {}

    def repeats(self, endpoint: PrefillEndpoint) -> bool:
        """Return True if no reply of the endpoint begins without its prefill."""
        endpoint = self._redacted(endpoint)
        if endpoint not in self._repeats:
            self._repeats[endpoint] = not self._has_other_reply(endpoint)
        return self._repeats[endpoint]

    def observe(self, endpoint: PrefillEndpoint, completion: Completion) -> None:
        """Take a reply into account that may not be stored yet."""
        if continues_prefill(completion):
            self._repeats[self._redacted(endpoint)] = False

    def _has_other_reply(self, endpoint: PrefillEndpoint) -> bool:
        last = 0
        while rows := self._store.database.read(ROWS, (endpoint.model, last)):
            last = rows[-1][0]
            keys = {key for _, key, request in rows if _stored_endpoint(request) == endpoint}
            replies = self._store.completions(keys - self._except_keys)
            if any(map(continues_prefill, replies.values())):
                return True
        return False

    def _redacted(self, endpoint: PrefillEndpoint) -> PrefillEndpoint:
        """The endpoint as its stored requests name it: without secrets in headers."""
        return replace(endpoint, identity=self._store.redactor.redact(endpoint.identity))


def _stored_endpoint(request: str) -> PrefillEndpoint | None:
    parts = json.loads(request)
    return prefill_endpoint(parts, parts["body"])
