"""The settings of an `openai:` model: address, key, and what the server supports.

openai:qwen2.5-7b: {base_url: "http://localhost:8000/v1", api_key_env: LOCAL_KEY}
"""

import json
import os
import re
import ssl
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from pydantic import BaseModel, ConfigDict, Field

from workbench.canonical import JSON
from workbench.document import Document
from workbench.errors import WorkbenchError, unknown_name
from workbench.images.request_images import count_images
from workbench.model import Request
from workbench.parameters import PARAMETERS
from workbench.providers.openai.image_parts import refuses_images
from workbench.providers.openai.setting_variables import (
    VARIABLE,
    check_variables,
    expand,
    fingerprint,
)
from workbench.proxies import find_proxy, is_loopback
from workbench.secrets import SECRET_NAME

DEFAULT_URL = "https://api.openai.com/v1"
LIMITS = frozenset(  # names that several servers give to the limit of an answer's length
    {"max_tokens", "max_completion_tokens", "max_new_tokens", "max_output_tokens", "n_predict"}
)


@dataclass
class EndpointState:
    """Facts learned about a model's endpoint in one run.

    Attributes:
        answered: it has answered a request, so its key and the model's name are right.
        answered_before: it answered one in an earlier run.
        bodies: the last requests that it answered.
    """

    answered: bool = False
    answered_before: bool = False
    bodies: deque[str] = field(default_factory=lambda: deque(maxlen=16))

    def has_taken(self, parameter: str, request: Request) -> bool:
        """Return True if it has answered a request with this limit of an answer's length.

        A limit that is refused later is too high for one row.
        """
        if parameter not in LIMITS:
            return False
        value = request.body[parameter]
        return any(json.loads(body).get(parameter) == value for body in self.bodies)

    def takes_no_images(self, request: Request, error_text: str) -> bool:
        """Return True if an error means that the model takes no image, and it has taken none."""
        if not count_images(request.text) or not refuses_images(error_text):
            return False
        return not any(map(count_images, self.bodies))


class OpenAISettings(BaseModel):
    """Keys of an `openai:` model in the experiment file.

    Attributes:
        base_url: the endpoint; else `OPENAI_BASE_URL`, else OpenAI's own. It and `headers` may
            have variables of the environment: `${NAME}`.
        api_key_env: the variable with its key. A `base_url` in a file is called without a key
            unless this names one, so that `OPENAI_API_KEY` never goes to another company.
        allow_http: the key may go over plain http to another machine, and not through a proxy: in
            your own network.
        api: `completions` sends raw text, for base models; `responses` is OpenAI's newer API;
            `embeddings` is for evaluators that compare texts.
        prefill: how a prompt's last assistant message is continued, if the server can.
        prefill_echo: the server repeats it in its answers; `auto`: if every reply begins with it.
        choices: how the `choices:` of a prompt are requested; vLLM takes `guided` before 0.12, and
            `structured` since 0.12.
        stream: the answer comes in parts, for endpoints that send it in no other way;
            `without_usage` for those that refuse `stream_options`.
        ca_file: certificates that the server's may be signed with, beside the system's.
        rename: a parameter's name at this server.
        headers: sent with every request; they are part of the key.
        identity: replaces the address in stored keys, so that a server that moved to another port
            isn't called again.
        concurrency: requests in flight at once.
        timeout_s: seconds until a call without an answer is given up.
        backoff_s: seconds before the second try if the server doesn't name any; doubled each time.
    """

    model_config = ConfigDict(extra="forbid", strict=True)
    base_url: str = ""
    api_key_env: str = ""
    allow_http: bool = False
    api: Literal["chat", "completions", "responses", "embeddings"] = "chat"
    prefill: Literal["refuse", "continue_final_message", "prefix", "as_is"] = "refuse"
    prefill_echo: Literal["auto"] | bool = "auto"
    choices: Literal["text", "schema", "guided", "structured"] = "text"
    stream: Literal["without_usage"] | bool = False
    ca_file: str = ""
    rename: dict[str, str] = Field(default_factory=dict)
    headers: dict[str, str] = Field(default_factory=dict)
    identity: str = ""
    concurrency: Annotated[int, Field(ge=1, le=1024)] = 16
    timeout_s: Annotated[float, Field(gt=0, le=86400)] = 600.0
    backoff_s: Annotated[float, Field(gt=0, le=60)] = 0.5

    @property
    def url(self) -> str:
        """The endpoint's normalized address."""
        url = os.environ.get("OPENAI_BASE_URL")
        if url and not self.base_url:
            return normalize_url(url, source="OPENAI_BASE_URL")
        if "${" not in self.base_url:
            return normalize_url(self.base_url or DEFAULT_URL)
        address, mark, query = expand(self.base_url, where="base_url").partition("?")
        try:
            return normalize_url(address) + mark + query.partition("#")[0]
        except WorkbenchError:
            message = f"base_url {self.base_url} with its variables is not the address of an API"
            raise WorkbenchError(message, fix="https://host:port/v1") from None

    @property
    def is_openai(self) -> bool:
        """True for OpenAI's own address and for its models on Azure."""
        host = urlsplit(self.url).hostname or ""
        return host == "api.openai.com" or host.endswith(".openai.azure.com")

    @property
    def shown_url(self) -> str:
        """The address for messages: without the values of variables."""
        return self.base_url if VARIABLE.search(self.base_url) else self.url

    @property
    def endpoint(self) -> str:
        """The address for keys."""
        has_variables = VARIABLE.search(self.base_url)
        return self.identity or (fingerprint(self.base_url) if has_variables else self.url)

    def sent_headers(self) -> dict[str, str]:
        """Return the headers with the values of their variables.

        Raises:
            WorkbenchError: a variable is not set, or its value can't be sent.
        """
        headers = {}
        for header, template in self.headers.items():
            headers[header] = expand(template, where=f"the header {header!r}")
            if not headers[header].isascii() or not headers[header].isprintable():
                message = f"the value of the header {header!r} can't be sent"
                raise WorkbenchError(message, fix="one line of ASCII in its variable")
        return headers

    @property
    def key_variable(self) -> str:
        """The variable with the key; empty if the endpoint gets none."""
        return self.api_key_env or ("" if self.base_url else "OPENAI_API_KEY")


@dataclass(frozen=True)
class EndpointAccess:
    """One model at its endpoint.

    Attributes:
        key: empty where the endpoint gets none.
        state: shared by all calls for the model in one run.
    """

    model: str
    settings: OpenAISettings
    key: str
    state: EndpointState


def read_settings(name: str, settings: Mapping[str, JSON]) -> OpenAISettings:
    """Return the checked settings of `openai:<name>`.

    Raises:
        WorkbenchError: an unknown key, a wrong value, an invalid address.
    """
    try:
        checked = Document("", dict(settings)).check(OpenAISettings)
    except WorkbenchError as error:
        error.message = f"openai:{name}: {error.message}"
        raise
    if checked.api_key_env and not re.fullmatch(r"[A-Za-z_]\w*", checked.api_key_env):
        raise WorkbenchError(  # it may be the key itself, so it is not shown
            f"openai:{name}: api_key_env is not the name of a variable",
            fix="export the key as a variable, and write that variable's name",
        )
    for header, value in checked.headers.items():
        printable = value.isascii() and (value.isprintable() or not value)
        if not printable or not re.fullmatch(r"[\w!#$%&'*+.^`|~-]+", header, re.ASCII):
            fix = "a name of letters and -, a value on one line, both in ASCII"
            shown = re.split("[:=]", header)[0]  # behind it may be the value
            raise WorkbenchError(f"openai:{name}: the header {shown!r} can't be sent", fix=fix)
        check_variables(value, where=f"openai:{name}: the header {header!r}")
    for parameter, new_name in checked.rename.items():
        if parameter not in PARAMETERS:
            raise unknown_name(f"parameter in rename of openai:{name}:", parameter, PARAMETERS)
        if not new_name.strip():
            message = f"openai:{name}: rename: {parameter} has no name at the server"
            raise WorkbenchError(message, fix=f"write one, or leave it out: `{parameter}: null`")
    if checked.ca_file:
        _check_certificates(name, checked.ca_file)
    _check_plain_http(name, checked)
    return checked


def _check_plain_http(name: str, settings: OpenAISettings) -> None:
    """Refuse to send a key where others could read it on its way."""
    parts = urlsplit(settings.url)
    host = parts.hostname or ""
    templates = (*settings.headers.values(), urlsplit(settings.base_url).query)
    variable = settings.key_variable or "".join(VARIABLE.findall(" ".join(templates))[:1])
    if parts.scheme == "https" or not variable or is_loopback(host):
        return
    message = f"openai:{name}: the key in {variable} would go to {host} over plain http"
    if not settings.allow_http:
        raise WorkbenchError(message, fix="https://…, or `allow_http: true` in your own network")
    proxy = urlsplit(find_proxy(settings.url)).hostname
    if proxy and not is_loopback(proxy):
        fix = f"https://…, or no_proxy={host} in your own network"
        raise WorkbenchError(f"{message} through the proxy {proxy}", fix=fix)


def _check_certificates(name: str, ca_file: str) -> None:
    try:
        ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        reason = error.strerror or "it holds no certificate"
        message = f"openai:{name}: ca_file {ca_file!r} can't be read: {reason}"
        fix = "the path of a PEM file, absolute or from the folder in which the command runs"
        raise WorkbenchError(message, fix=fix) from error


def normalize_url(url: str, *, source: str = "base_url") -> str:
    """Return `url` with its host in lower case and no slash at the end.

    `source` is the setting or variable that holds it, for messages.

    Raises:
        WorkbenchError: no http address, or the address of one call instead of the API.
    """
    label = f"{source} {_without_secrets(url)}"
    try:
        parts = urlsplit(url.strip())
        host, _ = parts.hostname, parts.port  # reading an impossible port raises
    except ValueError as error:
        message = f"{label} is not an http address: {error}"
        raise WorkbenchError(message, fix="http://host:port/v1") from error
    if parts.username or parts.password:
        fix = "remove it, and name the variable with the key: `api_key_env:`"
        raise WorkbenchError(f"{source} contains a user name or password for {host}", fix=fix)
    if parts.scheme not in ("http", "https") or not host or not url.isprintable() or " " in url:
        message = f"{label} is not an http address"
        raise WorkbenchError(message, fix=f"perhaps {_with_scheme(url)}")

    path, problem = parts.path.rstrip("/"), ""
    if parts.fragment:
        problem = "has a fragment, which would not be sent"
    elif any(SECRET_NAME.search(key) for key, _ in parse_qsl(parts.query)) and "${" not in url:
        raise WorkbenchError(f"{label} holds a key", fix="put it into a variable: ?key=${NAME}")
    elif call := re.search(r"(/chat)?/(completions|responses|models|embeddings)$", path):
        path, problem = path[: call.start()], "is the address of one call"
    elif repeated := re.search(r"(/v\d\w*)\1$", path):
        path, problem = path.removesuffix(repeated[1]), f"contains {repeated[1]} twice"
    address = urlunsplit((parts.scheme.lower(), parts.netloc.lower(), path, parts.query, ""))
    if problem:
        raise WorkbenchError(f"{label} {problem}", fix=address)
    return address


def _without_secrets(url: str) -> str:
    """`url` for messages, without user, password and query."""
    plain = re.sub(r"[?#].*", "?…", url.strip(), flags=re.DOTALL)
    return repr(re.sub(r"^([a-zA-Z]+://)?[^/]*@", r"\1…@", plain))


def _with_scheme(url: str) -> str:
    """`url` as it was probably meant."""
    address = url.strip().split("://")[-1].rpartition("@")[2]
    address = re.sub(r"[\s?#].*", "", address, flags=re.DOTALL)
    host = re.split("[:/]", address)[0]
    return f"{'http' if is_loopback(host) else 'https'}://{address}"
