"""The table of stages: every stage has a row, and what each row estimates."""

from dataclasses import replace

import pytest

from app.dataset_row import Record
from app.pipeline.options import RunOptions
from app.pipeline.profiles import PROFILES
from app.pipeline.shapes import Asking
from app.pipeline.types import Capabilities, Stage, stages_of
from app.services.generation.work.estimate_plan import GrowingPlan, Guess, Plan, ReviewingPlan
from app.services.generation.work.item_call import ItemCall
from app.services.generation.work.material import RunMaterial
from app.services.generation.work.stages import STAGES, Loaded, classify_stage
from app.store.runs.source import Growing
from app.store.work.instructions import Accepted
from app.store.work.work_items import Item
from tests.bench import SEEDS

PER_CALL = 4.0


def growing(profile: str = "default", missing: int = 10, unfinished: int = 0) -> GrowingPlan:
    options = RunOptions.model_validate({"profile": profile})
    return GrowingPlan(options, "m", SEEDS, missing, unfinished)


def reviewing(
    profile: str = "judge", outputs: tuple[str, ...] = ("abcd", "abcdabcd")
) -> ReviewingPlan:
    options = RunOptions.model_validate({"profile": profile})
    return ReviewingPlan(options, "m", [Record("Do it.", output) for output in outputs], 30)


def guess(stage: Stage, plan: Plan) -> Guess | None:
    return STAGES[stage].estimate(plan, PER_CALL)


def calls(plan: Plan) -> dict[Stage, int]:
    """Return the calls of each stage that the run has."""
    found = {stage: guess(stage, plan) for stage in STAGES}
    return {stage: one.calls for stage, one in found.items() if one is not None}


def test_every_stage_but_the_preflight_has_a_row() -> None:
    assert set(STAGES) == set(Stage) - {Stage.PREFLIGHT}
    assert {*stages_of("growing"), *stages_of("reviewing")} == set(STAGES)


def test_what_was_begun_is_finished_before_more_is_begun() -> None:
    calibrate, *others = stages_of("growing")
    priorities = [stage.priority for stage in others]
    assert calibrate is Stage.CALIBRATE
    assert calibrate.priority < min(priorities)
    assert priorities == sorted(priorities, reverse=True)
    assert Stage.INSTANTIATE.priority < Stage.CLASSIFY.priority < Stage.GENERATE.priority


def test_a_run_that_grows_asks_these_calls() -> None:
    plan = growing(missing=10, unfinished=3)
    # Four instructions a call: ten need three.
    assert calls(plan) == {
        Stage.CALIBRATE: len(PROFILES["default"].calibration),
        Stage.GENERATE: 3,
        Stage.CLASSIFY: 13,
        Stage.INSTANTIATE: 13,
    }
    assert calls(replace(plan, missing=0))[Stage.GENERATE] == 0
    assert calls(replace(plan, missing=8))[Stage.GENERATE] == 2


def test_one_stage_profiles_ask_generation_calls_only() -> None:
    plan = growing("alpaca")
    assert calls(plan) == {Stage.GENERATE: 3}
    found = guess(Stage.GENERATE, plan)
    assert found is not None
    assert found.completion_tokens == 2 * 8.0 * (25 + 60)


def test_prompts_are_measured_and_answers_guessed() -> None:
    plan = growing()
    generate, classify = guess(Stage.GENERATE, plan), guess(Stage.CLASSIFY, plan)
    calibrate, instances = guess(Stage.CALIBRATE, plan), guess(Stage.INSTANTIATE, plan)
    assert generate is not None
    assert classify is not None
    assert calibrate is not None
    assert instances is not None
    assert generate.completion_tokens == 8 * 25
    assert generate.prompt_tokens > 100
    assert (classify.completion_tokens, calibrate.completion_tokens) == (3, 3)
    assert calibrate.prompt_tokens == classify.prompt_tokens > 20
    assert instances.completion_tokens == 3 * 60
    assert not any(one.prompt_is_measured for one in (generate, classify, instances))


def test_a_review_asks_a_call_for_each_row_and_measures_the_rows() -> None:
    judged = guess(Stage.REVIEW, reviewing())
    answered = guess(Stage.REVIEW, reviewing("re_answer"))
    assert judged is not None
    assert answered is not None
    assert (judged.calls, answered.calls) == (30, 30)
    assert judged.completion_tokens == 80
    # The mean of the outputs there are: one token and two.
    assert answered.completion_tokens == 1.5
    assert judged.prompt_is_measured
    longer = guess(Stage.REVIEW, reviewing(outputs=("abcd" * 100, "abcd" * 100)))
    assert longer is not None
    assert longer.prompt_tokens > judged.prompt_tokens + 90
    assert calls(reviewing()) == {Stage.REVIEW: 30}


def material(profile: str) -> RunMaterial:
    options = RunOptions.model_validate({"profile": profile})
    return RunMaterial("run", PROFILES[options.profile], options, Growing("seeds"), SEEDS)


def test_a_profile_without_the_stage_is_a_defect_of_the_caller() -> None:
    assert classify_stage(material("paper")) is PROFILES["paper"].classify
    with pytest.raises(ValueError, match="alpaca has no classification stage"):
        classify_stage(material("alpaca"))


def test_requests_show_what_their_items_speak_of() -> None:
    asking = Asking(RunOptions(), Capabilities())
    loaded = Loaded({3: Accepted(3, "Name three rivers.", is_classification=True)})
    shown = [
        {"origin": "seed", "position": 1},
        {"origin": "machine", "position": 3},
    ]
    generate = Item(1, Stage.GENERATE, 0, {"demonstrations": shown}, 0)
    text = prompt_of(generate, asking, loaded)
    assert SEEDS[1].instruction in text
    assert "Name three rivers." in text
    assert "Name three rivers." in prompt_of(Item(2, Stage.CLASSIFY, 3, {}, 0), asking, loaded)
    nothing = Item(3, Stage.CALIBRATE, 0, {"instruction": "Say nothing."}, 0)
    assert "Say nothing." in prompt_of(nothing, asking, loaded)
    by_label = [
        prompt_of(
            Item(4, Stage.INSTANTIATE, 3, {}, 0),
            asking,
            Loaded({3: Accepted(3, "Name three rivers.", is_classification=label)}),
        )
        for label in (True, False)
    ]
    assert by_label[0] != by_label[1]


def prompt_of(item: Item, asking: Asking, loaded: Loaded) -> str:
    request = STAGES[item.stage].build(item, material("default"), asking, loaded)
    call = ItemCall(item, request)
    return str(call.request.prompt)
