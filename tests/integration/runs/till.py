"""An endpoint with books of its own: what it charges, also for replies that nobody received."""

import json
import random
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from decimal import Decimal

from app.llm.scripted.model import reply
from app.llm.scripted.server import ScriptedCall, ScriptedReply
from app.llm.scripted.wire import completion_json
from app.pipeline.budget import NOTHING, Amount, Caps
from app.settings import Price

MILLION = 1_000_000


@dataclass
class Till:
    """A script that counts what it charges, by model, and sees that no cap is ever passed.

    A call is charged when it is answered, however its reply fares on the way; one that is refused
    with an error is not. What it takes lies anywhere between nothing and the most it can.
    """

    prices: dict[str, Price]
    rng: random.Random
    mishap: Callable[[ScriptedReply, random.Random], ScriptedReply] = lambda answer, _: answer
    caps: dict[str, Caps] = field(default_factory=dict)
    """By model: what is to be kept."""
    charged: dict[str, Amount] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)
    """What went over a cap."""
    refused: int = 0
    extensions: int = 0
    _counting: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, call: ScriptedCall) -> ScriptedReply:
        with self._counting:
            answer = self.mishap(reply(call), self.rng)
            if answer.error is not None or answer.content_type == "text/html":
                self.refused += 1
                return answer
            usage = self._usage(call)
            self._charge(call.model, *usage)
        if answer.raw is not None:
            return answer
        return _with_usage(call, answer, *usage)

    def _usage(self, call: ScriptedCall) -> tuple[int, int]:
        size = sum(len(message.content.encode()) for message in call.messages)
        size += len(call.prompt.encode())
        share, length = self.rng.random() ** 2, self.rng.random() ** 2
        most = int(call.parameters["max_tokens"])
        # Every answer has a token, and every prompt.
        return max(1, round(size * share)), max(1, round(most * length))

    def _charge(self, model: str, prompt_tokens: int, completion_tokens: int) -> None:
        price = self.prices[model]
        usd = price.input_usd * prompt_tokens + price.output_usd * completion_tokens
        amount = Amount(1, prompt_tokens + completion_tokens, usd / MILLION)
        self.charged[model] = self.charged.get(model, NOTHING) + amount
        broken = self.caps.get(model, Caps()).broken_by(self.charged[model])
        if broken:
            self.broken.append(f"{model}: {self.charged[model]} is over {broken}")


def _with_usage(
    call: ScriptedCall, answer: ScriptedReply, prompt_tokens: int, completion_tokens: int
) -> ScriptedReply:
    body = completion_json(call, answer)
    body["usage"] = {"prompt_tokens": prompt_tokens, "completion_tokens": completion_tokens}
    return replace(answer, raw=json.dumps(body).encode())


def some_price(rng: random.Random) -> Price:
    """A price with up to six decimals, from almost nothing to plenty."""
    return Price(
        input_usd=Decimal(rng.randrange(1, 10 ** rng.randint(1, 7))) / MILLION,
        output_usd=Decimal(rng.randrange(1, 10 ** rng.randint(1, 8))) / MILLION,
    )
