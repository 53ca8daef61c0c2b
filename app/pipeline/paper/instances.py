"""Rules for instances, shared by both instance stages of the paper's code."""

import json
from collections.abc import Container, Iterable, Sequence

from app.pipeline.types import Completion, Instance, ReadInstances, Rejected

MOST_INSTANCES = 5


def screen(completion: Completion, read: Sequence[Instance], most: int) -> ReadInstances:
    """Apply the rules in the order of the paper's code; keep the first `most`, never more than 5.

    The paper's code draws the five at random. The first ones give the same data set each time.
    """
    passed: dict[Instance, None] = {}
    rejected: list[Rejected] = []
    for n, instance in enumerate(read):
        # The length limit cuts the reply, so its last instance is not whole.
        cut = completion.cut_off and n == len(read) - 1
        reason = "cut_off" if cut else _fault(instance, passed)
        if reason:
            rejected.append(as_rejected(instance, reason))
        else:
            passed[instance] = None
    kept = tuple(passed)
    if _contradict(kept):
        return ReadInstances((), (*rejected, *(as_rejected(i, "contradiction") for i in kept)))
    limit = min(most, MOST_INSTANCES)
    surplus = (as_rejected(i, "surplus") for i in kept[limit:])
    return ReadInstances(kept[:limit], (*rejected, *surplus))


def as_rejected(instance: Instance, reason: str) -> Rejected:
    """Keep an instance that broke a rule as readable text."""
    text = json.dumps({"input": instance.input, "output": instance.output}, ensure_ascii=False)
    return Rejected(text, reason)


def _fault(instance: Instance, kept: Container[Instance]) -> str | None:
    if instance.input == instance.output:
        return "echoes_input"
    if instance.output == "":
        return "empty_output"
    if instance.input.endswith(":") or instance.output.endswith(":"):
        return "ends_with_colon"
    return "repeated" if instance in kept else None


def _contradict(instances: Iterable[Instance]) -> bool:
    outputs: dict[str, str] = {}
    return any(
        outputs.setdefault(i.input, i.output) != i.output for i in instances if i.input != ""
    )
