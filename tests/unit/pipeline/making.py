"""Short ways to the values that pipeline tests are about."""

from collections.abc import Mapping
from typing import Any

from app.pipeline import profiles
from app.pipeline.options import RunOptions
from app.pipeline.profiles import PROFILES, Profile
from app.pipeline.shapes import (
    Asking,
    ClassifyStage,
    GenerateStage,
    InstantiateStage,
    ReviewStage,
)
from app.pipeline.types import (
    Candidate,
    Capabilities,
    Completion,
    Instance,
    Parameters,
    ReadCandidates,
    ReadInstances,
    ReadLabel,
    Rejected,
)

INSTRUCTION = "Say whether the review is kind."


def reply(
    text: str, finish_reason: str = "stop", top_logprobs: Mapping[str, float] | None = None
) -> Completion:
    return Completion(text, finish_reason, "a model", top_logprobs=top_logprobs)


def asking(*, json_schema: bool = False, logprobs: bool = False, **options: Any) -> Asking:
    """Options by name; `Any`, because pydantic is what checks them."""
    return Asking(RunOptions.model_validate(options), Capabilities(json_schema, logprobs))


def profile_of(name: str) -> Profile:
    return next(profile for profile in PROFILES.values() if profile.name == name)


def generate_stage(profile: str) -> GenerateStage:
    return profiles.generate_stage(profile_of(profile))


def candidates(
    profile: str, completion: Completion, *, shown: int = 3, **options: Any
) -> ReadCandidates:
    """Read a reply of the generation stage; `shown` demonstrations were in its prompt."""
    chosen = asking(profile=profile, **options).options
    return generate_stage(profile).parse(completion, shown, chosen)


def label(
    profile: str, completion: Completion, bias: float | None = None, **options: Any
) -> ReadLabel:
    """Read a reply of the classification stage."""
    chosen = asking(profile=profile, **options).options
    return classify_stage(profile).parse(completion, bias, chosen)


def review_stage(profile: str) -> ReviewStage:
    return profiles.review_stage(profile_of(profile))


def classify_stage(profile: str) -> ClassifyStage:
    stage = profile_of(profile).classify
    assert stage is not None
    return stage


def instance_stage(profile: str, name: str) -> InstantiateStage:
    return profile_of(profile).instantiate(name == "output_first")


def texts(read: ReadCandidates) -> list[str]:
    """The candidates' texts, in order."""
    return [item.text for item in read.items if isinstance(item, Candidate)]


def dropped(read: ReadCandidates) -> list[str]:
    """The reasons of what was rejected, in order."""
    return [item.reason for item in read.items if isinstance(item, Rejected)]


def pairs(read: ReadInstances) -> list[tuple[str, str]]:
    """Input and output of what was kept, in order."""
    return [(instance.input, instance.output) for instance in read.kept]


def reasons(read: ReadInstances) -> list[str]:
    """The reasons of what was rejected, in order."""
    return [rejected.reason for rejected in read.rejected]


def alone(input_text: str, output: str) -> tuple[Instance, ...]:
    return (Instance(input_text, output),)


def greedy(max_tokens: int, presence_penalty: float, *stop: str) -> Parameters:
    """What the paper's stages 2 and 3 share: temperature 0 and top_p 0."""
    return Parameters(
        temperature=0.0,
        top_p=0.0,
        max_tokens=max_tokens,
        presence_penalty=presence_penalty,
        stop=stop,
    )
