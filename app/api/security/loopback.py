"""Requests from this machine, as opposed to those of remote clients and foreign web pages.

Without an API key only this machine is served. Three things could pass for it: a client that claims
another address in a header (headers are never trusted), a remote client behind a proxy on this
machine, and a web page in a browser on this machine, which can reach loopback. A proxy that adds no
header is recognised by the user it runs as (see `owner`).
"""

import re
from ipaddress import IPv6Address, ip_address
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection

READING_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing."""
_PROXY_HEADERS = frozenset(
    {
        "forwarded",
        "forwarded-for",
        "via",
        "client-ip",
        "true-client-ip",
        "x-client-ip",
        "x-cluster-client-ip",
        "x-real-ip",
        "x-real-port",
        "x-remote-addr",
        "x-remote-ip",
        "x-proxyuser-ip",
        "proxy-client-ip",
        "wl-proxy-client-ip",
        "proxy-connection",
        "front-end-https",
        "cdn-loop",
        "x-arr-ssl",
        "x-host",
        "x-scheme",
        "x-url-scheme",
    }
)
_PROXY_PREFIXES = (
    "akamai-",
    "ali-",
    "cf-",
    "cloudfront-",
    "do-connecting-",
    "eo-",
    "fastly-",
    "fly-",
    "incap-",
    "tailscale-",
    "x-akamai-",
    "x-amz-cf-",
    "x-amzn-",
    "x-appengine-",
    "x-azure-",
    "x-client-",
    "x-coming-from",
    "x-envoy-",
    "x-forwarded",
    "x-google-",
    "x-nginx-",
    "x-original-",
    "x-request-start",
    "x-sucuri-",
    "x-traefik-",
    "x-vercel-",
)
"""Beginnings of the headers that proxies and networks for content delivery add."""
_HOST = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([^\s:\[\]@/]+))(?::[0-9]+)?")


def is_loopback(host: str) -> bool:
    """Return True for ``localhost`` and for addresses that only this machine can use."""
    if host.lower() == "localhost":
        return True
    try:
        address = ip_address(host)
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return (mapped or address).is_loopback


def from_this_machine(connection: HTTPConnection) -> bool:
    """Return True when both ends of a connection are on this machine, on loopback or not."""
    client, server = connection.client, connection.scope.get("server")
    if client is None:
        return False
    # The client has the address of the server, so it is this machine.
    return is_loopback(client.host) or (server is not None and client.host == server[0])


def through_a_proxy(connection: HTTPConnection) -> bool:
    """Return True when a request has a header that only proxies add."""
    return any(
        name in _PROXY_HEADERS or name.startswith(_PROXY_PREFIXES)
        for name in (header.replace("_", "-") for header in connection.headers)
    )


def why_not_local(connection: HTTPConnection) -> str | None:
    """Return why a request may not come from a user of this machine; None: it does."""
    if connection.client is None or not is_loopback(connection.client.host):
        return "This request comes from another machine"
    if through_a_proxy(connection):
        return "This request comes through a proxy"
    asked_as = connection.headers.getlist("host")
    if len(asked_as) != 1 or not is_loopback(_host_name(asked_as[0])):
        # A page whose name was made to point here (DNS rebinding) still sends its own name.
        return "This request asks for another host than localhost or 127.0.0.1"
    if connection.scope.get("method") not in READING_METHODS and _of_another_page(connection):
        return "This request was made by a web page of another origin"
    return None


def _of_another_page(connection: HTTPConnection) -> bool:
    """Return True when a browser reports that a page of another origin made the request."""
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
    """Return the name or address in a Host header; empty when it is malformed."""
    match = _HOST.fullmatch(header)
    return (match[1] or match[2]) if match else ""
