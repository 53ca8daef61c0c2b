"""Single calls of the stages at a played endpoint: sent over HTTP, and read by the profile."""

import asyncio
import re
from collections.abc import Sequence

from app.llm.openai_provider import OpenAIProvider
from app.llm.scripted.model import reply
from app.llm.scripted.server import ScriptedServer
from app.llm.scripted.wire import ScriptedCall
from app.pipeline.default import generate
from app.pipeline.demonstrations import Demonstration
from app.pipeline.options import RunOptions
from app.pipeline.shapes import Asking
from app.pipeline.types import (
    Candidate,
    Capabilities,
    Completion,
    ReadCandidates,
    Request,
)

OPTIONS = RunOptions(target=8)
ASKING = Asking(OPTIONS, Capabilities())
SHOWN = [
    Demonstration("Work out how long a train takes for two hundred kilometres."),
    Demonstration("Write a limerick that begins in a bakery."),
]
TIMEOUT_S = 30.0


def completion(server: ScriptedServer, model: str, request: Request) -> Completion:
    async def ask() -> Completion:
        provider = OpenAIProvider(server.base_url, "k", model, TIMEOUT_S)
        try:
            return await provider.complete(request)
        finally:
            await provider.aclose()

    return asyncio.run(ask())


def read_tasks(server: ScriptedServer, model: str) -> ReadCandidates:
    """Ask for eight new tasks and read the reply."""
    request = generate.STAGE.build_request(SHOWN, ASKING)
    return generate.STAGE.parse(completion(server, model, request), len(SHOWN), OPTIONS)


def candidates(found: ReadCandidates) -> list[str]:
    return [item.text for item in found.items if isinstance(item, Candidate)]


def rejected(found: ReadCandidates) -> list[tuple[str, str]]:
    return [(item.reason, item.text) for item in found.items if not isinstance(item, Candidate)]


def tasks_of(call: ScriptedCall) -> Sequence[str]:
    """Return the tasks with which the scripted model answers a call, whatever stands around."""
    return re.findall(r"^\d+\. (.+)$", reply(call).text or "", re.MULTILINE)
