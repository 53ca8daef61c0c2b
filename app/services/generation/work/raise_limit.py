"""Raised length limits: for a stage whose replies end before their answer.

Thinking models spend hundreds of tokens before the first word. The limit is raised for the whole
stage, and remembered for the endpoint and the model.
"""

from app.llm.dialects.dialect import Dialect, Lesson
from app.llm.dialects.raised_limit import raised_limit
from app.pipeline.replies.final_answer import final_answer
from app.pipeline.types import Completion, Stage
from app.services.generation.work import learned
from app.services.generation.work.item_call import ItemCall
from app.services.generation.work.stages import Recording, classify_stage

_WORDS = "A reply ended at its limit of {} tokens before the answer."


def asks_again_with_higher_limit(
    recording: Recording, asked: ItemCall, completion: Completion
) -> bool:
    """Raise the limit of a stage if a reply ended there, before its answer.

    Returns:
        True when the item is to be asked again, with the higher limit. It ends: the limit has a
        maximum, and a reply that reached it counts as any other.
    """
    stage, material = asked.item.stage, recording.material
    if not completion.cut_off or not learned.may_raise_limit(material.options, stage):
        return False
    has_words = bool(final_answer(completion.text).strip())
    if has_words and not _is_no_label(recording, stage, completion):
        return False
    limit = asked.request.parameters.max_tokens
    raised = max(raised_limit(limit, has_thought=not has_words), limit)
    if raised == limit:
        return False
    of_stage = Stage.CLASSIFY if stage is Stage.CALIBRATE else stage
    if learned.raised_limits(recording.run).get(of_stage, 0) <= limit:
        lesson = Lesson("max_tokens", "raised", raised, of_stage, _WORDS.format(limit))
        known = {asked.endpoint: Dialect((lesson,))}
        learned.record(recording.session, recording.run, known)
    # A higher limit changes nothing for a calibration, which reads the first token only.
    return stage is not Stage.CALIBRATE


def _is_no_label(recording: Recording, stage: Stage, completion: Completion) -> bool:
    if stage is not Stage.CLASSIFY:
        return False
    bias, options = recording.run.classification_bias, recording.material.options
    read = classify_stage(recording.material).parse(completion, bias, options)
    return read.is_classification is None
