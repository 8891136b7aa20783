"""An entry `json_fields`, which stands for one evaluator `json_field` for each field.

>>> [settings["name"] for settings in field_settings({"fields": ["total", "$.address.city"]})]
['total', 'address.city']
"""

import re
from collections.abc import Mapping

from workbench.canonical import JSON
from workbench.errors import WorkbenchError

ENTRY = "json_fields"
EVALUATOR = "json_field"
MAX_NAME = 64  # characters of a column
_EXAMPLE = "- json_fields: [name, total], or {fields: [name, $.address.city], ignore_case: true}"


def field_settings(settings: Mapping[str, JSON]) -> list[dict[str, JSON]]:
    """The settings of each `json_field`, named after its field, in the order of the fields.

    With `name: invoice` the columns are `invoice: total` and so on.

    Raises:
        WorkbenchError: there are no fields, or one is not a name or stands twice.
    """
    others = {key: value for key, value in settings.items() if key not in ("fields", "name")}
    fields = settings.get("fields")
    if not isinstance(fields, list) or not fields:
        problem = "needs `fields`" if fields is None else f"fields is {fields!r:.60}, not a list"
        raise WorkbenchError(f"{ENTRY}: {problem}", fix=f"write {_EXAMPLE}")
    if "field" in others:
        fix = f"list it in `fields`, or write {EVALUATOR}: {{field: …}}"
        raise WorkbenchError(f"{ENTRY}: `field` and `fields` are both set", fix=fix)
    expanded: dict[str, dict[str, JSON]] = {}
    for field in fields:
        if not isinstance(field, str) or not field.strip():
            raise WorkbenchError(f"{ENTRY}: {field!r:.60} is not a field", fix=f"write {_EXAMPLE}")
        prefix = f"{settings['name']}: " if "name" in settings else ""
        name = f"{prefix}{_column(field)}"[:MAX_NAME].rstrip()
        if name in expanded:
            fix = f"write this one by itself: {EVALUATOR}: {{field: {field!r}, name: another_name}}"
            raise WorkbenchError(f"{ENTRY}: two columns are called {name!r}", fix=fix)
        expanded[name] = {**others, "field": field, "name": name}
    return list(expanded.values())


def _column(field: str) -> str:
    """The name of a field's column: `$.address.city` is `address.city`, `$.items[0]` `items.0`."""
    path = re.sub(r"\[[\"']?([^\]\"']+)[\"']?\]", r".\1", field.removeprefix("$"))
    column = re.sub(r"[^A-Za-z0-9_.-]+", " ", path).strip(" .-_")
    return column or "field"
