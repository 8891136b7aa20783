"""Files of other tools: documents and programs as a template, assertions as expected values.

{"_type": "prompt", "template": "Sum up: {text}"}      a JSON file
doc_to_text: "Q: {{question}}"                         a YAML file
module.exports = ({ vars }) => [{ role: "user", …}]    a JavaScript program
"""

import re
from collections.abc import Iterable, Iterator, Mapping

from workbench.canonical import JSON
from workbench.checking.finding import Finding
from workbench.dataset import EXPECTED

# Keys that only files of prompts have, at any depth.
_KEYS = (
    "choice_strings|doc_to_text|input_variables|instance_template|modelParameters|prompt_input|"
    "system_template|template_format|testData"
)
_JSON = (
    rf"\{{.*[\"'](?:{_KEYS}|_type|lc|signature[\"']\s*:\s*\{{\s*[\"']instructions)[\"']\s*:.*\}}"
)
_YAML_LINE = re.compile(r"[\w.-]+:(?:\s|$)|[\s#\-\]}]|$")
_YAML = re.compile(rf"^[ \t]*(?:{_KEYS})[ \t]*:|^messages:[ \t]*\n[ \t]*-[ \t]+role\b", re.M)
_TOML = re.compile(
    r"\A(?:\[[\w.]+\]\s*\n|\w+[ \t]*=[ \t]*[\"'])[\s\S]*?^(?:prompt|system|template|user)[ \t]*="
    r"[ \t]*[\"'][\s\S]*[\"'\]}]\Z"
    r"|\A(?:prompt|system|template)[ \t]*=[ \t]*[\"'][\s\S]*[\"'\]}]\Z",
    re.M,
)
_MARKUP = r"<(poml|rail)\b.*"
_JAVASCRIPT = (
    r"(?:/[/*][^\n]*\n|import [^\n]*\n|\s)*"
    r"(?:module\.exports|export (?:default|const|async)|(?:async )?function\b|const \w+ =).*"
    r"\b(?:role|vars)\b.*"
)
_PYTHON = (
    r"(?:#[^\n]*\n|(?:import|from) [\w.]+[^\n]*\n|\s)*"
    r"(?:(?:def|class|@)\W?\w+.*(?:[\"']role[\"']|\bvars\b|Prompt\w*[.(])"
    r"|\w+ = (?:f?[\"']{3}|\w*Prompt\w*[.(])|\w*PromptTemplate[.(]).*"
)
# Of promptfoo, in a column `__expected`.
_ASSERTION = re.compile(
    r"(?:not-)?(?:equals|i?contains(?:-any|-all|-json)?|starts-with|regex|is-json|javascript|fn|eval|"
    r"python|similar(?:\([\d.]+\))?|llm-rubric|grade|factuality|levenshtein(?:\(\d+\))?)\s*:\s*\S"
)


def document_kind(text: str, *, has_variables: bool) -> str:
    """The kind of a file of another tool that `text` is; empty if it is a template.

    Code that reads variables of a row is text of a prompt about code.
    """
    if re.fullmatch(_JSON, text, re.DOTALL):
        return "a JSON file"
    if _YAML.search(text) and all(map(_YAML_LINE.match, text.split("\n"))):
        return "a YAML file"
    if match := re.fullmatch(_MARKUP, text, re.DOTALL):
        return match[1].upper()
    if _TOML.match(text):
        return "a TOML file"
    if has_variables:
        return ""
    if re.fullmatch(_JAVASCRIPT, text, re.DOTALL):
        return "a JavaScript program"
    return "a Python program" if re.fullmatch(_PYTHON, text, re.DOTALL) else ""


def assertion_findings(rows: Iterable[Mapping[str, JSON]]) -> Iterator[Finding]:
    """A note if expected values are promptfoo's assertions, `contains: Paris`."""
    answers = (row.get(EXPECTED) for row in rows)
    assertion = next((a for a in answers if isinstance(a, str) and _ASSERTION.match(a)), "")
    if assertion:
        message = f"expected values such as {assertion[:60]!r} are promptfoo's assertions"
        fix = (
            "keep the value (\"{{ __expected.split(':', 1)[-1].strip() }}\"), and name an evaluator"
        )
        yield Finding(message, fix=fix)
