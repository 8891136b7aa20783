"""Why a request is answered from the store, or why it isn't.

explain_request(store, request)   a request of a plan: kept, or the nearest that is
explain_key(store, key)           whatever is known of a key
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import nsmallest

from workbench.canonical import JSON, canonical_json
from workbench.model import Request
from workbench.store.completions import Store
from workbench.store.json_diff import JsonDifference, differences, likeness, shared_ends
from workbench.store.leases import Owner, PendingCall
from workbench.store.selection import Kept, read_asked, read_kept

NEWEST = 2_000  # rows that a request is compared with
IN_MEMORY = 50  # of them at once
CLOSE = 20  # of those with the fewest differences, whose texts are compared
NEAR = (6, 0.6)  # at most so many places differ, and the texts are at least so alike
NEWEST_OF = "SELECT key FROM completions WHERE {} ORDER BY kept_at DESC LIMIT ?2"
SAME_MODEL = "model IN (?1, '')"  # the first format noted none
OTHER_MODEL = "model NOT IN (?1, '')"
WHICH_MODEL = ("model", "provider", "identity", "body.model")  # paths that say nothing of a text
KEYS_LIKE = """
SELECT key FROM completions WHERE key >= ?1 AND key < ?1 || 'g'
UNION SELECT key FROM intents WHERE key >= ?1 AND key < ?1 || 'g'
UNION SELECT key FROM calls WHERE key >= ?1 AND key < ?1 || 'g' ORDER BY key
"""


@dataclass(frozen=True)
class Known:
    """What is known of a key.

    Attributes:
        kept: the answer, if there is one.
        asking: the living process that is asking it.
        calls: those that brought no answer, in order.
    """

    key: str
    kept: Kept | None
    asking: Owner | None
    calls: tuple[PendingCall, ...]


@dataclass(frozen=True)
class Nearest:
    """The kept request that is most like one that isn't.

    Attributes:
        found: from the kept one to the one that isn't.
        same_model: whether it was asked of the same `provider:name`.
        whole: whether all was kept that stands in a key; the first format kept the body only.
    """

    key: str
    model: str
    kept_at: str
    found: tuple[JsonDifference, ...]
    same_model: bool
    whole: bool

    @property
    def places(self) -> int:
        """How many differ; which model it is doesn't count where it is another one."""
        if self.same_model:
            return len(self.found)
        heads = (one.path.startswith(WHICH_MODEL) for one in self.found)
        return sum(not head for head in heads)


@dataclass(frozen=True)
class MissingAnswer:
    """Why a request is not answered from the store.

    Attributes:
        nearest: None where nothing is near.
        cut: whether there were more rows than were compared.
    """

    nearest: Nearest | None
    cut: bool


def find_keys(store: Store, prefix: str) -> list[str]:
    """The keys that begin so, of which anything is known."""
    return [str(key) for (key,) in store.database.read(KEYS_LIKE, (prefix,))]


def explain_key(store: Store, key: str) -> Known:
    """What is known of a key, given whole."""
    asked_by = {owner for (owner,) in store.database.read_keys("SELECT owner FROM intents", [key])}
    asking = [one for one in store.ledger.running() if one.id in asked_by]
    kept = next(read_kept(store, [key]), None)
    return Known(key, kept, asking[0] if asking else None, tuple(store.ledger.calls(key)))


def explain_missing(store: Store, request: Request) -> MissingAnswer:
    """The kept request most like this one: of the same model, or else of another."""
    asked = read_asked(canonical_json({**request.key_fields, "body": request.text}))
    cut = False
    for which in (SAME_MODEL, OTHER_MODEL):
        values = (str(request.key_fields.get("model", "")), NEWEST + 1)
        keys = [key for (key,) in store.database.read(NEWEST_OF.format(which), values)]
        cut = cut or len(keys) > NEWEST
        compared = _compared(store, keys[:NEWEST], asked, same_model=which == SAME_MODEL)
        close = nsmallest(CLOSE, compared, key=lambda one: (one.places, -shared_ends(one.found)))
        most, alike = NEAR
        for one in sorted(close, key=lambda one: (one.places, -likeness(one.found))):
            if one.places <= most and likeness(one.found) >= alike:
                return MissingAnswer(one, cut)
    return MissingAnswer(None, cut)


def _compared(
    store: Store, keys: Sequence[str], asked: Mapping[str, JSON], *, same_model: bool
) -> Iterator[Nearest]:
    """Each row with what differs, newest first."""
    query = "SELECT key, model, kept_at, request FROM completions"
    for start in range(0, len(keys), IN_MEMORY):
        rows = {
            row[0]: row for row in store.database.read_keys(query, keys[start : start + IN_MEMORY])
        }
        for key in keys[start : start + IN_MEMORY]:
            _, model, kept_at, text = rows[key]
            old = read_asked(text)
            new = dict(asked) if "identity" in old else {"body": asked["body"]}
            found = tuple(differences(old, new))
            yield Nearest(key, model, kept_at, found, same_model, "identity" in old)
