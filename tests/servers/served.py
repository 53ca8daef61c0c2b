"""What was tuned, served by a real uvicorn server in a thread of this process."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import openai
import uvicorn
from fastapi import FastAPI

from app.serving.server import HOST, configuration
from app.stack.ports import free_port


@contextmanager
def served(app: FastAPI) -> Iterator[openai.OpenAI]:
    """Serve an application on a free port of loopback, and give a client of it."""
    config = configuration(app)
    config.host, config.port = HOST, free_port(HOST)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, name="served")
    thread.start()
    try:
        until = time.monotonic() + 20
        while not server.started:
            assert time.monotonic() < until, "it did not start"
            time.sleep(0.01)
        url = f"http://{HOST}:{config.port}/v1"
        with openai.OpenAI(base_url=url, api_key="none", max_retries=0, timeout=60) as client:
            yield client
    finally:
        server.should_exit = True
        thread.join()
