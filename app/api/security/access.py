"""Who may do what: the one place that decides, before a request reaches anything else.

It stands in front of the whole application, not at each route, so no route can be forgotten: what
is not named here needs a key, and what changes something and is not named needs one for all. A
request is decided before its body is read, and a stream again and again while it lasts.

- Health answers everybody. It says only that the process lives.
- Readiness answers this machine, where the container's health check and the embedded stack ask;
  anybody else needs a key.
- The documentation (`/docs`, `/redoc`, `/openapi.json`) is open once there is a key: it says what
  the source says, and a browser cannot send a key with a page.
- All else needs a key with the scope below. While there is no key, all of it, the documentation
  included, is for this machine only (see `loopback`).

Keys come in the Authorization header alone, which no browser adds by itself: a foreign page cannot
use them, so only the service without keys has to look at origins.
"""

import asyncio
import math
import time

from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection, Request
from starlette.types import ASGIApp, Message, Receive, Send
from starlette.types import Scope as AsgiScope

from app.api import problems
from app.api.security.loopback import READING_METHODS, from_this_machine, is_loopback, why_not_local
from app.errors import ConfigurationError, Forbidden, Unauthenticated
from app.services.access import api_keys
from app.services.access.api_keys import Caller, Scope
from app.store.database import Database
from app.store.health import trouble

HEALTH = "/v1/health"
READINESS = "/v1/ready"
DOCUMENTATION = frozenset({"/docs", "/docs/oauth2-redirect", "/redoc", "/openapi.json"})
_CHANGED_WITH = (
    ("/v1/seed-sets", Scope.RUN),
    ("/v1/runs", Scope.RUN),
    ("/v1/datasets", Scope.RUN),
    ("/v1/training-jobs", Scope.TRAIN),
    ("/v1/evaluations", Scope.TRAIN),
)
"""Which scope changes what lies under a path; reading needs `Scope.READ` everywhere."""
_DECIDED_EVERY_S = 1.0
"""A stream that lasts longer is decided anew, so that it ends with its key."""
_CALLER = "caller"
_MAKE_ONE = "`seedbed keys create NAME --scope admin`, on the machine of the service, makes one"


def needed_scope(method: str, path: str) -> Scope:
    """What a key must allow for this method on this path."""
    if method in READING_METHODS:
        return Scope.READ
    for place, scope in _CHANGED_WITH:
        if path == place or path.startswith(f"{place}/"):
            return scope
    return Scope.ADMIN


def refuse_to_listen_openly(host: str, database: Database) -> None:
    """See that nobody but this machine can reach a service without keys.

    Raises:
        ConfigurationError: `host` can be reached from elsewhere, and there is no key, or the
            database cannot say whether there is one.
    """
    if is_loopback(host):
        return
    if what := trouble(database):
        raise ConfigurationError(
            f"SEEDBED_API_HOST is {host!r}, which other machines may reach, and it cannot be seen"
            f" whether there is an API key to tell who may use the service. {what}"
        )
    if not api_keys.any_key_exists(database):
        raise ConfigurationError(
            f"SEEDBED_API_HOST is {host!r}, which other machines may reach, and there is no API"
            f" key to tell who may use the service. {_MAKE_ONE}; or listen on 127.0.0.1."
        )


def must_also(request: Request, needed: Scope) -> None:
    """See that the caller has a scope beyond that of the path, for what the body asks for.

    Raises:
        Forbidden: it has not. Where there is no key at all, all is allowed.
    """
    caller: Caller | None = getattr(request.state, _CALLER, None)
    if caller is not None:
        _must(caller, needed)


def _must(caller: Caller, needed: Scope) -> None:
    if not caller.may(needed):
        raise Forbidden(f"The API key {caller.name!r} does not have the scope {needed}.")


class Access:
    """Answers what is not allowed, and hands on the rest."""

    def __init__(self, app: ASGIApp, database: Database) -> None:
        self._app = app
        self._database = database
        self._uses = _Uses(database)

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """Decide one request."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        connection = HTTPConnection(scope)
        try:
            caller = await run_in_threadpool(self._decide, connection)
        except (Unauthenticated, Forbidden) as refusal:
            await problems.anticipated(connection, refusal)(scope, receive, send)
            return
        if caller is not None:
            self._uses.note(caller)
            scope.setdefault("state", {})[_CALLER] = caller
        try:
            await self._app(scope, receive, self._deciding_anew(connection, send))
        except _Withdrawn:
            # The answer stays without its end, so the server closes the connection.
            return

    def _decide(self, connection: HTTPConnection) -> Caller | None:
        """Say who it is that may; None where nobody needs to be known.

        Raises:
            Unauthenticated: a key is needed.
            Forbidden: that is not enough, or it is not this machine that asks.
        """
        method, path = connection.scope.get("method", ""), connection.scope["path"]
        reads = method in READING_METHODS
        if reads and (path == HEALTH or (path == READINESS and from_this_machine(connection))):
            return None
        key = _bearer(connection)
        caller = api_keys.authenticate(self._database, key) if key else None
        if caller is None and not api_keys.any_key_exists(self._database):
            _only_locally(connection)
            return None
        if reads and path in DOCUMENTATION:
            return None
        if caller is None:
            raise Unauthenticated(
                "The API key is not known, or was revoked."
                if key
                else "This needs an API key. Send it as a header: Authorization: Bearer KEY"
            )
        needed = needed_scope(method, path)
        _must(caller, needed)
        return caller

    def _deciding_anew(self, connection: HTTPConnection, send: Send) -> Send:
        decided_at = time.monotonic()

        async def guarded(message: Message) -> None:
            nonlocal decided_at
            if message.get("more_body") and time.monotonic() - decided_at >= _DECIDED_EVERY_S:
                decided_at = time.monotonic()
                try:
                    await run_in_threadpool(self._decide, connection)
                except (Unauthenticated, Forbidden) as refusal:
                    raise _Withdrawn from refusal
            await send(message)

        return guarded


class _Withdrawn(Exception):
    """What was allowed at first is allowed no more; the answer has begun and cannot say so."""


class _Uses:
    """Notes when keys were used, beside the requests: none waits for it or fails with it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._tried_at: dict[str, float] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def note(self, caller: Caller) -> None:
        """Have the use noted if that is due, and was not just tried in vain."""
        now = time.monotonic()
        tried_at = self._tried_at.get(caller.key_id, -math.inf)
        if not caller.use_is_due or now - tried_at < api_keys.USE_RECORDED_EVERY_S:
            return
        self._tried_at[caller.key_id] = now
        noting = run_in_threadpool(api_keys.record_use, self._database, caller.key_id)
        task = asyncio.create_task(noting)
        # The loop itself keeps no hold on its tasks.
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _bearer(connection: HTTPConnection) -> str | None:
    """The key that came along; None when none did."""
    scheme, _, key = connection.headers.get("authorization", "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" and key.strip() else None


def _only_locally(connection: HTTPConnection) -> None:
    reason = why_not_local(connection)
    if reason is not None:
        raise Forbidden(
            f"{reason}. There is no API key, and without one the service is for the user of its"
            f" own machine alone. {_MAKE_ONE}."
        )
