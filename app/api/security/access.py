"""Access control: API keys and scopes, checked by a middleware before anything else.

It checks every request, so no route can be forgotten: an operation that `rules` does not name needs
the scope `admin`. A request is checked before its body is read, and again once a second while its
body arrives and while its response is a stream.

- Health is open to everyone. It says only that the process is alive.
- Readiness is open to the owner on this machine, for the container's health check and the embedded
  stack; other users, other machines and proxies need a key.
- The documentation (`/docs`, its files, `/openapi.json`) is open once a key exists: it is as public
  as the source code, and a browser cannot send a key with a page.
- Everything else needs a key that `rules` allows it to. Until the first key is made, everything,
  including the documentation, is open to the owner alone, on this machine (see `loopback` and
  `owner`). From then on the service never opens again without a key, even when all keys are
  revoked.

Keys are accepted only in the Authorization header. A browser does not add it by itself, so a
foreign web page cannot use a key, and only a service without keys has to check origins.
"""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Annotated

from anyio import CapacityLimiter, to_thread
from fastapi import Depends
from starlette.requests import HTTPConnection, Request
from starlette.types import ASGIApp, Message, Receive, Send
from starlette.types import Scope as AsgiScope

from app.api import problems
from app.api.documentation import page as documentation
from app.api.security.loopback import (
    READING_METHODS,
    from_this_machine,
    is_loopback,
    through_a_proxy,
    why_not_local,
)
from app.api.security.owner import Owner, hide_token
from app.api.security.rules import rule_of
from app.api.security.scrapers import METRICS, Scrapers
from app.errors import ConfigurationError, Forbidden, OutOfSpace, Unauthenticated
from app.services.access import api_keys
from app.services.access.api_keys import Caller
from app.services.access.key_form import Scope
from app.stack.owner_token import is_owner_token
from app.store.access.makers import Makers
from app.store.database import AWAY, Database
from app.store.health import trouble

HEALTH = "/v1/health"
READINESS = "/v1/ready"
_THREADS = 8
"""Threads that check keys; the routes have others, so no route can hold up the checks."""
_CHECK_EVERY_S = 1.0
"""Interval at which a long request is checked again, so that it ends when its key is revoked."""
_CALLER = "caller"
_MAKE_ONE = "`seedbed keys create NAME --scope admin`, on the machine of the service, makes one"


def refuse_to_listen_openly(host: str, database: Database) -> None:
    """Check that only this machine can reach a service for which no API key was ever made.

    Raises:
        ConfigurationError: Other machines can reach `host`, and no key was made yet, or the
            database cannot be read.
    """
    if is_loopback(host):
        return
    if what := trouble(database):
        raise ConfigurationError(
            f"SEEDBED_API_HOST is {host!r}, which other machines may reach, and it cannot be seen"
            f" whether there is an API key to tell who may use the service. {what}"
        )
    if not api_keys.are_needed(database):
        raise ConfigurationError(
            f"SEEDBED_API_HOST is {host!r}, which other machines may reach, and there is no API"
            f" key to tell who may use the service. {_MAKE_ONE}; or listen on 127.0.0.1."
        )


async def _maker(request: Request) -> str | None:
    caller: Caller | None = getattr(request.state, _CALLER, None)
    return None if caller is None else caller.key_id


MadeBy = Annotated[str | None, Depends(_maker)]
"""The id of the API key that came with a request; None: it needed none."""


def must_also(request: Request, needed: Scope) -> None:
    """Check that the caller also has a scope that the request's body needs.

    Raises:
        Forbidden: The key lacks it. While no key exists, everything is allowed.
    """
    caller: Caller | None = getattr(request.state, _CALLER, None)
    if caller is not None:
        _must(caller, needed)


def may_change(request: Request, made_by: str | None) -> bool:
    """Return True when the caller may change what was made with an API key.

    Args:
        request: The request of the caller.
        made_by: The id of the key; None: it was made without one.
    """
    caller: Caller | None = getattr(request.state, _CALLER, None)
    return caller is None or _owns(caller, frozenset({made_by}))


def _owns(caller: Caller, owners: Makers) -> bool:
    return Scope.ADMIN in caller.scopes or caller.key_id in owners


def _must(caller: Caller, needed: Scope) -> None:
    if not caller.may(needed):
        raise Forbidden(f"The API key {caller.name!r} does not have the scope {needed}.")


def _must_own(caller: Caller, owners: Makers) -> None:
    if _owns(caller, owners):
        return
    keys = " or ".join(sorted(filter(None, owners)))
    made = f"was made with another API key ({keys})" if keys else "was made without an API key"
    allowed = "that key or one" if keys else "a key"
    raise Forbidden(f"This {made}: only {allowed} with the scope admin may change or delete it.")


class Access:
    """Middleware that refuses requests that are not allowed.

    Args:
        app: the application behind it.
        database: where the keys are.
        readiness_threads: the threads that check readiness, and so also its callers.
        owner: tells who may use the service before the first key is made.
    """

    def __init__(
        self, app: ASGIApp, database: Database, readiness_threads: CapacityLimiter, owner: Owner
    ) -> None:
        self._app = app
        self._database = database
        self._owner = owner
        self._readiness_threads = readiness_threads
        self._threads = CapacityLimiter(_THREADS)
        self._scrapers = Scrapers(self._check)
        self._uses = _Uses(database, self._threads)

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """Check one request and pass it on."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        connection = HTTPConnection(scope)
        hide_token(connection)
        try:
            caller = await self._checked(connection)
        except (Unauthenticated, Forbidden, ConfigurationError, OutOfSpace) as refusal:
            await problems.anticipated(connection, refusal)(scope, receive, send)
            return
        if caller is not None:
            self._uses.record(caller)
            scope.setdefault("state", {})[_CALLER] = caller
        elif (with_cookie := self._owner.cookie_for(connection)) is not None:
            await with_cookie(scope, receive, send)
            return
        again = _CheckedAgain(partial(self._checked, connection), receive, send)
        try:
            await self._app(scope, again.receive, again.send)
        except _Withdrawn as withdrawn:
            # A response that has begun gets no end, so the server closes the connection.
            if not again.has_begun:
                raise withdrawn.refusal from None

    async def _checked(self, connection: HTTPConnection) -> Caller | None:
        """Check as `_check` does, in a thread only when the database must be asked."""
        reads = connection.scope.get("method", "") in READING_METHODS
        if reads and connection.scope["path"] == HEALTH:
            return None
        if connection.scope["path"] == METRICS:
            return await self._scrapers.check(connection)
        readiness = connection.scope["path"] == READINESS
        threads = self._readiness_threads if readiness else self._threads
        return await to_thread.run_sync(self._check, connection, limiter=threads)

    def _check(self, connection: HTTPConnection) -> Caller | None:
        """Return the caller; None when the request needs no key.

        Raises:
            Unauthenticated: A key is needed.
            Forbidden: The key's scopes are not enough, or the request is not from this machine.
        """
        method, path = connection.scope.get("method", ""), connection.scope["path"]
        if path == READINESS and method in READING_METHODS and self._may_ask_readiness(connection):
            return None
        key = _bearer(connection)
        caller = api_keys.authenticate(self._database, key) if key else None
        if caller is None and not api_keys.are_needed(self._database):
            self._only_for_owner(connection)
            return None
        if method in READING_METHODS and path in documentation.ADDRESSES:
            return None
        if caller is None:
            raise Unauthenticated(
                "The API key is not known, or was revoked."
                if key and not is_owner_token(key)
                else "This needs an API key. Send it as a header: Authorization: Bearer KEY"
            )
        rule, names = rule_of(method, path)
        _must(caller, rule.scope)
        if rule.makers is not None:
            with self._database.read() as session:
                owners = rule.makers(session, names)
            if owners is not None:
                _must_own(caller, owners)
        return caller

    def _may_ask_readiness(self, connection: HTTPConnection) -> bool:
        return (
            from_this_machine(connection)
            and not through_a_proxy(connection)
            and self._owner.may_be(connection)
        )

    def _only_for_owner(self, connection: HTTPConnection) -> None:
        reason = why_not_local(connection) or self._owner.why_not(connection)
        if reason is not None:
            raise Forbidden(
                f"{reason}. There is no API key, and without one the service is for its own user"
                f" on its own machine alone. {_MAKE_ONE}."
            )


class _Withdrawn(Exception):
    """Access was revoked while the body arrived, or while the response was sent."""

    def __init__(self, refusal: Unauthenticated | Forbidden) -> None:
        super().__init__()
        self.refusal = refusal


class _CheckedAgain:
    """A request and its response, whose caller is checked once a second while they last."""

    def __init__(
        self, check: Callable[[], Awaitable[object]], receive: Receive, send: Send
    ) -> None:
        self._check = check
        self._receive = receive
        self._send = send
        self._checked_at = time.monotonic()
        self._withdrawn: _Withdrawn | None = None
        self.has_begun = False
        """True once a part of the response was sent."""

    async def receive(self) -> Message:
        """Receive a part of the body, while the caller still has access."""
        message = await self._receive()
        if message["type"] == "http.request":
            # A database that is away for a moment must not end an upload.
            with suppress(*AWAY):
                await self._check_again()
        return message

    async def send(self, message: Message) -> None:
        """Send a part of the response, while the caller still has access."""
        if self._withdrawn is not None:
            # The application took it for a body that can't be read, and answers that.
            raise self._withdrawn
        if message.get("more_body"):
            await self._check_again()
        self.has_begun = True
        await self._send(message)

    async def _check_again(self) -> None:
        if time.monotonic() - self._checked_at < _CHECK_EVERY_S:
            return
        self._checked_at = time.monotonic()
        try:
            await self._check()
        except (Unauthenticated, Forbidden) as refusal:
            self._withdrawn = _Withdrawn(refusal)
            raise self._withdrawn from refusal


class _Uses:
    """Records when keys were used, in the background: no request waits for it or fails with it."""

    def __init__(self, database: Database, threads: CapacityLimiter) -> None:
        self._database = database
        self._threads = threads
        self._tried_at: dict[str, float] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def record(self, caller: Caller) -> None:
        """Record the use if it is due and did not fail just now."""
        now = time.monotonic()
        tried_at = self._tried_at.get(caller.key_id, -math.inf)
        if not caller.use_is_due or now - tried_at < api_keys.USE_RECORDED_EVERY_S:
            return
        self._tried_at[caller.key_id] = now
        noting = to_thread.run_sync(
            api_keys.record_use, self._database, caller.key_id, limiter=self._threads
        )
        task = asyncio.create_task(noting)
        # The event loop keeps only weak references to its tasks.
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _bearer(connection: HTTPConnection) -> str | None:
    """Return the key of the Authorization header; None: there is none."""
    scheme, _, key = connection.headers.get("authorization", "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" and key.strip() else None
