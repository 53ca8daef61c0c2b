"""Shared parts of the instance stages of the default profile: reply form and rules.

| reason | what it drops |
|---|---|
| unreadable | a reply with no instance in it; an instance of placeholders such as `[text]` |
| cut_off | the end of a reply that the length limit ended inside an instance |
| empty_output | nothing to learn |
| echoes_input, echoes_instruction | an output that is the input or the instruction again |
| ends_with_colon | an output that announces something and stops |
| repeated | the same input and output again, or a second answer where there is no input |
| contradiction | the same input with different outputs: all of the task's instances go |
| surplus | more than were asked for |
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from app.pipeline.default.pairs.read_pairs import read_pairs
from app.pipeline.options import RunOptions
from app.pipeline.prompts import chat_version, template, worked_examples
from app.pipeline.replies.clean_text import cleaned
from app.pipeline.replies.control_tokens import without_control_tokens
from app.pipeline.replies.final_answer import final_answer
from app.pipeline.replies.json_fields import field
from app.pipeline.replies.thoughts import without_thoughts
from app.pipeline.shapes import Asking
from app.pipeline.types import (
    ChatPrompt,
    Completion,
    Instance,
    JsonSchema,
    Message,
    Parameters,
    ReadInstances,
    Rejected,
    Request,
)

_PLACEHOLDER = re.compile(r"\[[^\W\d][^\[\]\d,\"']{0,60}\]|<[^\W\d][^<>\d=/]{0,60}>")
_NO_INPUT = re.compile(
    r"[\s<(\[*_]*(?:no[\s_-]?(?:additional\s|further\s)?input"
    r"(?:\s(?:is\s)?(?:needed|required|necessary|provided|given))?"
    r"(?:\sfor\sthis\s(?:task|instruction))?|none|n/?a|not applicable|empty|null|[-\u2013\u2014]"
    r"|keine eingabe|aucune entr\u00e9e|(?:ninguna|sin) entrada|nenhuma entrada|nessun input"
    r"|\u65e0(?:\u8f93\u5165)?|\u306a\u3057|\uc5c6\uc74c)"
    r"(?:\s?[(\uff08][^()\n]{0,80}[)\uff09])?[\s>)\].*_\u3002]*",
    re.I,
)

Order: TypeAlias = tuple[str, str]
"""``input`` and ``output``, the one that is written first first."""

_CUT_OFF_END = 500
"""Characters of a cut-off reply's end kept with its rejection; the reply itself is kept whole."""


def request(
    instruction: str, asking: Asking, name: str, *, order: Order, parameters: Parameters
) -> Request:
    """Build the request of the stage `name`; `order` is that of the two fields in the reply."""
    count = asking.options.most_instances
    form = _JSON_FORM.format(*order) if asking.json_answers else _TAG_FORM.format(*order)
    system = template(f"default/{name}.system").fixing(form=form)
    user = template("default/instances.user").fixing(count=count)
    turns = [Message("system", system.render())]
    for example in worked_examples(name):
        turns.append(Message("user", user.render(instruction=example["instruction"])))
        turns.append(Message("assistant", _answer(example["instances"][:count], asking, order)))
    turns.append(Message("user", user.render(instruction=instruction.strip())))
    return Request(
        prompt=ChatPrompt(
            tuple(turns), schema=_schema(asking.options, order) if asking.json_answers else None
        ),
        parameters=parameters,
        prompt_version=chat_version(system, user, worked_examples(name)),
    )


def _answer(instances: Sequence[Mapping[str, str]], asking: Asking, order: Order) -> str:
    """Return the answer to a worked example in the form that the model should imitate."""
    ordered = [{name: instance[name] for name in order} for instance in instances]
    if asking.json_answers:
        return json.dumps({"instances": ordered}, ensure_ascii=False)
    return "\n".join(f"<{name}>{text}</{name}>" for one in ordered for name, text in one.items())


_JSON_FORM = (
    '\n\nAnswer with a JSON object whose "instances" is a list of objects'
    ' with "{0}" first and then "{1}".'
)
_TAG_FORM = "\n\nWrite each example as <{0}>...</{0}> and then <{1}>...</{1}>, and nothing else."


def _schema(options: RunOptions, order: Order) -> JsonSchema:
    instance = {
        "type": "object",
        # Written in this order, which is what makes output-first come out label first.
        "properties": {name: {"type": "string"} for name in order},
        "required": list(order),
        "additionalProperties": False,
    }
    most = options.most_instances
    return {
        "type": "object",
        "properties": {"instances": {"type": "array", "items": instance, "maxItems": most}},
        "required": ["instances"],
        "additionalProperties": False,
    }


def read(
    completion: Completion, instruction: str, options: RunOptions, *, first: str
) -> ReadInstances:
    """Read a reply of either stage; `first` is the field each instance begins with."""
    text = final_answer(completion.text, about=instruction)
    found = read_pairs(text, first=first, cut_off=completion.cut_off, about=instruction)
    if not found.items:
        nothing = "cut_off" if completion.cut_off and text.strip() else "unreadable"
        return ReadInstances(rejected=(Rejected(cleaned(completion.text), nothing),))
    kept: list[Instance] = []
    answers: dict[str, str] = {}
    rejected: list[Rejected] = []
    for item in found.items:
        output = _without_leftovers(field(item, "output") or "")
        given = _without_form("input", field(item, "input") or "", instruction)
        instance = Instance(_input(given), _without_form("output", output, instruction))
        reason = _fault(instance, instruction, answers)
        if reason:
            rejected.append(_as_rejected(instance, reason))
        else:
            kept.append(instance)
            answers.setdefault(instance.input, instance.output)
    if completion.cut_off:
        rejected.append(Rejected(text[-_CUT_OFF_END:], "cut_off"))
    elif not found.is_whole:
        rejected.append(Rejected(text[-_CUT_OFF_END:], "unreadable"))
    if len(answers) < len(kept):
        rejected += [_as_rejected(instance, "contradiction") for instance in kept]
        kept = []
    most = options.most_instances
    rejected += [_as_rejected(instance, "surplus") for instance in kept[most:]]
    return ReadInstances(tuple(kept[:most]), tuple(rejected))


def _without_leftovers(output: str) -> str:
    """Remove control tokens around an output, and complete thoughts before it."""
    output = without_control_tokens(output)
    answer = without_thoughts(output) if output.lstrip()[:1] in {"<", "["} else output
    return answer.strip() or output.strip()


def _without_form(name: str, text: str, instruction: str) -> str:
    """Remove the label or tag of the form that a field repeats inside itself."""
    form = re.compile(
        rf"<{name}>(?P<tagged>.*)</{name}>|{name}:[ \t]*(?P<labelled>.+)", re.S | re.I
    )
    found = None if name in instruction.casefold() else form.fullmatch(text)
    if found is None or text.casefold().count(f"{name}:") > 1:
        return text
    return (found.group("tagged") or found.group("labelled") or "").strip()


def _input(text: str) -> str:
    return "" if _NO_INPUT.fullmatch(text) else text


def _fault(instance: Instance, instruction: str, answers: Mapping[str, str]) -> str | None:
    """Return the rule that an instance breaks; `answers` has the first output to each input."""
    output = instance.output
    if _PLACEHOLDER.fullmatch(output) and _PLACEHOLDER.fullmatch(instance.input):
        return "unreadable"
    if not output:
        return "empty_output"
    if output == instance.input:
        return "echoes_input"
    if output == instruction.strip():
        return "echoes_instruction"
    if output.endswith(":"):
        return "ends_with_colon"
    before = answers.get(instance.input)
    again = before is not None and (before == output or not instance.input)
    return "repeated" if again else None


def _as_rejected(instance: Instance, reason: str) -> Rejected:
    text = json.dumps({"input": instance.input, "output": instance.output}, ensure_ascii=False)
    return Rejected(text, reason)
