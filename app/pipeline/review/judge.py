"""Judging of a row by a model with a rubric; rows with a score below the threshold are rejected.

The judge gives its reason before its score, so that the score follows from it. A judge that cannot
be read says nothing: it is asked again, and a row that was never judged is rejected, never kept.

| reason | what it drops |
|---|---|
| judged_low | a row with a score below the threshold; the text holds score and reason |
| unreadable | a reply without a score, or with several that differ; the row is asked about again |
| judge_failed | a row of which no reply could be read in all attempts |
"""

import json
import re
from dataclasses import dataclass, replace

from app.dataset_row import Record
from app.pipeline.options import RunOptions
from app.pipeline.prompts import PromptTemplate, chat_version, template
from app.pipeline.replies.clean_text import cleaned
from app.pipeline.replies.final_answer import final_answer
from app.pipeline.replies.stated_values import stated_values
from app.pipeline.shapes import Asking, ReviewStage, overridden
from app.pipeline.types import (
    ChatPrompt,
    Completion,
    JsonSchema,
    Message,
    Parameters,
    ReadReview,
    Rejected,
    Request,
)

LOWEST, HIGHEST = 1, 5
_PARAMETERS = Parameters(temperature=0.0, top_p=1.0, max_tokens=768)
_ASKED_AGAIN_TEMPERATURE = 0.7
"""At temperature 0 a retry would give the same unreadable reply."""
_SCHEMA: JsonSchema = {
    "type": "object",
    # Written in this order: the reason first, and the score that follows from it.
    "properties": {
        "reason": {"type": "string"},
        "score": {"type": "integer", "enum": list(range(LOWEST, HIGHEST + 1))},
    },
    "required": ["reason", "score"],
    "additionalProperties": False,
}
_JSON_FORM = (
    '\n\nAnswer with a JSON object: first "reason", in one to three sentences what decides the'
    ' score, then "score".'
)
_TAG_FORM = (
    "\n\nFirst write <reason>in one to three sentences what decides the score</reason> and then"
    " <score>the score</score>, and nothing else."
)


def _build_request(record: Record, asking: Asking, attempt: int) -> Request:
    system, user = _system(asking), template("review/judge.user")
    parameters = _PARAMETERS
    if attempt:
        parameters = replace(parameters, temperature=_ASKED_AGAIN_TEMPERATURE)
    shown = user.render(conversation=_conversation(record), answer=record.output)
    return Request(
        prompt=ChatPrompt(
            (Message("system", system.render()), Message("user", shown)),
            schema=_SCHEMA if asking.json_answers else None,
        ),
        parameters=overridden(parameters, asking.options.sampling.review),
        prompt_version=chat_version(system, user),
    )


def _system(asking: Asking) -> PromptTemplate:
    rubric = asking.options.review.rubric or template("review/rubric").text
    form = _JSON_FORM if asking.json_answers else _TAG_FORM
    return template("review/judge.system").fixing(rubric=rubric.strip(), form=form)


def _conversation(record: Record) -> str:
    turns = [("system", record.system)] if record.system else []
    for exchange in record.history:
        turns += [("user", exchange.user), ("assistant", exchange.assistant)]
    turns.append(("user", record.request))
    return "\n".join(f"<{role}>\n{words}\n</{role}>" for role, words in turns)


@dataclass(frozen=True, slots=True)
class _Verdict:
    score: float
    reason: str


def _parse(completion: Completion, record: Record, options: RunOptions) -> ReadReview:
    verdict = _verdict(final_answer(completion.text), cut_off=completion.cut_off)
    if verdict is None:
        rejected = Rejected(cleaned(completion.text), "unreadable")
        return ReadReview(rejected=rejected, is_readable=False)
    if verdict.score < options.review.threshold:
        low = {"score": verdict.score, "reason": verdict.reason}
        return ReadReview(rejected=Rejected(json.dumps(low, ensure_ascii=False), "judged_low"))
    return ReadReview(record.output)


def _verdict(text: str, *, cut_off: bool) -> _Verdict | None:
    """Return the score in the requested form, or in words; None where two forms disagree.

    A row may hold a score that flatters it, and a judge may quote that.
    """
    found = [_Verdict(*one) for one in stated_values(text, "score", _score)]
    if not found and not cut_off:
        return _in_words(text)
    return found[0] if len({one.score for one in found}) == 1 else None


_FORM = re.compile(r"\"score\"|</?score>", re.I)
_IN_WORDS = re.compile(
    r"\bscore\b(?:\s?\([^()\n]{1,20}\))?(?:[\s*_:=]{0,12}|\s[-\u2013]\s)(?:is |of )?[*_]{0,4}"
    r"(?P<score>\d[\d./]{0,9}(?: out of 5\b)?)"
    r"(?P<after>[^\n]*)",
    re.I,
)
# Such as "4 (good)": a remark in brackets is no other number.
_AFTER_SCORE = re.compile(r"[*_.]{0,4}(?:\s{0,3}\([^()\d]{0,80}\)\.?)?\s*")
_DENIED = re.compile(
    r"(?:\b(?:not|no|never|cannot|hardly|instead of|rather than|if)\b|n['\u2019]t\b)"
    r"[^.!?\n]{0,80}\Z",
    re.I,
)


def _in_words(text: str) -> _Verdict | None:
    """Return a score in plain words, such as ``Score: 4`` by small models; all must agree.

    After the number the line ends: of "4 to 5" or "4 out of 10" nobody knows what is meant.
    """
    found = [] if _FORM.search(text) else list(_IN_WORDS.finditer(text))
    if not all(_AFTER_SCORE.fullmatch(each.group("after")) for each in found):
        return None
    if any(_DENIED.search(text[max(each.start() - 120, 0) : each.start()]) for each in found):
        return None
    score = _agreed([each.group("score").rstrip("./") for each in found])
    return None if score is None else _Verdict(score, text.strip())


def _agreed(said: list[str]) -> float | None:
    scores = {_score(one) for one in said}
    return scores.pop() if len(scores) == 1 else None


def _score(said: str | None) -> float | None:
    """Parse ``4``, ``4.5`` or ``4/5``; None for anything else or a score outside the scale."""
    said = (said or "").strip(" \t\r\n*_")
    number = re.fullmatch(r"(\d{1,3}(?:\.\d{1,6})?)(?:\s{0,3}(?:/|out of)\s{0,3}5)?", said, re.A)
    if number is None:
        return None
    score = float(number.group(1))
    score = int(score) if score.is_integer() else score
    return score if LOWEST <= score <= HIGHEST else None


STAGE: ReviewStage = ReviewStage(_build_request, _parse, given_up="judge_failed")
