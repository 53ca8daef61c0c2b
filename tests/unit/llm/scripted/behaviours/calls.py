"""Calls of the method as the scripted server reads them."""

from typing import Any

from app.llm.request_body import request_body
from app.llm.scripted.wire import ScriptedCall, read_call
from app.pipeline.default import classify, generate, input_first
from app.pipeline.demonstrations import Demonstration
from app.pipeline.options import RunOptions
from app.pipeline.shapes import Asking
from app.pipeline.types import Capabilities, Request

TASK = "Name two rivers in Italy and one lake."


def a_call(stage: str, *, n: int = 1, can: Capabilities | None = None, **body: Any) -> ScriptedCall:
    asking = Asking(RunOptions(target=8), can or Capabilities())
    request: Request
    if stage == "generate":
        shown = [Demonstration(TASK), Demonstration("Write a poem about rain.")]
        request = generate.STAGE.build_request(shown, asking)
    elif stage == "classify":
        request = classify.STAGE.build_request(TASK, asking, 0)
    else:
        request = input_first.STAGE.build_request(TASK, asking)
    _, sent = request_body(request, "m")
    return read_call(n, "chat", {**sent, **body}, {"authorization": "Bearer k"})


def a_question(**body: Any) -> ScriptedCall:
    """A call that is not part of the method."""
    messages = [{"role": "user", "content": "Is a stone heavier than a feather?"}]
    return read_call(1, "chat", {"model": "m", "messages": messages, **body}, {})
