"""What the person who starts a run may decide, with the paper's values as the defaults."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from app.pipeline.types import Stage

ProfileName = Literal["default", "paper", "alpaca"]
# Control characters have no place in a name, and no database takes NUL.
Line = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]+$")]
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


class Demonstrations(_Values):
    """How many instructions a generation prompt shows (paper: 6 seeds and 2 machine-made)."""

    seeds: int | None = Field(default=None, ge=1, le=50)
    machine_made: int | None = Field(default=None, ge=0, le=50)


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
    day. `later_stages`: classification and instances. `all_stages`: generation too, in rounds of
    `lookahead` calls; set that high, for each round waits for the one before it."""

    @property
    def batch_stages(self) -> tuple[Stage, ...]:
        """The stages whose calls go by batch."""
        later = (Stage.CLASSIFY, Stage.INSTANTIATE)
        if self.batch == "all_stages":
            return (Stage.GENERATE, *later)
        return later if self.batch == "later_stages" else ()

    @model_validator(mode="after")
    def _only_what_the_profile_can_do(self) -> Self:
        if self.profile != "default":
            for name in ("language", "answer_format", "tasks_per_request"):
                if getattr(self, name) != RunOptions.model_fields[name].default:
                    raise ValueError(f"{name} needs the profile `default`")
        if (self.profile, self.batch) == ("alpaca", "later_stages"):
            raise ValueError("the profile `alpaca` has no later stages: take batch `all_stages`")
        return self
