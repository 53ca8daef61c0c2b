"""The server around the application, on loopback and nowhere else."""

import socket
from collections.abc import Callable

import uvicorn
from fastapi import FastAPI

from app.errors import ConfigurationError

HOST = "127.0.0.1"


def serve(app: FastAPI, port: int, ready: Callable[[str], None]) -> None:
    """Serve until SIGINT or SIGTERM.

    Args:
        app: What answers.
        port: 0: any free one.
        ready: Is told the address that clients are given, once connections are taken.

    Raises:
        ConfigurationError: when the port cannot be had.
    """
    try:
        listener = socket.create_server((HOST, port))
    except OSError as error:
        raise ConfigurationError(
            f"Port {port} cannot be listened on ({error.strerror}); name another with --port, or 0 "
            "for any free one."
        ) from error
    with listener:
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
