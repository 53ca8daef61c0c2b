"""Options of a run; the defaults are the values of the paper.

The API and the command line show the docstrings of the fields as their documentation.
"""

import json
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    ValidationInfo,
    field_validator,
    model_validator,
)

from app.pipeline.types import BatchChoice

GrowingProfileName = Literal["default", "paper", "alpaca"]
"""Profiles that grow seeds."""
ProfileName = Literal[GrowingProfileName, "re_answer", "judge"]
REVIEW_PROFILES: frozenset[ProfileName] = frozenset({"re_answer", "judge"})
"""Profiles that review the rows of a data set."""
# No control characters: a name doesn't need them, and databases refuse NUL.
Line = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]+$")]
Words = Annotated[str, Field(pattern=r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]+$")]
"""Text of several lines, without control characters that databases or endpoints refuse."""
FilterName = Annotated[str, Field(pattern=r"^[a-z_]{1,40}$")]
Share = Annotated[float, Field(ge=0.0, le=1.0)]


_NO_EXTRA = {
    "model": "the option `model` names it",
    "messages": "the prompts are those of the profile",
    "prompt": "the prompts are those of the profile",
    "stream": "replies are read whole",
    "n": "one reply is read",
    "max_tokens": "set sampling.STAGE.max_tokens",
    "max_completion_tokens": "set sampling.STAGE.max_tokens",
}
_LONGEST_EXTRA = 8_000


def check_extra_body(fields: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """Return fields for the body of every call.

    Raises:
        ValueError: one of them would overwrite what the method depends on, or they are too long.
    """
    for name, reason in _NO_EXTRA.items():
        if name in fields:
            raise ValueError(f"{name} can't be set here: {reason}")
    if len(json.dumps(fields)) > _LONGEST_EXTRA:
        raise ValueError(f"longer than {_LONGEST_EXTRA:,} characters as JSON")
    return fields


ExtraBody = Annotated[dict[str, JsonValue], AfterValidator(check_extra_body)]


class _Options(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Sampling(_Options):
    """Sampling parameters of one stage; those left out keep the values of the profile."""

    temperature: float | None = Field(default=None, ge=0.0, le=2.0)
    """Sampling temperature."""
    top_p: float | None = Field(default=None, ge=0.0, le=1.0)
    """Nucleus sampling: the probability mass of the tokens to sample from."""
    max_tokens: int | None = Field(default=None, ge=1, le=65_536)
    """Longest reply, in tokens."""
    presence_penalty: float | None = Field(default=None, ge=-2.0, le=2.0)
    """Penalty for tokens that the reply already contains."""
    frequency_penalty: float | None = Field(default=None, ge=-2.0, le=2.0)
    """Penalty for tokens by how often the reply already contains them."""


class StageSampling(_Options):
    """Sampling parameters by stage."""

    generate: Sampling = Sampling()
    """Generation of instructions."""
    classify: Sampling = Sampling()
    """Classification of instructions."""
    input_first: Sampling = Sampling()
    """Generation of instances that begin with the input."""
    output_first: Sampling = Sampling()
    """Generation of instances that begin with the output."""
    review: Sampling = Sampling()
    """Review of rows."""


class Demonstrations(_Options):
    """Demonstrations in a generation prompt (paper: 6 seeds and 2 machine-made)."""

    seeds: int | None = Field(default=None, ge=1, le=50)
    """Number of seed tasks shown in a generation prompt."""
    machine_made: int | None = Field(default=None, ge=0, le=50)
    """Number of accepted instructions shown in a generation prompt."""


class ReviewOptions(_Options):
    """Rules of the profile `judge`."""

    rubric: Words | None = Field(default=None, max_length=8_000)
    """Meaning of each score from 1 to 5. Default: the built-in rubric
    (`prompts/review/rubric.txt`)."""
    threshold: int = Field(default=4, ge=1, le=5)
    """Reject rows with a lower score."""


class RunOptions(_Options):
    """Options of a run; equal options, seeds and replies give an equal data set."""

    profile: ProfileName = "default"
    """Prompts and rules: `default`, `paper` and `alpaca` grow seeds; `judge` and `re_answer` review
    the rows of a data set."""
    model: Line | None = Field(default=None, max_length=200)
    """Name of the model. Default: the model of the service."""
    target: int = Field(default=100, ge=1, le=1_000_000)
    """Number of accepted instructions to reach."""
    instances_per_instruction: int | None = Field(default=None, ge=1, le=20)
    """Largest number of instances per instruction; profile `paper` keeps at most 5. Default: 3;
    profile `paper`: 5."""
    tasks_per_request: int = Field(default=8, ge=1, le=50)
    """New instructions per generation call; profile `default` only."""
    demonstrations: Demonstrations = Demonstrations()
    """Demonstrations in a generation prompt."""
    sampling: StageSampling = StageSampling()
    """Sampling parameters by stage."""
    classification_share: Share | None = None
    """Share of classification tasks, 0 to 1: it steers the demonstrations and, in profile
    `default`, the prompt. Default: that of the seeds."""
    language: str | None = Field(
        default=None, min_length=2, max_length=60, pattern=r"^[^\W\d_][^\x00-\x1f\x7f]*$"
    )
    """Language of the instructions, such as German; profile `default` only."""
    answer_format: Literal["auto", "json_schema", "marked_text"] = "auto"
    """Format that replies are requested in; `auto` uses a JSON schema where the endpoint supports
    it. Profiles `default` and `judge` only."""
    extra_body: ExtraBody = Field(default_factory=dict)
    """Further fields for the body of every call, as a JSON object, such as
    `{"chat_template_kwargs": {"enable_thinking": false}}`; they override those of the setting
    `SEEDBED_EXTRA_BODY`."""
    random_seed: int = Field(default=0, ge=0, le=2**63 - 1)
    """Random seed."""
    lookahead: int = Field(default=8, ge=1, le=1024)
    """Largest number of generation calls in flight. It changes the data set: runs with another
    value differ."""
    similarity_threshold: float = Field(default=0.7, gt=0.0, le=1.0)
    """Reject an instruction whose ROUGE-L F-measure with another one is above this."""
    tokenizer: Literal["unicode", "rouge"] | None = None
    """Tokenizer for ROUGE-L. Default: that of the profile."""
    neighbours: Literal["near", "ten"] | None = None
    """Similar earlier instructions to store with each accepted one: `near`, at most ten with a
    ROUGE-L of at least 0.6; `ten`, the ten nearest and the mean over the pool, which is slower.
    Default: `near`; profile `paper`: `ten`."""
    nothing_near: tuple[Annotated[str, Field(pattern=r"^[!-~]{1,60}$")], ...] = Field(
        default=(), max_length=20
    )
    """Ids of data sets: reject an instruction that is a near-duplicate of one of theirs, by
    `similarity_threshold`."""
    filters: tuple[FilterName, ...] | None = Field(default=None, max_length=50)
    """Names of filters that every row must pass, such as `refusal`; `default` stands for all
    filters that data sets use by default, `none` for no filter. Default: profile `default` has
    `looping_end`, the others have none."""
    max_attempts: int = Field(default=3, ge=1, le=10)
    """Give up a call after this many unusable replies."""
    dry_after: int = Field(default=20, ge=1, le=10_000)
    """End the run as dry after this many replies in a row without an accepted instruction. A
    review ends so only if none of its first replies, this many, can be used."""

    workers: int = Field(default=4, ge=1, le=256)
    """Largest number of worker processes for the run; it does not change the data set."""
    reuse_replies: bool = False
    """Reuse stored replies to the same prompt, from any run, for calls at temperature 0."""

    batch: BatchChoice = "off"
    """Calls to send through the Batch API of the provider: cheaper, but answered within a day.
    `later_stages`: classification and instances, or the review of rows. `all_stages`: also
    generation, in rounds of `lookahead` calls; set that high, because each round waits for the one
    before."""
    review: ReviewOptions = ReviewOptions()
    """Rules of the profile `judge`."""

    @property
    def most_instances(self) -> int:
        """Return the largest number of instances per instruction: chosen, or the profile's own."""
        return self.instances_per_instruction or _own_instances(self.profile)

    @field_validator("instances_per_instruction")
    @classmethod
    def _left_out_when_it_is_the_profiles(
        cls, value: int | None, info: ValidationInfo
    ) -> int | None:
        # Runs that were stored while the option was a number are then equal to runs without it.
        return None if value == _own_instances(info.data.get("profile", "default")) else value

    @model_validator(mode="after")
    def _check_profile(self) -> Self:
        if self.profile not in {"default", "judge"}:
            self._reject("answer_format", "needs the profile `default` or `judge`")
        if self.profile != "default":
            for name in ("language", "tasks_per_request"):
                self._reject(name, "needs the profile `default`")
        if self.profile != "judge":
            self._reject("review", "needs the profile `judge`")
        if self.profile in REVIEW_PROFILES:
            for name in GROWING_ONLY:
                self._reject(name, "needs a profile that grows a data set from seeds")
        if (self.profile, self.batch) == ("alpaca", "later_stages"):
            raise ValueError("profile `alpaca` has no later stages; set batch to `all_stages`")
        return self

    def _reject(self, name: str, reason: str) -> None:
        if getattr(self, name) != RunOptions.model_fields[name].default:
            raise ValueError(f"{name} {reason}")


def _own_instances(profile: ProfileName) -> int:
    return 5 if profile == "paper" else 3


GROWING_ONLY = (
    "target",
    "instances_per_instruction",
    "demonstrations",
    "classification_share",
    "lookahead",
    "similarity_threshold",
    "tokenizer",
    "neighbours",
    "nothing_near",
    "filters",
)
"""Options that a run which reviews rows does not have."""

CHANGEABLE = (
    "model",
    "sampling",
    "answer_format",
    "extra_body",
    "tasks_per_request",
    "lookahead",
    "max_attempts",
    "dry_after",
    "reuse_replies",
)
"""Options that a run may change when it is resumed: they say what is asked from then on. The others
would break what is there, such as the pool that new instructions are compared with."""
ASKED_ALIKE = frozenset({"lookahead", "max_attempts", "dry_after", "reuse_replies"})
"""Those of them that change no request, so that the endpoint need not be tested again."""
