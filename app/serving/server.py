"""The server around the application, on loopback and nowhere else."""

import os
import socket
from collections.abc import Callable

import uvicorn
from fastapi import FastAPI

from app.errors import ConfigurationError

HOST = "127.0.0.1"


def listening(port: int) -> socket.socket:
    """Take a port; 0: any free one. Before a model is loaded for it, which takes long.

    Raises:
        ConfigurationError: when it cannot be had.
    """
    try:
        return socket.create_server((HOST, port))
    except OSError as error:
        why = os.strerror(error.errno or 0)
        raise ConfigurationError(
            f"Port {port} cannot be listened on ({why}); name another with --port, or 0 for any "
            "free one."
        ) from error


def serve(app: FastAPI, listener: socket.socket, ready: Callable[[str], None]) -> None:
    """Serve until SIGINT or SIGTERM.

    Args:
        app: What answers.
        listener: Where, of `listening`.
        ready: Is told the address that clients are given, just before they are answered.
    """
    ready(f"http://{HOST}:{listener.getsockname()[1]}/v1")
    uvicorn.Server(configuration(app)).run([listener])


def configuration(app: FastAPI) -> uvicorn.Config:
    """How the application is served, whoever runs the server."""
    return uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        proxy_headers=False,
        ws="none",
        # A long answer must not hold the process.
        timeout_graceful_shutdown=1,
    )
