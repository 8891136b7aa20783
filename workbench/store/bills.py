"""Stored bills that exceed what a request can hold: its bytes, or the limit of its answer.

(412, None, Usage(input_tokens=1_630))     412 bytes with hidden text
(412, 8, Usage(output_tokens=319))         reasoning that `max_tokens: 8` doesn't limit
"""

import json
from collections.abc import Iterator

from workbench.images.request_images import max_tokens
from workbench.model import Usage
from workbench.store.completions import Store

LARGE_INPUTS = """
SELECT max(input_tokens), request FROM completions WHERE model = ? AND input_tokens > size
GROUP BY size
"""  # with max() SQLite takes the other columns from the same row
LARGE_OUTPUTS = """
SELECT size, output_tokens, request FROM completions WHERE model = ? AND output_tokens > ?
ORDER BY output_tokens DESC LIMIT 1000
"""
OUTPUT_LIMITS = ("max_tokens", "max_completion_tokens", "max_output_tokens")


def large_bills(store: Store, model: str, limit: int) -> Iterator[tuple[int, int | None, Usage]]:
    """Yield the large bills of `model` (`provider:name`).

    Each has the size of its request in bytes, the limit of its answer in tokens or None, and its
    usage. Answers of at most `limit` tokens are left out.
    """
    for tokens, request in store.database.read(LARGE_INPUTS, (model,)):
        size = max_tokens(json.loads(request)["body"])  # more than its size if it has images
        if tokens > size:
            yield size, None, Usage(tokens)
    for size, tokens, request in store.database.read(LARGE_OUTPUTS, (model, limit)):
        body = json.loads(json.loads(request)["body"])
        limits = [body[name] for name in OUTPUT_LIMITS if isinstance(body.get(name), int)]
        if limits and tokens > max(limits):
            yield size, max(limits), Usage(None, tokens)
