"""The parts of a request that an endpoint may refuse, to be left out or added one by one."""

from dataclasses import replace
from typing import NamedTuple

from app.llm.dialects.dialect import JSON_MODE, Action, Lesson
from app.pipeline.types import ChatPrompt, Request


def bare(request: Request) -> Request:
    """Return the question with nothing that an endpoint may refuse."""
    prompt = request.prompt
    if isinstance(prompt, ChatPrompt):
        prompt = ChatPrompt(prompt.messages[-1:])
    parameters = replace(
        request.parameters,
        temperature=1.0,
        top_p=1.0,
        presence_penalty=0.0,
        frequency_penalty=0.0,
        stop=(),
        top_logprobs=None,
        seed=None,
    )
    return replace(request, prompt=prompt, parameters=parameters)


class Part(NamedTuple):
    """Something of a request that an endpoint may refuse."""

    names: tuple[str, ...]
    """Of the parameters; ``response_format`` and ``system`` are parts of the prompt."""
    action: Action = "dropped"

    def is_in(self, request: Request) -> bool:
        """Return True when a request has it."""
        return self.add(bare(request), request) != bare(request)

    def add(self, accepted: Request, request: Request) -> Request:
        """Return an accepted request with this part of the whole request."""
        if isinstance(request.prompt, ChatPrompt) and isinstance(accepted.prompt, ChatPrompt):
            prompt = accepted.prompt
            if self.names == ("system",):
                return replace(accepted, prompt=replace(prompt, messages=request.prompt.messages))
            if self.names == ("response_format",):
                return replace(accepted, prompt=replace(prompt, schema=request.prompt.schema))
        fields = [_FIELDS.get(name, name) for name in self.names if name not in _OF_PROMPT]
        values = {field: getattr(request.parameters, field) for field in fields}
        return replace(accepted, parameters=replace(accepted.parameters, **values))

    def lessons(self, request: Request, words: str) -> list[list[Lesson]]:
        """Return what the refusal of this part teaches, and further ones, one after the other."""
        without = bare(request)
        last = [
            Lesson(name, self.action, words=words)
            for name in self.names
            if Part((name,), self.action).add(without, request) != without
        ]
        if self.names == ("response_format",):
            return [[Lesson("response_format", "replaced", JSON_MODE, words=words)], last]
        return [last]


_OF_PROMPT = ("system", "response_format")
_FIELDS = {"logprobs": "top_logprobs"}
PARTS = (
    Part(("system",), "folded"),
    Part(("response_format",)),
    Part(("logprobs",)),
    Part(("temperature",)),
    Part(("top_p",)),
    Part(("presence_penalty", "frequency_penalty")),
    Part(("stop", "seed")),
)
