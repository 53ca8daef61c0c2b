"""The ways to run the method, as a table: which stages, which rules, which tokenizer.

`paper` and `alpaca` decide as the public code of Self-Instruct and of Stanford Alpaca does;
`default` keeps the method and leaves their known faults behind. `re_answer` and `judge` grow
nothing: they review the rows of a data set.
"""

from dataclasses import dataclass
from typing import Literal

from app.pipeline.alpaca import generate as alpaca_generate
from app.pipeline.calibration import CONTENT_FREE
from app.pipeline.default import classify as default_classify
from app.pipeline.default import generate as default_generate
from app.pipeline.default import input_first as default_input_first
from app.pipeline.default import output_first as default_output_first
from app.pipeline.demonstrations import Mix
from app.pipeline.options import ProfileName, RunOptions
from app.pipeline.paper import classify as paper_classify
from app.pipeline.paper import generate as paper_generate
from app.pipeline.paper import input_first as paper_input_first
from app.pipeline.paper import output_first as paper_output_first
from app.pipeline.review import judge, re_answer
from app.pipeline.screening import ALPACA_RULES, DEFAULT_RULES, PAPER_RULES, Rule
from app.pipeline.shapes import ClassifyStage, GenerateStage, InstantiateStage, ReviewStage
from app.pipeline.types import Stage, stages_of

_NO_DEMONSTRATION = Mix(seeds=0, machine_made=0)


@dataclass(frozen=True, slots=True)
class Profile:
    """One way to run the method."""

    name: ProfileName
    endpoint: Literal["chat", "completions"]
    tokenizer: Literal["unicode", "rouge"] = "unicode"
    neighbours: Literal["near", "ten"] = "near"
    """The neighbours that are stored with an accepted instruction."""
    rules: tuple[Rule, ...] = ()
    filters: tuple[str, ...] = ()
    """Filters that every row must pass, when the options name none."""
    mix: Mix = _NO_DEMONSTRATION
    usual_yield: float = 1.0
    """Accepted instructions that one generation call usually brings, to plan the first ones by."""
    generate: GenerateStage | None = None
    """None with `review`: nothing is grown."""
    review: ReviewStage | None = None
    """None with `generate`: nothing is reviewed."""
    classify: ClassifyStage | None = None
    """None with `input_first`: instances come with the instruction."""
    input_first: InstantiateStage | None = None
    output_first: InstantiateStage | None = None
    unknown_is_no: bool = False
    """True when a classification that can't be read counts as no."""
    calibration: tuple[str, ...] = ()
    """Content-free tasks, asked first when the endpoint returns logprobs."""

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The stages of a run with this profile, in the order in which it begins them."""
        parts: dict[Stage, object] = {
            Stage.CALIBRATE: self.calibration,
            Stage.GENERATE: self.generate,
            Stage.CLASSIFY: self.classify,
            Stage.INSTANTIATE: self.input_first,
            Stage.REVIEW: self.review,
        }
        every = (*stages_of("growing"), *stages_of("reviewing"))
        return tuple(stage for stage in every if parts[stage])

    def instantiate(self, is_classification: bool | None) -> InstantiateStage:
        """Choose output-first for classification tasks, input-first for all others."""
        stage = self.output_first if is_classification else self.input_first
        if stage is None:
            raise ValueError(f"the profile {self.name} has no instance stage")
        return stage


PROFILES: dict[ProfileName, Profile] = {
    "default": Profile(
        name="default",
        endpoint="chat",
        tokenizer="unicode",
        rules=DEFAULT_RULES,
        filters=("looping_end",),
        mix=Mix(seeds=6, machine_made=2),
        usual_yield=4.0,
        generate=default_generate.STAGE,
        classify=default_classify.STAGE,
        input_first=default_input_first.STAGE,
        output_first=default_output_first.STAGE,
        calibration=CONTENT_FREE,
    ),
    "paper": Profile(
        name="paper",
        endpoint="completions",
        tokenizer="rouge",
        neighbours="ten",
        rules=PAPER_RULES,
        mix=Mix(seeds=6, machine_made=2),
        usual_yield=3.0,
        generate=paper_generate.STAGE,
        classify=paper_classify.STAGE,
        input_first=paper_input_first.STAGE,
        output_first=paper_output_first.STAGE,
        unknown_is_no=True,
    ),
    "alpaca": Profile(
        name="alpaca",
        endpoint="completions",
        tokenizer="rouge",
        rules=ALPACA_RULES,
        mix=Mix(seeds=alpaca_generate.SHOWN, machine_made=0),
        usual_yield=8.0,
        generate=alpaca_generate.STAGE,
    ),
    "re_answer": Profile(name="re_answer", endpoint="chat", review=re_answer.STAGE),
    "judge": Profile(name="judge", endpoint="chat", review=judge.STAGE),
}


def generate_stage(profile: Profile) -> GenerateStage:
    """Return the profile's generation stage.

    Raises:
        ValueError: when it has none; a defect of the caller.
    """
    if profile.generate is None:
        raise ValueError(f"the profile {profile.name} has no generation stage")
    return profile.generate


def review_stage(profile: Profile) -> ReviewStage:
    """Return the profile's review stage.

    Raises:
        ValueError: when it has none; a defect of the caller.
    """
    if profile.review is None:
        raise ValueError(f"the profile {profile.name} has no review stage")
    return profile.review


def batch_stages(options: RunOptions) -> tuple[Stage, ...]:
    """Return the stages of a run whose calls use the Batch API."""
    stages = PROFILES[options.profile].stages
    return tuple(stage for stage in stages if stage.goes_by_batch(options.batch))


def filters_of(options: RunOptions) -> tuple[str, ...]:
    """Return the names of the filters that every row of a run must pass."""
    if options.filters is None:
        return PROFILES[options.profile].filters
    return options.filters


def mix_of(profile: Profile, options: RunOptions) -> Mix:
    """Return the mix of demonstrations: the profile's, with the user's numbers in place of some."""
    chosen = options.demonstrations
    return Mix(
        seeds=profile.mix.seeds if chosen.seeds is None else chosen.seeds,
        machine_made=(
            profile.mix.machine_made if chosen.machine_made is None else chosen.machine_made
        ),
        classification_share=options.classification_share,
    )
