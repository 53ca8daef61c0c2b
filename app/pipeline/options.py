"""What the person who starts a run may decide, with the paper's values as the defaults."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from app.pipeline.types import Stage

GrowingProfileName = Literal["default", "paper", "alpaca"]
"""These grow instructions from seeds."""
ProfileName = Literal[GrowingProfileName, "re_answer", "judge"]
REVIEW_PROFILES: frozenset[ProfileName] = frozenset({"re_answer", "judge"})
"""These review the rows of a data set."""
# Control characters have no place in a name, and no database takes NUL.
Line = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]+$")]
Words = Annotated[str, Field(pattern=r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]+$")]
"""Text of several lines, without the control characters that no database or endpoint takes."""
Share = Annotated[float, Field(ge=0.0, le=1.0)]


class _Values(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Sampling(_Values):
    """How the model answers in one stage; what is left out keeps the profile's value."""

    temperature: float | None = Field(default=None, ge=0.0, le=2.0)
    top_p: float | None = Field(default=None, ge=0.0, le=1.0)
    max_tokens: int | None = Field(default=None, ge=1, le=65_536)
    presence_penalty: float | None = Field(default=None, ge=-2.0, le=2.0)
    frequency_penalty: float | None = Field(default=None, ge=-2.0, le=2.0)


class StageSampling(_Values):
    """Sampling by stage."""

    generate: Sampling = Sampling()
    classify: Sampling = Sampling()
    input_first: Sampling = Sampling()
    output_first: Sampling = Sampling()
    review: Sampling = Sampling()


class Demonstrations(_Values):
    """How many instructions a generation prompt shows (paper: 6 seeds and 2 machine-made)."""

    seeds: int | None = Field(default=None, ge=1, le=50)
    machine_made: int | None = Field(default=None, ge=0, le=50)


class ReviewOptions(_Values):
    """What the profile `judge` holds the rows of a data set against."""

    rubric: Words | None = Field(default=None, max_length=8_000)
    """What each score from 1 to 5 means; None takes ours (`prompts/review/rubric.txt`)."""
    threshold: int = Field(default=4, ge=1, le=5)
    """A row with a lower score is rejected."""


class RunOptions(_Values):
    """Everything that shapes a run; equal options, seeds and replies make an equal data set."""

    profile: ProfileName = "default"
    model: Line | None = Field(default=None, max_length=200)
    """None takes the service's model."""
    target: int = Field(default=100, ge=1, le=1_000_000)
    """Accepted instructions wanted."""
    instances_per_instruction: int = Field(default=3, ge=1, le=20)
    """At most; profile `paper` keeps at most 5 whatever this says."""
    tasks_per_request: int = Field(default=8, ge=1, le=50)
    """New instructions asked for in one generation call of the `default` profile."""
    demonstrations: Demonstrations = Demonstrations()
    sampling: StageSampling = StageSampling()
    classification_share: Share | None = None
    """Wanted share of classification tasks; steers the demonstrations and, in the `default`
    profile, is asked for in words. None leaves it to the seeds."""
    language: str | None = Field(
        default=None, min_length=2, max_length=60, pattern=r"^[^\W\d_][^\x00-\x1f\x7f]*$"
    )
    """Language the instructions are to be written in, such as ``German``; `default` only."""
    answer_format: Literal["auto", "json_schema", "marked_text"] = "auto"
    """Form the `default` profile asks replies in; `auto` takes the schema where it is supported."""
    random_seed: int = Field(default=0, ge=0, le=2**63 - 1)
    lookahead: int = Field(default=8, ge=1, le=1024)
    """Generation calls in the air at most; part of what makes a run repeatable."""
    similarity_threshold: float = Field(default=0.7, gt=0.0, le=1.0)
    """A ROUGE-L F-measure above this to anything in the pool rejects."""
    tokenizer: Literal["unicode", "rouge"] | None = None
    """For ROUGE-L; None takes the profile's."""
    nothing_near: tuple[Annotated[str, Field(pattern=r"^[!-~]{1,60}$")], ...] = Field(
        default=(), max_length=20
    )
    """Data sets, by id: an instruction nearer to one of theirs than `similarity_threshold` is
    rejected, as if theirs were in the pool."""
    filters: tuple[Annotated[str, Field(pattern=r"^[a-z_]{1,40}$")], ...] = Field(
        default=(), max_length=50
    )
    """Filters that every row passes before it is kept, by name, such as ``refusal``; ``default``
    stands for all that a data set applies unless it is told otherwise."""
    max_attempts: int = Field(default=3, ge=1, le=10)
    """After so many unusable replies a call is given up, with its reason."""
    dry_after: int = Field(default=20, ge=1, le=10_000)
    """Replies in a row with nothing accepted after which a run ends as dry."""

    workers: int = Field(default=4, ge=1, le=256)
    """Worker processes that may share the run; the data set is the same with any number."""
    reuse_replies: bool = False
    """Whether a reply that was paid for before, in any run, answers the same question again where
    chance has no part in it (temperature 0)."""

    batch: Literal["off", "later_stages", "all_stages"] = "off"
    """Which calls go by the provider's Batch API: cheaper (half, mostly), and answered within a
    day. `later_stages`: classification and instances, or the review of a data set. `all_stages`:
    generation too, in rounds of `lookahead` calls; set that high, for each round waits for the one
    before it."""
    review: ReviewOptions = ReviewOptions()

    @property
    def batch_stages(self) -> tuple[Stage, ...]:
        """The stages whose calls go by batch."""
        if self.profile in REVIEW_PROFILES:
            return () if self.batch == "off" else (Stage.REVIEW,)
        later = (Stage.CLASSIFY, Stage.INSTANTIATE)
        if self.batch == "all_stages":
            return (Stage.GENERATE, *later)
        return later if self.batch == "later_stages" else ()

    @model_validator(mode="after")
    def _only_what_the_profile_can_do(self) -> Self:
        if self.profile not in {"default", "judge"}:
            self._refuse("answer_format", "needs the profile `default` or `judge`")
        if self.profile != "default":
            for name in ("language", "tasks_per_request"):
                self._refuse(name, "needs the profile `default`")
        if self.profile != "judge":
            self._refuse("review", "needs the profile `judge`")
        if self.profile in REVIEW_PROFILES:
            for name in _OF_GROWING:
                self._refuse(name, "needs a profile that grows a data set from seeds")
        if (self.profile, self.batch) == ("alpaca", "later_stages"):
            raise ValueError("the profile `alpaca` has no later stages: take batch `all_stages`")
        return self

    def _refuse(self, name: str, why: str) -> None:
        if getattr(self, name) != RunOptions.model_fields[name].default:
            raise ValueError(f"{name} {why}")


_OF_GROWING = (
    "target",
    "instances_per_instruction",
    "demonstrations",
    "classification_share",
    "lookahead",
    "similarity_threshold",
    "tokenizer",
    "nothing_near",
    "filters",
)
