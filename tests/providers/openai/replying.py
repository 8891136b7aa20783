"""Replies of the server on loopback, one after another."""

from collections.abc import Callable

from openai_server import Reply, say

FOUR = say("4")


def then(*replies: Reply) -> Callable[[str, object, int], Reply]:
    """The n-th try of a request gets the n-th reply; the last one goes on for ever."""
    return lambda path, body, nth: replies[min(nth, len(replies)) - 1]
