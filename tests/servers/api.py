"""The HTTP API in a real uvicorn server, in a thread of this process."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx
import uvicorn

from app.api.application import build_api
from app.api.context import ApiContext
from app.api.security.owner import PeerProtocol
from app.stack.ports import free_port


@dataclass(frozen=True, slots=True)
class RunningApi:
    """A server that answers."""

    http: httpx.Client
    """For addresses below ``/v1``."""
    server: uvicorn.Server

    @property
    def busy_with(self) -> int:
        """Requests that are being answered."""
        return len(self.server.server_state.tasks)


@contextmanager
def running_api(
    context: ApiContext, protocol: type[PeerProtocol] = PeerProtocol
) -> Iterator[RunningApi]:
    """Serve the API on a free port of loopback; answers under way are cut off at the end."""
    port = free_port("127.0.0.1")
    config = uvicorn.Config(
        build_api(context),
        http=protocol,
        port=port,
        log_config=None,
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, name="api")
    thread.start()
    try:
        until = time.monotonic() + 20
        while not server.started:
            assert time.monotonic() < until, "the API did not start"
            time.sleep(0.01)
        with httpx.Client(
            base_url=f"http://127.0.0.1:{port}/v1",
            timeout=20,
            trust_env=False,
            limits=httpx.Limits(max_connections=200),
        ) as client:
            yield RunningApi(client, server)
    finally:
        server.should_exit = True
        thread.join()
