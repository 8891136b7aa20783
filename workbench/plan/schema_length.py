"""Limits of an answer's length that the JSON of its schema exceeds.

>>> longest_choice = {"properties": {"choice": {"enum": ["no", "yes"]}}, "required": ["choice"]}
>>> smallest_answer(longest_choice), token_estimate(longest_choice)
({'choice': 'yes'}, 6)
"""

import json
from collections.abc import Iterable, Iterator, Mapping

from workbench.canonical import JSON
from workbench.model import Request
from workbench.plan.types import Variant

BYTES_PER_TOKEN = 3  # of JSON, whose quotes and braces are tokens of their own
DEPTH = 8
SAMPLE = 200  # rows of a variant: choices may differ from row to row
SMALLEST: dict[JSON, JSON] = {"string": "", "boolean": True, "null": None, "array": []}


def schema_notes(pairs: Iterable[tuple[Variant, Iterable[Request]]]) -> Iterator[str]:
    """Yield a note for each variant whose limit is below what an answer in its schema needs."""
    for variant, requests in pairs:
        needed, limit = 0, None
        for request, _ in zip(requests, range(SAMPLE), strict=False):
            limit = request.max_output_tokens
            if limit is None or '"json_schema"' not in request.text:
                break
            response_format = request.body.get("response_format") or {}
            schema = response_format.get("json_schema", {}).get("schema") or {}
            needed = max(needed, token_estimate(schema))
        if limit is not None and limit < needed:
            kind = (
                "longest choice in its schema" if variant.choice_method else "schema of an answer"
            )
            yield (
                f"{variant.name}: max_tokens is {limit}, and the {kind} needs about {needed}: "
                "answers will be cut off"
            )


def token_estimate(schema: Mapping[str, JSON]) -> int:
    """Estimate the tokens of the smallest answer that the schema permits, with its longest enum."""
    answer = json.dumps(smallest_answer(schema), ensure_ascii=False)
    return -(-len(answer.encode("utf-8", "replace")) // BYTES_PER_TOKEN)


def smallest_answer(schema: JSON, *, root: JSON = None, depth: int = DEPTH) -> JSON:
    """Return the smallest JSON that a schema permits; of an `enum` the longest, as any may come."""
    root = root or schema
    if not isinstance(schema, dict) or not depth:
        return 0
    reference = schema.get("$ref")
    if isinstance(reference, str) and isinstance(root, dict):
        definitions = root.get("$defs") or root.get("definitions") or {}
        return smallest_answer(
            definitions.get(reference.rpartition("/")[2]), root=root, depth=depth - 1
        )
    if "const" in schema:
        return schema["const"]
    if schema.get("enum"):
        return max(schema["enum"], key=lambda value: len(json.dumps(value)))
    alternatives = schema.get("anyOf") or schema.get("oneOf")
    if alternatives:
        answers = [smallest_answer(each, root=root, depth=depth - 1) for each in alternatives]
        return min(answers, key=lambda value: len(json.dumps(value)))
    kind = schema.get("type")
    if "properties" in schema or kind == "object":
        properties = schema.get("properties") or {}
        return {
            name: smallest_answer(properties.get(name), root=root, depth=depth - 1)
            for name in schema.get("required", ())
        }
    return SMALLEST.get(kind if isinstance(kind, str) else "null", 0)
