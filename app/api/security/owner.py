"""The owner of a service without API keys: the user of its process, and nobody else on the machine.

The kernel knows the user at the other end of a connection. Where it can't say, as outside Linux or
across network namespaces, the token in the data folder proves the owner: the command line
reads it, and a browser gets it with the address that `seedbed up` prints and keeps it as a cookie.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from hmac import compare_digest
from pathlib import Path
from urllib.parse import quote, urlencode

from starlette.requests import HTTPConnection
from starlette.responses import RedirectResponse
from uvicorn.protocols.http.h11_impl import H11Protocol

from app.stack.owner_token import is_owner_token, owner_token
from app.stack.peer_user import Address, user_of_peer

TOKEN_PARAMETER = "token"  # noqa: S105 - the name of the parameter
_PEER = "peer"
_COOKIE_S = 365 * 24 * 3600


class Peer:
    """The other end of one connection; its user is looked up once, when it is first needed."""

    def __init__(self, address: Address | None, own: Address | None) -> None:
        self._address = address
        self._own = own

    @cached_property
    def user(self) -> int | None:
        """The id of the user; None: it can't be known."""
        if self._address is None or self._own is None:
            return None
        return user_of_peer(self._address, self._own)


class PeerProtocol(H11Protocol):
    """uvicorn's connection, which gives the `Peer` of the connection to each of its requests."""

    def connection_made(self, transport) -> None:  # type: ignore[no-untyped-def] # noqa: ANN001 - uvicorn narrows the type of asyncio
        """Begin with a connection."""
        super().connection_made(transport)
        own = None if self.server is None or self.server[1] is None else self.server
        peer = Peer(self.client, None if own is None else (own[0], int(own[1] or 0)))
        self.app_state = {**self.app_state, _PEER: peer}


def user_of_caller(connection: HTTPConnection) -> int | None:
    """Return the id of the user who sent a request; None: it can't be known."""
    peer = connection.scope.get("state", {}).get(_PEER)
    return peer.user if isinstance(peer, Peer) else None


@dataclass(frozen=True, slots=True)
class Owner:
    """The rule that tells the owner from everyone else."""

    data_dir: Path | None = None
    """The folder of the token; None: there is no token."""
    user_of: Callable[[HTTPConnection], int | None] = user_of_caller
    """Returns the id of the user who sent a request; None: it can't be known."""

    def why_not(self, connection: HTTPConnection) -> str | None:
        """Return why a request may not come from the owner; None: it does."""
        user = self.user_of(connection)
        if user == os.geteuid():
            return None
        if user is not None:
            return (
                f"This request comes from another user of this machine (user id {user}), or "
                "through a proxy that runs as one"
            )
        if any(map(self._is_token, _tokens(connection))):
            return None
        return (
            "The user who sent this request can't be told, and it has no valid token. Open the "
            "address of the documentation that `seedbed up` prints, or send the token in the file "
            "owner.token of the data folder as a header: Authorization: Bearer TOKEN"
        )

    def may_be(self, connection: HTTPConnection) -> bool:
        """Return True unless a request is known to come from another user."""
        return self.user_of(connection) in {None, os.geteuid()}

    def cookie_for(self, connection: HTTPConnection) -> RedirectResponse | None:
        """Return the response that moves the token of an address to a cookie.

        Returns:
            None when the address has no valid token.
        """
        if connection.scope.get("method") != "GET":
            return None
        token = connection.query_params.get(TOKEN_PARAMETER, "")
        if not self._is_token(token):
            return None
        others = _other_parameters(connection)
        # One slash: with two, the path would name another host.
        path = "/" + quote(connection.scope["path"]).lstrip("/")
        response = RedirectResponse(f"{path}?{urlencode(others)}" if others else path, 303)
        response.set_cookie(
            _cookie_name(connection), token, _COOKIE_S, httponly=True, samesite="strict"
        )
        response.headers["Cache-Control"] = "no-store"
        response.headers["Referrer-Policy"] = "no-referrer"
        return response

    def _is_token(self, text: str) -> bool:
        if self.data_dir is None or not is_owner_token(text):
            return False
        return compare_digest(text, owner_token(self.data_dir) or "")


def hide_token(connection: HTTPConnection) -> None:
    """Take the token out of the address that the server logs and the routes read.

    The connection itself still knows it.
    """
    if TOKEN_PARAMETER in connection.query_params:
        connection.scope["query_string"] = urlencode(_other_parameters(connection)).encode()


def _other_parameters(connection: HTTPConnection) -> list[tuple[str, str]]:
    pairs = connection.query_params.multi_items()
    return [pair for pair in pairs if pair[0] != TOKEN_PARAMETER]


def _tokens(connection: HTTPConnection) -> list[str]:
    """Return what may be a token, from wherever a request can carry one."""
    scheme, _, sent = connection.headers.get("authorization", "").partition(" ")
    found = [sent.strip()] if scheme.lower() == "bearer" else []
    found.append(connection.cookies.get(_cookie_name(connection), ""))
    if connection.scope.get("method") == "GET":
        found.append(connection.query_params.get(TOKEN_PARAMETER, ""))
    return found


def _cookie_name(connection: HTTPConnection) -> str:
    """Return a name with the port: browsers send a cookie to all ports of a host."""
    server = connection.scope.get("server")
    return f"seedbed_{server[1] if server else 0}"
