r"""Evaluator: the answer is YAML.

>>> yaml_valid("name: pen\nprice: [1, 2").value
False
"""

import re
from collections.abc import Hashable
from itertools import accumulate

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from workbench.evaluator import Score, evaluator
from workbench.evaluators._code_blocks import unfenced

MOST_DEPTH = 100  # open brackets at which the parser becomes slow
MOST_CHARACTERS = 500_000  # that are read in less than the time limit of a row

_BRACKET = re.compile(r"[\[\]{}]")


@evaluator(kind="pass")
def yaml_valid(outputs: str, *, mapping: bool = False, fenced: bool = True) -> Score:
    """True if the answer is one YAML document (YAML 1.2), with `mapping` a mapping.

    A sentence without a colon is YAML, too: a string. Of a mapping, no key may stand twice.
    A Markdown code block around the document is allowed if `fenced`. Aliases are not expanded and
    tags are not followed, so nothing is built from the document.
    """
    text = unfenced(outputs, "yaml", "yml") if fenced else outputs
    if not text.strip():
        return Score(False, "the answer is empty")
    if len(text) > MOST_CHARACTERS:
        return Score(False, f"longer than {MOST_CHARACTERS:,} characters", "unparsed")
    if _flow_depth(text) > MOST_DEPTH:
        return Score(False, "it is nested too deeply")
    try:
        root = YAML(typ="safe", pure=True).compose(text)
    except MarkedYAMLError as error:
        return Score(False, _reason(error))
    except YAMLError as error:
        return Score(False, str(error).splitlines()[0])
    except RecursionError:
        return Score(False, "it is nested too deeply")
    except (ValueError, AttributeError) as error:  # ruamel's own faults
        return Score(False, f"it can't be read: {error}")
    if root is None:
        return Score(False, "the document is empty")
    if duplicate := _duplicate_key(root):
        return Score(False, duplicate)
    if mapping and not isinstance(root, MappingNode):
        kind = "a list" if isinstance(root, SequenceNode) else "a single value"
        return Score(False, f"it is {kind}, not a mapping")
    return Score(True)


def _reason(error: MarkedYAMLError) -> str:
    mark = error.problem_mark or error.context_mark
    place = f": line {mark.line + 1}, column {mark.column + 1}" if mark else ""
    problem = error.problem or ""
    reason = f"{error.context}, {problem}" if problem.startswith("but ") else problem
    return f"{reason or error.context}{place}"


def _flow_depth(text: str) -> int:
    """The most brackets that are open at a time, those in strings too."""
    steps = (1 if bracket[0] in "[{" else -1 for bracket in _BRACKET.finditer(text))
    return max(accumulate(steps), default=0)


def _duplicate_key(root: Node) -> str:
    """The first key that stands twice in a mapping; an aliased node is visited once."""
    pending, seen = [root], {id(root)}
    while pending:
        node = pending.pop()
        children = list(node.value) if isinstance(node, SequenceNode) else []
        if isinstance(node, MappingNode):
            keys = set[Hashable]()
            for key, value in node.value:
                children += (key, value)
                if not isinstance(key, ScalarNode):
                    continue
                if (key.tag, key.value) in keys:
                    return f"the key {key.value!r:.60} stands twice: line {key.start_mark.line + 1}"
                keys.add((key.tag, key.value))
        for child in children:
            if id(child) not in seen:
                seen.add(id(child))
                pending.append(child)
    return ""
