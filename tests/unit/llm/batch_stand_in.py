"""A Batch API on loopback, and the requests that the tests of its client send."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from app.llm.batch_api.batches import BatchEndpoint, BatchStatus, Collected
from app.llm.batch_api.lines import Named
from app.llm.scripted.batch import BatchPlan
from app.llm.scripted.batches import BatchScript, Fault, Route
from app.llm.scripted.server import (
    Script,
    ScriptedCall,
    ScriptedReply,
    ScriptedServer,
    scripted_server,
)
from app.pipeline.types import ChatPrompt, Message, Parameters, Request

KEY = "sk-test-0123456789abcdef"
PLAIN = Parameters(temperature=1.0, top_p=1.0, max_tokens=20)


def chat(words: str, parameters: Parameters = PLAIN) -> Request:
    turns = (Message("system", "Be brief."), Message("user", words))
    return Request(ChatPrompt(turns), parameters, "test/chat@1")


def named(*names: str) -> list[Named]:
    return [(name, chat(f"hello {name}")) for name in names]


def shout(call: ScriptedCall) -> ScriptedReply:
    return ScriptedReply((call.custom_id or "nobody").upper())


@dataclass
class Api:
    """A client and the server that it speaks to."""

    server: ScriptedServer
    endpoint: BatchEndpoint

    def ended(self, provider_id: str) -> BatchStatus:
        return self.reaches(provider_id, lambda status: status.state == "ended")

    def reaches(self, provider_id: str, there: Callable[[BatchStatus], bool]) -> BatchStatus:
        until_s = time.monotonic() + 10
        while not there(status := self.endpoint.status(provider_id)):
            assert time.monotonic() < until_s, status
            time.sleep(0.01)
        return status

    def submitted(self, *names: str, batch_id: str = "b1") -> str:
        return self.endpoint.submit(batch_id, named(*names))

    def collected(self, provider_id: str, *asked: str) -> list[Collected]:
        self.ended(provider_id)
        return list(self.endpoint.collect(provider_id, asked or None))


@contextmanager
def batch_api(
    script: Script = shout, batches: BatchScript | None = None, timeout_s: float = 10
) -> Iterator[Api]:
    with (
        scripted_server(script, batches) as server,
        BatchEndpoint(server.base_url, KEY, "model-a", timeout_s) as endpoint,
    ):
        yield Api(server, endpoint)


def always(plan: BatchPlan) -> BatchScript:
    """Every batch goes like this."""
    return BatchScript(lambda _: plan)


def fault(route: Route, reply: ScriptedReply, *, n: int = 1, done: bool = False) -> BatchScript:
    """The nth call of a route gets this reply."""
    return BatchScript(
        fault=lambda route_, n_: Fault(reply, done) if (route_, n_) == (route, n) else None
    )


def problem(status: int, message: str, code: object = None, **more: str) -> ScriptedReply:
    return ScriptedReply(status=status, error={"message": message, "code": code, **more})
