"""The models of the experiment files: their settings, their keys, and their endpoints.

Each endpoint gets one GET of its list of models, which no provider bills. Keys are sent to the
endpoint that they are for and never shown.
"""

import difflib
import json
import ssl
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

from workbench.doctor.diagnosis import Diagnosis
from workbench.doctor.http_probe import MOST_SKEW_S, ProbeReply, probe
from workbench.errors import ExitCode, WorkbenchError, list_first
from workbench.experiment.load import declared_models
from workbench.model import open_provider
from workbench.project import Project
from workbench.providers.openai import OpenAIProvider

REFUSED = (401, 403)
AZURE = ".azure.com"  # it lists models, and requests name deployments


@dataclass(frozen=True)
class DeclaredEndpoint:
    """An endpoint that experiments name; `label` is its address for messages."""

    provider: OpenAIProvider
    label: str
    models: tuple[str, ...]


def check_models(project: Project) -> tuple[list[Diagnosis], list[DeclaredEndpoint]]:
    """Return findings about experiment files, models and keys, and the endpoints to be asked."""
    findings: list[Diagnosis] = []
    endpoints: dict[tuple[str, str], DeclaredEndpoint] = {}
    keys: dict[str, bool] = {}
    models, errors = declared_models(project)
    findings += [Diagnosis.of_error("models", error) for error in errors]
    for where, model in models:
        try:
            provider = open_provider(model, where=where)
        except WorkbenchError as error:
            findings.append(Diagnosis.of_error("models", error))
            continue
        if isinstance(provider, OpenAIProvider):
            settings = provider.settings
            if settings.key_variable:
                keys[settings.key_variable] = _has_key(provider, findings)
            address = (settings.url, settings.key_variable)
            before = endpoints.get(address, DeclaredEndpoint(provider, settings.shown_url, ()))
            names = dict.fromkeys([*before.models, model.name])
            endpoints[address] = DeclaredEndpoint(before.provider, before.label, tuple(names))
    findings += [
        Diagnosis("keys", "ok", f"{name} is set") for name, is_set in keys.items() if is_set
    ]
    return _once(findings), list(endpoints.values())


def _has_key(provider: OpenAIProvider, findings: list[Diagnosis]) -> bool:
    try:
        provider.key()
    except WorkbenchError as error:
        variable = provider.settings.key_variable
        message = error.message.partition(": ")[2] or f"{variable} is not set"
        findings.append(Diagnosis("keys", "error", message, fix=error.fix))
        return False
    return True


def _once(findings: list[Diagnosis]) -> list[Diagnosis]:
    return list(dict.fromkeys(findings))


def check_endpoint(endpoint: DeclaredEndpoint) -> Iterator[Diagnosis]:
    """Yield what a GET of the endpoint's list of models shows."""
    settings, label = endpoint.provider.settings, endpoint.label
    try:
        headers = settings.sent_headers()
        with suppress(WorkbenchError):  # a missing key is a finding of its own
            if key := endpoint.provider.key():
                headers = {"Authorization": f"Bearer {key}", **headers}
        address, mark, query = settings.url.partition("?")
        context = ssl.create_default_context(cafile=settings.ca_file) if settings.ca_file else None
        reply = probe(f"{address}/models{mark}{query}", headers, context)
    except WorkbenchError as error:
        yield Diagnosis.of_error("endpoints", error)
        return
    names, host = list_first(endpoint.models, 3), urlsplit(settings.url).hostname or ""
    if not reply.status:
        hidden = reply.error.replace(settings.url, label)
        fix = "start the server or correct base_url"
        failed = ExitCode.FAILED_ROWS
        message = f"can't be reached: {hidden} (of {names})"
        yield Diagnosis("endpoints", "error", message, label, fix, failed)
    elif reply.status in REFUSED:
        variable = settings.key_variable
        fix = f"check the key in {variable}" if variable else "set `api_key_env:`"
        message = f"refuses the request: HTTP {reply.status} (of {names})"
        yield Diagnosis("endpoints", "error", message, label, fix, ExitCode.FAILED_ROWS)
    elif reply.status >= 500:
        message = f"answers with HTTP {reply.status} (of {names})"
        yield Diagnosis("endpoints", "warning", message, label, "look at the server's log")
    else:
        yield Diagnosis("endpoints", "ok", f"answers (of {names})", label)
        if reply.status == 200 and not host.endswith(AZURE):
            yield from _unlisted(endpoint, reply)
    yield from check_clock(reply, label)


def _unlisted(endpoint: DeclaredEndpoint, reply: ProbeReply) -> Iterator[Diagnosis]:
    """Warnings about models that an endpoint's list lacks; none if the list can't be read."""
    try:
        entries = json.loads(reply.body)["data"]
        listed = [str(entry["id"]).removeprefix("models/") for entry in entries]  # Gemini's prefix
    except (ValueError, KeyError, TypeError):
        return
    for name in endpoint.models if listed else ():
        if name not in listed:
            near = list_first(difflib.get_close_matches(name, listed, n=3) or sorted(listed), 3)
            message = f"{name!r} is not in the endpoint's list of models"
            fix = f"check the name; listed are: {near}"
            yield Diagnosis("endpoints", "warning", message, endpoint.label, fix)


def check_clock(reply: ProbeReply, label: str) -> Iterator[Diagnosis]:
    """Yield a warning if this machine's clock differs from the server's."""
    if abs(reply.skew_s) > MOST_SKEW_S:
        ahead = "ahead of" if reply.skew_s > 0 else "behind"
        message = (
            f"this machine's clock is {abs(reply.skew_s) / 60:,.0f} minutes {ahead} the server's"
        )
        yield Diagnosis(
            "clock", "warning", message, label, "set the clock: timedatectl set-ntp true"
        )
