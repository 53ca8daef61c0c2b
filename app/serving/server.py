"""The HTTP server on loopback."""

import os
import socket
from collections.abc import Callable

import uvicorn
from fastapi import FastAPI

from app.errors import ConfigurationError

HOST = "127.0.0.1"


def open_listener(port: int) -> socket.socket:
    """Open a listening socket, before the model is loaded; port 0 takes any free port.

    Raises:
        ConfigurationError: the port is not available.
    """
    try:
        return socket.create_server((HOST, port))
    except OSError as error:
        why = os.strerror(error.errno or 0)
        raise ConfigurationError(
            f"Port {port} is not available ({why}); choose another with --port, or 0 for any free "
            "one."
        ) from error


def serve(app: FastAPI, listener: socket.socket, ready: Callable[[str], None]) -> None:
    """Serve until SIGINT or SIGTERM.

    Args:
        app: The application.
        listener: Socket from `open_listener`.
        ready: Called with the address for clients, just before the server answers.
    """
    ready(f"http://{HOST}:{listener.getsockname()[1]}/v1")
    uvicorn.Server(configuration(app)).run([listener])


def configuration(app: FastAPI) -> uvicorn.Config:
    """Return the uvicorn configuration."""
    return uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        proxy_headers=False,
        ws="none",
        # Do not wait for long answers.
        timeout_graceful_shutdown=1,
    )
