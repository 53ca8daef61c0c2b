"""Pairwise judging of two answers by a model, in both orders; only consistent verdicts count.

Judge models prefer the first answer (Zheng et al. 2023, arXiv 2306.05685). So each pair is judged
twice, with the answers swapped, and an answer wins only if it wins in both places. A judge that
always says "first" gives only ties. An unreadable judgement is counted as failed, never as a win,
tie or loss. Judge models also prefer long answers and their own style: wins are counted by length,
and a judge that is one of the two models is marked.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from app.dataset_row import Record
from app.evaluation.metrics import Estimate, JudgedOutcome, JudgeFigures
from app.evaluation.paired import sign_p, tango
from app.pipeline.prompts import chat_version, template
from app.pipeline.replies.final_answer import final_answer
from app.pipeline.replies.stated_values import stated_values
from app.pipeline.types import ChatPrompt, Completion, JsonSchema, Message, Parameters, Request

Verdict: TypeAlias = Literal["first", "second", "tie"]
Order: TypeAlias = Literal["base_first", "tuned_first"]

ORDERS: tuple[Order, ...] = get_args(Order)
_PARAMETERS = Parameters(temperature=0.0, top_p=1.0, max_tokens=768)
_SCHEMA: JsonSchema = {
    "type": "object",
    # Written in this order: the reason first, and the verdict that follows from it.
    "properties": {
        "reason": {"type": "string"},
        "verdict": {"type": "string", "enum": list(get_args(Verdict))},
    },
    "required": ["reason", "verdict"],
    "additionalProperties": False,
}
_JSON_FORM = (
    '\n\nAnswer with a JSON object: first "reason", in one to three sentences what decides, then'
    ' "verdict": "first", "second" or "tie".'
)
_TAG_FORM = (
    "\n\nFirst write <reason>in one to three sentences what decides</reason> and then"
    " <verdict>first, second or tie</verdict>, and nothing else."
)


@dataclass(frozen=True, slots=True)
class Pair:
    """Two answers to one task."""

    task_id: str
    record: Record
    base: str
    tuned: str

    @property
    def is_identical(self) -> bool:
        """True when both answers are equal: a tie that needs no call."""
        return self.base.strip() == self.tuned.strip()


@dataclass(frozen=True, slots=True)
class Judging:
    """Options of the judge's prompt."""

    json_answers: bool = True
    """Ask for the verdict by a JSON schema; otherwise in tags."""
    shows_reference: bool = True
    """Show the task's own output as one of several good answers."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict on one pair in one order."""

    task_id: str
    order: Order
    verdict: Verdict | None
    """None: no answer, or an unreadable one."""
    reason: str = ""

    @property
    def outcome(self) -> JudgedOutcome:
        """The result for the tuned model."""
        if self.verdict is None:
            return "failed"
        if self.verdict == "tie":
            return "tie"
        return "win" if (self.verdict == "second") == (self.order == "base_first") else "loss"


def build_request(pair: Pair, order: Order, judging: Judging) -> Request:
    """Return the request that asks which answer is better, in this order."""
    system = template("evaluation/pair.system").fixing(
        form=_JSON_FORM if judging.json_answers else _TAG_FORM
    )
    user = template("evaluation/pair.user")
    first, second = (pair.base, pair.tuned) if order == "base_first" else (pair.tuned, pair.base)
    shown = user.render(
        conversation=_conversation(pair.record),
        reference=_reference(pair.record) if judging.shows_reference else "",
        first=first,
        second=second,
    )
    return Request(
        prompt=ChatPrompt(
            (Message("system", system.render()), Message("user", shown)),
            schema=_SCHEMA if judging.json_answers else None,
        ),
        parameters=_PARAMETERS,
        prompt_version=chat_version(system, user),
    )


def _conversation(record: Record) -> str:
    turns = [("system", record.system)] if record.system else []
    for exchange in record.history:
        turns += [("user", exchange.user), ("assistant", exchange.assistant)]
    turns.append(("user", record.request))
    return "\n".join(f"<{role}>\n{words}\n</{role}>" for role, words in turns)


def _reference(record: Record) -> str:
    said = "One answer that is held to be right; others may be as good:"
    return f"\n\n{said}\n<reference>\n{record.output}\n</reference>"


def read_judgement(task_id: str, order: Order, completion: Completion | None) -> Judgement:
    """Read a reply in JSON, in tags, or in words; `completion` None means no reply."""
    text = "" if completion is None else final_answer(completion.text)
    found: list[_Said] = stated_values(text, "verdict", _verdict)
    if not found and completion is not None and not completion.cut_off:
        words = _in_words(text)
        found = [] if words is None else [words]
    # An answer may contain a verdict in its own favour, and the judge may quote it.
    if len({verdict for verdict, _ in found}) != 1:
        return Judgement(task_id, order, None, text[:2000])
    return Judgement(task_id, order, *found[0])


_Said: TypeAlias = tuple[Verdict, str]


_WORDS = re.compile(
    r"\bverdict\b[\s*_:=]{0,12}(?:is\b[\s*_:]{0,4})?(?P<said>[*_\"]{0,4}[a-z]{3,6}\b[^\n]*)", re.I
)
_VERDICT = re.compile(
    r"(?:the )?(?P<verdict>first|second|tie)(?: (?:answer|response|one))?(?: is better| wins)?"
)
_FORM = re.compile(r"\"verdict\"|</?verdict>", re.I)


def _in_words(text: str) -> _Said | None:
    """Return a verdict in plain words, such as ``Verdict: second``; all must agree."""
    found = [] if _FORM.search(text) else _WORDS.findall(text)
    said = {_verdict(each) for each in found}
    verdict = said.pop() if len(said) == 1 else None
    return None if verdict is None else (verdict, text.strip()[:2000])


def _verdict(said: str | None) -> Verdict | None:
    found = _VERDICT.fullmatch((said or "").strip(" \t\r\n*_\"'.").casefold())
    verdicts: tuple[Verdict, ...] = get_args(Verdict)
    return next((each for each in verdicts if found and each == found.group("verdict")), None)


def settle(judgements: Sequence[Judgement]) -> JudgedOutcome:
    """Return the result of a pair: both orders must be present, readable and consistent."""
    if {each.order for each in judgements} != set(ORDERS) or len(judgements) != len(ORDERS):
        return "unasked"
    outcomes = {each.outcome for each in judgements}
    if "failed" in outcomes:
        return "failed"
    return outcomes.pop() if len(outcomes) == 1 else "tie"


def judge_figures(
    judge: str, pairs: Sequence[Pair], judgements: Iterable[Judgement], level: float
) -> JudgeFigures:
    """Count pairs by result; pairs of identical answers are ties without a judgement.

    Args:
        judge: The judging model's name.
        pairs: All pairs to judge.
        judgements: Verdicts on them; a pair without both orders was not judged.
        level: Confidence level of the interval of the score.
    """
    by_task: dict[str, list[Judgement]] = {pair.task_id: [] for pair in pairs}
    for each in judgements:
        by_task[each.task_id].append(each)
    outcomes: dict[str, JudgedOutcome] = {
        pair.task_id: "identical" if pair.is_identical else settle(by_task[pair.task_id])
        for pair in pairs
    }
    counted = Counter(outcomes.values())
    ties = counted["tie"] + counted["identical"]
    asked = [by_task[pair.task_id] for pair in pairs if not pair.is_identical]
    said = Counter(each.verdict for both in asked for each in both)
    settled = [both for both in asked if settle(both) not in {"failed", "unasked"}]
    longer = [_went_to_longer(pair, outcomes[pair.task_id]) for pair in pairs]
    score = _score(counted["win"], ties, counted["loss"], level)
    return JudgeFigures(
        judge=judge,
        pairs=len(pairs),
        wins=counted["win"],
        ties=ties,
        losses=counted["loss"],
        failed=counted["failed"],
        unasked=counted["unasked"],
        identical=counted["identical"],
        score=score,
        p_value=None if score is None else sign_p(counted["win"], counted["loss"]),
        said_first=said["first"],
        said_second=said["second"],
        said_tie=said["tie"],
        orders_differ=sum(len({each.outcome for each in both}) > 1 for both in settled),
        longer_won=longer.count(True),
        shorter_won=longer.count(False),
        outcomes=outcomes,
    )


def _score(wins: int, ties: int, losses: int, level: float) -> Estimate | None:
    """Return the score (wins and half of the ties), from the difference of wins and losses."""
    judged = wins + ties + losses
    if not judged:
        return None
    apart = tango(wins, losses, judged, level)
    value, low, high = (
        None if each is None else (1 + each) / 2 for each in (apart.value, apart.low, apart.high)
    )
    return Estimate(value=value or 0.0, low=low, high=high, method="tango")


def _went_to_longer(pair: Pair, outcome: JudgedOutcome) -> bool | None:
    """Return True when the longer answer won; None: neither won, or both are equally long."""
    base, tuned = len(pair.base.strip()), len(pair.tuned.strip())
    if outcome not in {"win", "loss"} or base == tuned:
        return None
    return (tuned > base) == (outcome == "win")


def is_one_of(judge: str, models: Iterable[str]) -> bool:
    """Return True when the judge has the name of one of the models, in any spelling."""
    return _bare(judge) in {_bare(each) for each in models}


def _bare(name: str) -> str:
    """``HuggingFaceTB/SmolLM2-135M-Instruct`` is ``smollm2-135m-instruct`` elsewhere."""
    return re.sub(r"[^\w]|_", "", name.rpartition("/")[2].casefold())
