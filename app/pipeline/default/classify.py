"""Classification detection by a chat model: yes, no, or *unknown*, never a silent no.

Where the endpoint returns logprobs and the likeliest first token is a yes or a no, the margin
ln p(yes) - ln p(no) decides, less the model's bias (see `calibration`). Elsewhere the words decide.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache

from app.pipeline.default.yes_or_no import yes_or_no
from app.pipeline.options import RunOptions
from app.pipeline.prompts import chat_version, template, worked_examples
from app.pipeline.replies.final_answer import final_answer
from app.pipeline.shapes import Asking, ClassifyStage, overridden
from app.pipeline.types import ChatPrompt, Completion, Message, Parameters, ReadLabel, Request

_PARAMETERS = Parameters(temperature=0.0, top_p=1.0, max_tokens=4)
_ASKED_AGAIN_TEMPERATURE = 0.7
"""At temperature 0 a retry would give the same unreadable answer."""
_TOP_LOGPROBS = 20


_NEVER = -100.0
"""Nats; endpoints write -9999, -inf or the like where they mean that a token never comes."""


def _build_request(instruction: str, asking: Asking, attempt: int) -> Request:
    system, user = template("default/classify.system"), template("default/classify.user")
    logprobs = asking.capabilities.logprobs
    parameters = replace(_PARAMETERS, top_logprobs=_TOP_LOGPROBS if logprobs else None)
    if attempt:
        parameters = replace(parameters, temperature=_ASKED_AGAIN_TEMPERATURE)
    asked = Message("user", user.render(instruction=" ".join(instruction.split())))
    return Request(
        prompt=ChatPrompt((Message("system", system.render()), *_worked_turns(), asked)),
        parameters=overridden(parameters, asking.options.sampling.classify),
        prompt_version=chat_version(system, user, worked_examples("classification")),
    )


@cache
def _worked_turns() -> tuple[Message, ...]:
    """Return the examples as a conversation: chat models imitate their earlier answers best."""
    user = template("default/classify.user")
    turns: list[Message] = []
    for example in worked_examples("classification"):
        turns.append(Message("user", user.render(instruction=example["instruction"])))
        turns.append(Message("assistant", "Yes" if example["is_classification"] else "No"))
    return tuple(turns)


def _parse(completion: Completion, bias: float | None, options: RunOptions) -> ReadLabel:
    alternatives = completion.top_logprobs or {}
    margin = yes_margin(alternatives)
    # The first token of a reply that begins with thoughts says nothing of the label.
    if margin is not None and _is_yes_or_no(max(alternatives, key=_likelihood(alternatives))):
        confidence = margin - (bias or 0.0)
        return ReadLabel(confidence > 0, confidence)
    answer = final_answer(completion.text)
    return ReadLabel(yes_or_no(answer, options.language, cut_off=completion.cut_off))


def _likelihood(alternatives: Mapping[str, float]) -> Callable[[str], float]:
    # Not a number counts as never.
    return lambda token: alternatives[token] if alternatives[token] > _NEVER else _NEVER


def _is_yes_or_no(token: str) -> bool:
    return token.strip().lower() in {"yes", "no"}


def yes_margin(top_logprobs: Mapping[str, float]) -> float | None:
    """Return the margin of yes over no in the first token, in nats; None without a margin.

    Where only one of the two is among the alternatives, the other is at most as likely as the
    least likely of them.
    """
    possible = {token: min(p, 0.0) for token, p in top_logprobs.items() if p > _NEVER}
    yes, no = _mass(possible, "yes"), _mass(possible, "no")
    if yes is None and no is None:
        return None
    floor = min(possible.values()) if len(possible) == len(top_logprobs) else _NEVER
    return (floor if yes is None else yes) - (floor if no is None else no)


def _mass(top_logprobs: Mapping[str, float], word: str) -> float | None:
    found = [math.exp(p) for token, p in top_logprobs.items() if token.strip().lower() == word]
    return math.log(sum(found)) if found else None


STAGE: ClassifyStage = ClassifyStage(_build_request, _parse)
