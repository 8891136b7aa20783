"""Proxies that the environment names, and the hosts that are reached without one.

>>> is_loopback("127.1"), is_loopback("api.openai.com")
(True, False)
"""

import os
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from workbench.errors import WorkbenchError

if TYPE_CHECKING:
    import ipaddress

DATABASES = ("sqlite:///", "postgresql", "mysql", "mssql")  # no servers of MLflow
VARIABLES = ("http_proxy", "https_proxy", "all_proxy")
# Libraries read different forms of these, so all are named.
LOOPBACK = ("localhost", "127.0.0.1", "127.0.0.0/8", "::1")


def is_loopback(host: str) -> bool:
    """Return True if `host` is this machine, in any form that resolves to it."""
    name = host.lower().rstrip(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    address = _address(name)
    return address is not None and (address.is_loopback or address.is_unspecified)


def find_proxy(url: str) -> str:
    """Return the proxy for an http address; empty if there is none, as for this machine.

    Raises:
        WorkbenchError: the environment names a proxy of another kind.
    """
    # Every command imports this module, and few need a proxy.
    from urllib.request import getproxies

    parts = urlsplit(url)
    host = parts.hostname or ""
    proxies = getproxies()
    address = proxies.get(parts.scheme) or proxies.get("all") or ""
    if not address or is_loopback(host) or _is_exempt(host, parts.port, proxies.get("no", "")):
        return ""
    address = address if "://" in address else f"http://{address}"
    scheme = address.partition("://")[0].lower()
    with suppress(ValueError):
        proxy = urlsplit(address)
        if scheme in ("http", "https") and proxy.hostname and proxy.port != 0:
            return address
    raise WorkbenchError(
        f"the proxy for {host} in {parts.scheme}_proxy or all_proxy is not an http proxy",
        fix=f"{parts.scheme}_proxy=http://host:port, or no_proxy={host}",
    )


def exempt_loopback() -> None:
    """Add this machine to `no_proxy` if the environment names a proxy.

    Other libraries, as MLflow's client, send what is meant for this machine to the proxy otherwise.
    """
    if not any(os.environ.get(name) or os.environ.get(name.upper()) for name in VARIABLES):
        return
    values = (os.environ.get("no_proxy", ""), os.environ.get("NO_PROXY", ""))
    hosts = [host.strip() for value in values for host in value.split(",") if host.strip()]
    if "*" not in hosts:
        os.environ["no_proxy"] = ",".join(dict.fromkeys([*hosts, *LOOPBACK]))


def _is_exempt(host: str, port: int | None, exemptions: str) -> bool:
    """True if `no_proxy`, or the system's settings, exempt a host: by name, address or network."""
    import ipaddress
    from urllib.request import proxy_bypass

    if proxy_bypass(host if port is None else f"{host}:{port}"):
        return True
    address = _address(host)
    for entry in filter(None, map(str.strip, exemptions.split(","))) if address else ():
        with suppress(ValueError):
            if address in ipaddress.ip_network(entry.strip("[]"), strict=False):
                return True
    return False


def _address(host: str) -> "ipaddress.IPv4Address | ipaddress.IPv6Address | None":
    """The address that a host is in numbers; None for a name."""
    import ipaddress
    import socket

    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        try:
            address = ipaddress.ip_address(socket.inet_aton(host))  # 127.1, 2130706433, 0x7f.1
        except (OSError, ValueError):
            return None
    return getattr(address, "ipv4_mapped", None) or address
