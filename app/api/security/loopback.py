"""Who asks from this machine, and whether it is a person or a foreign web page that asks.

Without a key only this machine is served, so here is what could pass for it: a client that names
another address in a header (headers are never believed), somebody far away behind a proxy of this
machine, and a web page in a browser of this machine, which reaches loopback in its user's name.
"""

import re
from ipaddress import IPv6Address, ip_address
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection

READING_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
"""What changes nothing."""
_LEFT_BY_PROXIES = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")
_HOST = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([^\s:\[\]@/]+))(?::[0-9]+)?")


def is_loopback(host: str) -> bool:
    """Whether nothing but this machine can be behind an address; of names, only ``localhost``."""
    if host.lower() == "localhost":
        return True
    try:
        address = ip_address(host)
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return (mapped or address).is_loopback


def from_this_machine(connection: HTTPConnection) -> bool:
    """Whether a connection has both its ends on this machine, on loopback or not."""
    client, server = connection.client, connection.scope.get("server")
    if client is None:
        return False
    # The far end has the address that we are reached at: that is us.
    return is_loopback(client.host) or (server is not None and client.host == server[0])


def why_not_local(connection: HTTPConnection) -> str | None:
    """Say why a request is not plainly one of this machine's user; None when it is."""
    if connection.client is None or not is_loopback(connection.client.host):
        return "This request comes from another machine"
    headers = connection.headers
    if any(name in headers for name in _LEFT_BY_PROXIES):
        return "This request comes through a proxy"
    asked_as = headers.getlist("host")
    if len(asked_as) != 1 or not is_loopback(_host_name(asked_as[0])):
        # A page whose name was made to point here (DNS rebinding) still sends its own name.
        return "This request asks for another host than localhost or 127.0.0.1"
    if connection.scope.get("method") not in READING_METHODS and _of_another_page(connection):
        return "This request was made by a web page of another origin"
    return None


def _of_another_page(connection: HTTPConnection) -> bool:
    """Whether a browser says that the request was made by a page that is not the service's own."""
    headers = connection.headers
    origin = headers.get("origin")
    if origin is not None:
        return _authority(origin) != headers["host"].lower()
    return headers.get("sec-fetch-site", "none") not in {"none", "same-origin"}


def _authority(origin: str) -> str:
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""


def _host_name(header: str) -> str:
    """The name or address in a Host header; empty when it is not well formed."""
    match = _HOST.fullmatch(header)
    return (match[1] or match[2]) if match else ""
