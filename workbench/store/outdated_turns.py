"""Stored answers of later turns that follow from answers which the store doesn't hold any more.

    turn 1   "Which number?"          asked again: "What is its number?"
    turn 2   "It is on its way."      followed from the first one: outdated

A stored request names the answers that it was sent with by their digests.
"""

from collections.abc import Collection, Set

from workbench.prompt.later_turns import ANSWERS
from workbench.store.completions import Store
from workbench.store.ratings import answer_digest

KEYS_PER_READ = 500


def outdated_turns(store: Store, keys: Collection[str], usable: Set[str] | None = None) -> set[str]:
    """Return those of `keys` whose stored request holds other answers than the store does now.

    `usable`: keys whose answers may be followed; None: all that are stored.
    """
    outdated: set[str] = set()
    ordered = list(keys)
    for start in range(0, len(ordered), KEYS_PER_READ):
        requests = store.requests(ordered[start : start + KEYS_PER_READ])
        followed = {
            key: request.key_fields[ANSWERS]
            for key, request in requests.items()
            if ANSWERS in request.key_fields
        }
        earlier = {key for answers in followed.values() for key in answers}
        earlier = earlier if usable is None else earlier & usable
        digests = {key: answer_digest(c) for key, c in store.completions(earlier).items()}
        outdated |= {
            key for key, answers in followed.items() if not answers.items() <= digests.items()
        }
    return outdated
