"""Classification detection as the paper's code does it (2.2 step 2): 12 yes, 19 no, then the task.

Anything but exactly Yes, yes or YES counts as no, a call that failed for good included.
"""

from functools import cache

from app.pipeline.options import RunOptions
from app.pipeline.prompts import PromptTemplate, template, worked_examples
from app.pipeline.shapes import Asking, ClassifyStage, overridden
from app.pipeline.types import Completion, Parameters, ReadLabel, Request

_PARAMETERS = Parameters(temperature=0.0, top_p=0.0, max_tokens=3, stop=("\n", "Task"))


@cache
def _template() -> PromptTemplate:
    examples = "\n\n".join(
        f"Task: {e['instruction']}\nClassification: {'Yes' if e['is_classification'] else 'No'}"
        for e in worked_examples("classification")
    )
    return template("paper/classify", examples=examples)


def _build_request(instruction: str, asking: Asking, _attempt: int) -> Request:
    return Request(
        prompt=_template().render_text(instruction=instruction.strip()),
        parameters=overridden(_PARAMETERS, asking.options.sampling.classify),
        prompt_version=_template().version,
    )


def _parse(completion: Completion, _bias: float | None, _options: RunOptions) -> ReadLabel:
    return ReadLabel(completion.text.strip() in {"Yes", "yes", "YES"})


STAGE: ClassifyStage = ClassifyStage(_build_request, _parse)
