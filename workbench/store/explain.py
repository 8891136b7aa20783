"""Everything that the store holds under a key, or the stored request that is most similar.

KeyReport("0a3e…", stored=StoredCompletion(…), owner=None, calls=())
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from heapq import nlargest
from types import MappingProxyType

from workbench.model import Model, Request
from workbench.store.access import Owner
from workbench.store.completions import Store
from workbench.store.json_diff import JsonDifference, differences, shared_ends, similarity
from workbench.store.leases import UnansweredCall
from workbench.store.no_replies import NoReply
from workbench.store.row_json import request_json
from workbench.store.selection import StoredCompletion, parse_request, read_stored

NEWEST = 2_000  # rows that a request is compared with
CANDIDATES = 20  # with the fewest differences; the similarity of their texts is computed
MOST_DIFFERENCES = 6  # a request with more is not near
LEAST_SIMILARITY = 0.6  # of the texts that differ
NEWEST_KEYS = "SELECT key FROM completions WHERE model {} ?1 ORDER BY kept_at DESC LIMIT ?2"
ROWS = "SELECT key, model, kept_at, request FROM completions"
MODEL_PATHS = ("model", "provider", "identity", "body.model")  # differ wherever the model does
KEYS_WITH_PREFIX = """
SELECT key FROM completions WHERE key >= ?1 AND key < ?1 || 'g'
UNION SELECT key FROM intents WHERE key >= ?1 AND key < ?1 || 'g'
UNION SELECT key FROM calls WHERE key >= ?1 AND key < ?1 || 'g'
UNION SELECT key FROM no_replies WHERE key >= ?1 AND key < ?1 || 'g' ORDER BY key
"""


@dataclass(frozen=True)
class KeyReport:
    """Everything that the store holds under a key.

    Attributes:
        stored: the completion; None if there is none.
        owner: the live process that holds the key's lease; None if there is none.
        calls: calls without a completion, in order.
        no_reply: the last failure; None if there is none, or a completion was stored after it.
    """

    key: str
    stored: StoredCompletion | None
    owner: Owner | None
    calls: tuple[UnansweredCall, ...]
    no_reply: NoReply | None = None


@dataclass(frozen=True)
class Nearest:
    """A stored request that is similar to one without a completion.

    Attributes:
        differences: from the stored request to the other.
        same_model: True if it went to the same `provider:name`.
    """

    key: str
    model: str
    stored_at: str
    differences: tuple[JsonDifference, ...]
    same_model: bool

    @property
    def distance(self) -> int:
        """Number of differences, without those that only name another model."""
        if self.same_model:
            return len(self.differences)
        return sum(not change.path.startswith(MODEL_PATHS) for change in self.differences)

    @cached_property
    def similarity(self) -> float:
        """Of the texts that differ, 0 to 1."""
        return similarity(self.differences)

    def rank_by_ends(self) -> tuple[int, int, str]:
        """Higher for a nearer request; cheap to compute."""
        return -self.distance, shared_ends(self.differences), self.stored_at

    def rank_by_similarity(self) -> tuple[int, float, str]:
        """Higher for a nearer request."""
        return -self.distance, self.similarity, self.stored_at


@dataclass(frozen=True)
class MissingCompletion:
    """The reason why a request has no stored completion.

    Attributes:
        nearest: None if no stored request is similar.
        truncated: True if the store holds more rows than were compared.
    """

    nearest: Nearest | None
    truncated: bool


def find_keys(store: Store, prefix: str) -> list[str]:
    """Return all keys with this prefix, of completions, leases, unanswered calls and failures."""
    return [str(key) for (key,) in store.database.read(KEYS_WITH_PREFIX, (prefix,))]


def explain_key(
    store: Store, key: str, models: Mapping[str, Model] = MappingProxyType({})
) -> KeyReport:
    """Return everything that the store holds under a full key.

    `models` as of `read_stored`: their settings say how the answer is read.
    """
    query = "SELECT 1 FROM intents WHERE key = ? AND owner = ?"
    live = store.leases.live_owners()
    owners = (owner for owner in live if store.database.read(query, (key, owner.id)))
    stored = next(read_stored(store, [key], models=models), None)
    calls = tuple(store.leases.unanswered_calls(key))
    no_reply = store.no_replies.read([key]).get(key)
    return KeyReport(key, stored, next(owners, None), calls, no_reply)


def explain_missing(store: Store, request: Request) -> MissingCompletion:
    """Return the most similar stored request: of the same model, else of another."""
    wanted = parse_request(request_json(request))
    model = str(request.key_fields.get("model", ""))
    truncated = False
    for same_model in (True, False):
        query = NEWEST_KEYS.format("=" if same_model else "!=")
        keys = [key for (key,) in store.database.read(query, (model, NEWEST + 1))]
        truncated = truncated or len(keys) > NEWEST
        rows = store.database.read_keys(ROWS, keys[:NEWEST])
        compared = (
            Nearest(
                key, name, stored_at, tuple(differences(parse_request(text), wanted)), same_model
            )
            for key, name, stored_at, text in rows
        )
        candidates = nlargest(CANDIDATES, compared, key=Nearest.rank_by_ends)
        similar = (near for near in candidates if near.similarity >= LEAST_SIMILARITY)
        nearest = max(similar, key=Nearest.rank_by_similarity, default=None)
        if nearest and nearest.distance <= MOST_DIFFERENCES:
            return MissingCompletion(nearest, truncated)
    return MissingCompletion(None, truncated)
