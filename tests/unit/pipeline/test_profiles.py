"""The three profiles against the tables of the method: parameters, rules, endpoints, mixes."""

from dataclasses import fields

import pytest

from app.pipeline.demonstrations import Demonstration, Mix
from app.pipeline.options import REVIEW_PROFILES, RunOptions
from app.pipeline.profiles import PROFILES, mix_of
from app.pipeline.types import ChatPrompt, Parameters, TextPrompt
from tests.unit.pipeline.making import (
    asking,
    classify_stage,
    generate_stage,
    greedy,
    instance_stage,
    profile_of,
    review_stage,
)

SHOWN = [Demonstration(f"Demonstration number {n}.") for n in range(8)]


def test_the_paper_generates_with_the_parameters_of_its_code() -> None:
    asked = generate_stage("paper").build_request(SHOWN, asking(profile="paper"))

    assert asked.parameters == Parameters(
        temperature=0.7,
        top_p=0.5,
        max_tokens=1024,
        presence_penalty=2.0,
        stop=("\n\n", "\n16", "16.", "16 ."),
    )


def test_the_paper_classifies_with_the_parameters_of_its_code() -> None:
    asked = classify_stage("paper").build_request("Count.", asking(profile="paper"), 0)

    assert asked.parameters == greedy(3, 0.0, "\n", "Task")


@pytest.mark.parametrize(("stage", "max_tokens"), [("input_first", 350), ("output_first", 300)])
def test_the_paper_makes_instances_with_the_parameters_of_its_code(
    stage: str, max_tokens: int
) -> None:
    asked = instance_stage("paper", stage).build_request("Count.", asking(profile="paper"))

    assert asked.parameters == greedy(max_tokens, 1.5, "Example 6", "Task:")


def test_alpaca_generates_with_the_parameters_of_its_code() -> None:
    asked = generate_stage("alpaca").build_request(SHOWN[:3], asking(profile="alpaca"))

    assert asked.parameters == Parameters(
        temperature=1.0, top_p=1.0, max_tokens=3072, stop=("\n20", "20.")
    )


def test_no_stage_of_the_default_profile_stops_at_a_string_that_text_may_hold() -> None:
    wanted = asking()
    asked = [
        generate_stage("default").build_request(SHOWN, wanted),
        classify_stage("default").build_request("Count.", wanted, 0),
        instance_stage("default", "input_first").build_request("Count.", wanted),
        instance_stage("default", "output_first").build_request("Count.", wanted),
    ]

    assert [request.parameters.stop for request in asked] == [(), (), (), ()]


def test_logprobs_are_asked_for_only_where_the_endpoint_returns_them() -> None:
    build = classify_stage("default").build_request

    with_logprobs = build("Count.", asking(logprobs=True), 0).parameters.top_logprobs
    without = build("Count.", asking(logprobs=False), 0).parameters.top_logprobs

    assert (with_logprobs, without) == (20, None)


def test_an_unreadable_classification_is_not_asked_again_at_temperature_zero() -> None:
    build = classify_stage("default").build_request

    temperatures = [build("Count.", asking(), n).parameters.temperature for n in range(3)]

    assert temperatures[0] == 0.0
    assert all(again > 0 for again in temperatures[1:])


@pytest.mark.parametrize("profile", ["paper", "default"])
@pytest.mark.parametrize("stage", ["generate", "classify", "input_first", "output_first"])
def test_a_persons_sampling_goes_over_the_profiles_in_its_stage_alone(
    profile: str, stage: str
) -> None:
    chosen = {
        "temperature": 0.3,
        "top_p": 0.4,
        "max_tokens": 77,
        "presence_penalty": 0.5,
        "frequency_penalty": -0.5,
    }
    wanted = asking(profile=profile, sampling={stage: chosen})
    by_stage = {
        "generate": generate_stage(profile).build_request(SHOWN, wanted),
        "classify": classify_stage(profile).build_request("Count.", wanted, 0),
        "input_first": instance_stage(profile, "input_first").build_request("Count.", wanted),
        "output_first": instance_stage(profile, "output_first").build_request("Count.", wanted),
    }

    changed = {name for name, request in by_stage.items() if request.parameters.max_tokens == 77}
    parameters = by_stage[stage].parameters

    assert changed == {stage}
    assert {name: getattr(parameters, name) for name in chosen} == chosen


@pytest.mark.parametrize(
    ("profile", "endpoint", "form"),
    [
        ("paper", "completions", TextPrompt),
        ("alpaca", "completions", TextPrompt),
        ("default", "chat", ChatPrompt),
    ],
)
def test_a_profile_asks_the_endpoint_it_names(
    profile: str, endpoint: str, form: type[object]
) -> None:
    found = profile_of(profile)

    asked = generate_stage(profile).build_request(SHOWN[:3], asking(profile=profile))

    assert found.endpoint == endpoint
    assert type(asked.prompt) is form


def test_only_the_default_profile_splits_words_in_every_script() -> None:
    assert {name: p.tokenizer for name, p in PROFILES.items()} == {
        "default": "unicode",
        "paper": "rouge",
        "alpaca": "rouge",
        "re_answer": "unicode",
        "judge": "unicode",
    }


def test_only_the_paper_takes_an_unknown_classification_for_a_no() -> None:
    assert [name for name, p in PROFILES.items() if p.unknown_is_no] == ["paper"]


def test_classification_tasks_go_output_first_and_all_others_input_first() -> None:
    paper = PROFILES["paper"]

    chosen = [paper.instantiate(label) for label in (True, False, None)]

    assert chosen == [paper.output_first, paper.input_first, paper.input_first]


@pytest.mark.parametrize("label", [True, False, None])
def test_alpaca_has_no_stage_after_the_first(label: bool | None) -> None:
    alpaca = PROFILES["alpaca"]

    assert (alpaca.classify, alpaca.input_first, alpaca.output_first) == (None, None, None)
    with pytest.raises(ValueError, match="no instance stage"):
        alpaca.instantiate(label)


def test_a_profile_either_grows_or_reviews() -> None:
    for name, profile in PROFILES.items():
        assert (profile.review is not None) == (name in REVIEW_PROFILES)
        assert (profile.generate is None) == (name in REVIEW_PROFILES)


def test_a_profile_that_reviews_generates_nothing_and_the_other_way_round() -> None:
    with pytest.raises(ValueError, match="judge has no generation stage"):
        generate_stage("judge")
    with pytest.raises(ValueError, match="paper has no review stage"):
        review_stage("paper")


def test_a_profiles_name_is_the_name_it_is_found_by() -> None:
    assert {name: p.name for name, p in PROFILES.items()} == {name: name for name in PROFILES}


@pytest.mark.parametrize(
    ("profile", "mix"), [("paper", Mix(6, 2)), ("default", Mix(6, 2)), ("alpaca", Mix(3, 0))]
)
def test_a_prompt_shows_what_the_profile_says(profile: str, mix: Mix) -> None:
    found = profile_of(profile)

    assert mix_of(found, RunOptions()) == mix


def test_a_person_may_choose_what_a_prompt_shows() -> None:
    chosen = RunOptions.model_validate(
        {"demonstrations": {"seeds": 3, "machine_made": 0}, "classification_share": 0.5}
    )

    mix = mix_of(PROFILES["paper"], chosen)

    assert mix == Mix(seeds=3, machine_made=0, classification_share=0.5)
    assert len(fields(mix)) == 3
