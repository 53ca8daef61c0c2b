"""A failed call, as everything that classifies it sees it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

from app.llm.failures.echoes import without_echoes
from app.llm.json_fields import JsonObject, fields

Cause: TypeAlias = Literal[
    "status",
    "connection",
    "timeout",
    "address",
    "web page",
    "no model",
    "certificate",
    "proxy",
    "circle",
]
"""``no model``: something answers at the address, but it serves no model. ``certificate``: the
server's certificate is not trusted. ``circle``: a redirect leads to the next redirect."""
About: TypeAlias = Literal["call", "batch API", "batch", "failed batch"]
"""``call``: a model call, also as a line of a batch. ``batch API``: uploading, creating or listing
batches. ``batch``: one batch or its files. ``failed batch``: a batch that the provider refused."""


MAX_READ = 1200
"""Characters of a message that are read: a reason stands at its beginning."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A failed call."""

    cause: Cause
    words: str
    """Message of the provider, or of the operating system."""
    status: int = 0
    """HTTP status; 0 where there was no reply."""
    code: str = ""
    """``error.code`` and ``error.type`` of the reply, in lower case, joined by a space."""
    param: str = ""
    """``error.param`` of the reply: the parameter that it refuses."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Headers of the reply, names in lower case."""
    wait_said: str = ""
    """The wait that the body asks for, as it says it."""
    arrived: bool = True
    """False when the request cannot have reached the endpoint."""
    is_begun: bool = False
    """True when the model had begun to answer, so that the provider may charge for it."""
    about: About = "call"
    sent: Collection[str] = ()
    """Names of the parameters that the request had, and ``system`` where it had a system message.
    Empty: unknown, so every known name counts."""
    asked: str = ""
    """The texts of the request: what the provider quotes of them is no reason."""

    @property
    def said(self) -> str:
        """The provider's own words: `words` without what they quote of our request."""
        return without_echoes(self.words[:MAX_READ], self.asked)

    def of_request(self, body: JsonObject) -> "Failure":
        """Return the failure with what is known of its request.

        Args:
            body: The JSON body that was sent.
        """
        messages = body.get("messages")
        turns = [fields(turn) for turn in messages] if isinstance(messages, list) else []
        sent = {name for name in body if name not in ("model", "messages", "prompt")}
        if any(turn.get("role") == "system" for turn in turns):
            sent.add("system")
        texts = [str(turn.get("content") or "") for turn in turns] or [str(body.get("prompt", ""))]
        return replace(self, sent=frozenset(sent), asked="\n".join(texts))
