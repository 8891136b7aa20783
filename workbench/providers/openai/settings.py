"""Where an endpoint is, whose key it gets, and what it can do.

openai:qwen2.5-7b: {base_url: "http://localhost:8000/v1", api_key_env: LOCAL_KEY}
"""

import ipaddress
import os
import re
from collections.abc import Mapping
from typing import Annotated, Literal
from urllib.parse import urlsplit, urlunsplit

from pydantic import BaseModel, ConfigDict, Field

from workbench.canonical import JSON
from workbench.document import Document
from workbench.errors import WorkbenchError

DEFAULT_URL = "https://api.openai.com/v1"


class OpenAISettings(BaseModel):
    """What may stand under an `openai:` model.

    Attributes:
        base_url: the endpoint; else `OPENAI_BASE_URL`, else OpenAI's own.
        api_key_env: the variable that holds its key. A `base_url` in a file is called without a
            key unless this names one, so that `OPENAI_API_KEY` never goes to somebody else.
        allow_http: the key may go over plain http to another machine: a network of one's own.
        api: `completions` sends raw text, for base models.
        prefill: how a prompt's last assistant message is continued, if the server can.
        choices: how `choices:` of a prompt are asked for.
        rename: a parameter's name at this server.
        headers: sent with every request; they stand in the key.
        identity: names the endpoint in stored keys in place of its address, so that a server
            that moved to another port isn't asked again.
        concurrency: requests under way at once.
        timeout_s: seconds until a request without an answer is given up.
        backoff_s: seconds before the second try where the server doesn't say; doubled each time.
    """

    model_config = ConfigDict(extra="forbid", strict=True)
    base_url: str = ""
    api_key_env: str = ""
    allow_http: bool = False
    api: Literal["chat", "completions"] = "chat"
    prefill: Literal["refuse", "continue_final_message", "prefix"] = "refuse"
    choices: Literal["text", "schema", "guided"] = "text"
    rename: dict[str, str] = Field(default_factory=dict)
    headers: dict[str, str] = Field(default_factory=dict)
    identity: str = ""
    concurrency: Annotated[int, Field(ge=1, le=1024)] = 16
    timeout_s: Annotated[float, Field(gt=0, le=86400)] = 600.0
    backoff_s: Annotated[float, Field(gt=0, le=60)] = 0.5

    @property
    def url(self) -> str:
        """The endpoint's normalised address."""
        given = os.environ.get("OPENAI_BASE_URL")
        if given and not self.base_url:
            return normal_url(given, called="OPENAI_BASE_URL")
        return normal_url(self.base_url or DEFAULT_URL)

    @property
    def key_variable(self) -> str:
        """The variable that holds the key; empty where the endpoint gets none."""
        return self.api_key_env or ("" if self.base_url else "OPENAI_API_KEY")


def read_settings(name: str, settings: Mapping[str, JSON]) -> OpenAISettings:
    """The settings of `openai:<name>`, checked.

    Raises:
        WorkbenchError: an unknown key, a wrong value, an address that is none.
    """
    try:
        checked = Document("", dict(settings)).check(OpenAISettings)
    except WorkbenchError as error:
        error.message = f"openai:{name}: {error.message}"
        raise
    if checked.api_key_env and not re.fullmatch(r"[A-Za-z_]\w*", checked.api_key_env):
        raise WorkbenchError(  # it may be the key itself, so it is not shown
            f"openai:{name}: api_key_env is no name of a variable",
            fix="export the key under a name, and write that name",
        )
    for header, value in checked.headers.items():
        if not re.fullmatch(r"[\w!#$%&'*+.^`|~-]+", header, re.ASCII) or not _one_line(value):
            raise WorkbenchError(
                f"openai:{name}: the header {header!r} can't be sent",
                fix="a name of letters and -, a value on one line, both in ASCII",
            )
    _check_secrecy(name, checked)
    return checked


def _check_secrecy(name: str, settings: OpenAISettings) -> None:
    """A key over plain http can be read by every machine on its way."""
    parts = urlsplit(settings.url)
    host = parts.hostname or ""
    if not settings.key_variable or settings.allow_http or parts.scheme == "https":
        return
    if not _is_here(host):
        raise WorkbenchError(
            f"openai:{name}: the key in {settings.key_variable} would go to {host} over plain http",
            fix="https://…, or `allow_http: true` where the network is your own",
        )


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _one_line(value: str) -> bool:
    return value.isascii() and (value.isprintable() or not value)


def normal_url(url: str, *, called: str = "base_url") -> str:
    """`url`, which stands under the name `called`, its host in lower case, no slash at the end.

    Raises:
        WorkbenchError: no http address, or the address of one call instead of the API.
    """
    try:
        parts = urlsplit(url.strip())
        host, _ = parts.hostname, parts.port  # asking for a port that can't be raises
    except ValueError as error:
        said = f"{called} {_shown(url)} is no http address: {error}"
        raise WorkbenchError(said, fix="http://host:port/v1") from error
    if parts.username or parts.password:
        raise WorkbenchError(
            f"{called} holds a user's name or password for {host}",
            fix="take it out, and name the variable with the key: `api_key_env:`",
        )
    if parts.scheme not in ("http", "https") or not host or not url.isprintable() or " " in url:
        said = f"{called} {_shown(url)} is no http address"
        raise WorkbenchError(said, fix=f"perhaps {_with_scheme(url)}")
    if parts.query or parts.fragment:
        said = f"{called} {_shown(url)} has a query or a fragment, which would not be sent"
        raise WorkbenchError(said, fix=urlunsplit((parts.scheme, parts.netloc, parts.path, "", "")))
    path = parts.path.rstrip("/")
    for call in ("/chat/completions", "/completions"):
        if path.endswith(call):
            right = urlunsplit((parts.scheme, parts.netloc, path.removesuffix(call), "", ""))
            said = f"{called} {_shown(url)} is the address of one call"
            raise WorkbenchError(said, fix=right)
    if repeated := re.search(r"(/v\d\w*)\1$", path):
        right = path.removesuffix(repeated[1])
        said = f"{called} {_shown(url)} says {repeated[1]} twice"
        raise WorkbenchError(said, fix=urlunsplit((parts.scheme, parts.netloc, right, "", "")))
    return urlunsplit((parts.scheme.lower(), parts.netloc.lower(), path, "", ""))


def _shown(url: str) -> str:
    """The address for messages, without what may be a secret: user, password, query."""
    plain = re.sub(r"[?#].*", "?…", url.strip(), flags=re.DOTALL)
    return repr(re.sub(r"^([a-zA-Z]+://)?[^/]*@", r"\1…@", plain))


def _with_scheme(url: str) -> str:
    """`url` as it was probably meant."""
    rest = re.sub(r"[\s?#].*", "", url.strip().split("://")[-1].rpartition("@")[2], flags=re.DOTALL)
    host = re.split("[:/]", rest)[0]
    return f"{'http' if _is_here(host) else 'https'}://{rest}"
