"""What a person may decide, where it ends, and what the profile has to be for it."""

from typing import Any

import pytest
from pydantic import ValidationError

from app.pipeline.options import RunOptions
from app.pipeline.profiles import batch_stages


def test_nothing_chosen_is_the_default_profile_with_the_papers_values() -> None:
    chosen = RunOptions()

    assert (chosen.profile, chosen.similarity_threshold) == ("default", 0.7)
    assert chosen == RunOptions.model_validate(chosen.model_dump())


@pytest.mark.parametrize(
    ("path", "least", "most", "step"),
    [
        (("target",), 1, 1_000_000, 1),
        (("instances_per_instruction",), 1, 20, 1),
        (("tasks_per_request",), 1, 50, 1),
        (("classification_share",), 0.0, 1.0, 0.001),
        (("random_seed",), 0, 2**63 - 1, 1),
        (("lookahead",), 1, 1_024, 1),
        (("max_attempts",), 1, 10, 1),
        (("dry_after",), 1, 10_000, 1),
        (("demonstrations", "seeds"), 1, 50, 1),
        (("demonstrations", "machine_made"), 0, 50, 1),
        (("sampling", "generate", "temperature"), 0.0, 2.0, 0.001),
        (("sampling", "classify", "top_p"), 0.0, 1.0, 0.001),
        (("sampling", "input_first", "max_tokens"), 1, 65_536, 1),
        (("sampling", "output_first", "presence_penalty"), -2.0, 2.0, 0.001),
        (("sampling", "generate", "frequency_penalty"), -2.0, 2.0, 0.001),
        (("sampling", "review", "max_tokens"), 1, 65_536, 1),
    ],
)
def test_an_option_is_taken_at_its_bounds_and_refused_beyond_them(
    path: tuple[str, ...], least: float, most: float, step: float
) -> None:
    def chosen(value: Any) -> Any:
        for name in reversed(path):
            value = {name: value}
        return RunOptions.model_validate(value)

    assert chosen(least) != chosen(most)
    for beyond in (least - step, most + step):
        with pytest.raises(ValidationError):
            chosen(beyond)


@pytest.mark.parametrize(
    ("profile", "own"),
    [("default", 3), ("paper", 5), ("alpaca", 3), ("judge", 3), ("re_answer", 3)],
)
def test_the_number_of_instances_left_out_is_that_of_the_profile(profile: str, own: int) -> None:
    left_out = RunOptions.model_validate({"profile": profile})
    chosen = RunOptions.model_validate({"profile": profile, "instances_per_instruction": own})

    assert (left_out.instances_per_instruction, left_out.most_instances) == (None, own)
    # Stored runs have the number.
    assert chosen == left_out


def test_a_number_of_instances_that_is_chosen_holds() -> None:
    chosen = {"profile": "paper", "instances_per_instruction": 3}

    assert RunOptions.model_validate(chosen).most_instances == 3
    assert RunOptions(instances_per_instruction=5).most_instances == 5


@pytest.mark.parametrize("threshold", [0.0, -0.1, 1.001])
def test_a_threshold_that_rejects_everything_or_nothing_is_refused(threshold: float) -> None:
    with pytest.raises(ValidationError):
        RunOptions(similarity_threshold=threshold)


@pytest.mark.parametrize("language", ["", "x", "1st", "_a", "-", "a" * 61])
def test_a_language_is_a_short_name_that_begins_with_a_letter(language: str) -> None:
    with pytest.raises(ValidationError):
        RunOptions(language=language)


@pytest.mark.parametrize("language", ["German", "Bahasa Melayu", "中文", "português (Brasil)"])
def test_a_language_may_be_named_in_any_script(language: str) -> None:
    assert RunOptions(language=language).language == language


@pytest.mark.parametrize(
    "options",
    [{"temperature": 1.0}, {"sampling": {"instances": {}}}, {"demonstrations": {"seed": 3}}],
)
def test_an_option_that_does_not_exist_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="extra_forbidden"):
        RunOptions.model_validate(options)


@pytest.mark.parametrize("profile", ["paper", "alpaca"])
@pytest.mark.parametrize(
    "options", [{"language": "German"}, {"answer_format": "json_schema"}, {"tasks_per_request": 4}]
)
def test_what_only_the_default_profile_can_do_is_refused_elsewhere(
    profile: str, options: dict[str, Any]
) -> None:
    assert RunOptions.model_validate(options).profile == "default"
    with pytest.raises(ValidationError, match="needs the profile `default`"):
        RunOptions.model_validate({"profile": profile, **options})


def test_calls_go_by_batch_only_where_that_is_wished_and_the_profile_has_the_stages() -> None:
    assert batch_stages(RunOptions()) == ()
    assert batch_stages(RunOptions(batch="later_stages")) == ("classify", "instantiate")
    assert batch_stages(RunOptions(batch="all_stages")) == ("generate", "classify", "instantiate")
    assert batch_stages(RunOptions(profile="alpaca", batch="all_stages")) == ("generate",)
    with pytest.raises(ValidationError, match="no later stages"):
        RunOptions(profile="alpaca", batch="later_stages")


@pytest.mark.parametrize("batch", ["later_stages", "all_stages"])
@pytest.mark.parametrize("profile", ["judge", "re_answer"])
def test_the_review_of_a_data_set_goes_by_batch_as_a_later_stage(profile: str, batch: str) -> None:
    by_calls = RunOptions.model_validate({"profile": profile})
    by_batch = RunOptions.model_validate({"profile": profile, "batch": batch})
    assert (batch_stages(by_calls), batch_stages(by_batch)) == ((), ("review",))


@pytest.mark.parametrize("threshold", [1, 5])
def test_a_judge_has_a_threshold_on_its_scale_and_a_rubric_of_several_lines(threshold: int) -> None:
    review = {"threshold": threshold, "rubric": "5: good\r\n1:\tbad"}

    chosen = RunOptions.model_validate({"profile": "judge", "review": review})

    assert chosen.review.model_dump() == review


@pytest.mark.parametrize(
    "review",
    [
        {"threshold": 0},
        {"threshold": 6},
        {"threshold": 3.5},
        {"rubric": ""},
        {"rubric": "a\x00b"},
        {"rubric": "a" * 8_001},
        {"scale": 10},
    ],
)
def test_a_threshold_off_the_scale_and_a_rubric_that_is_none_are_refused(
    review: dict[str, Any],
) -> None:
    with pytest.raises(ValidationError):
        RunOptions.model_validate({"profile": "judge", "review": review})


@pytest.mark.parametrize("profile", ["default", "paper", "alpaca", "re_answer"])
def test_only_a_judge_has_a_threshold(profile: str) -> None:
    with pytest.raises(ValidationError, match="review needs the profile `judge`"):
        RunOptions.model_validate({"profile": profile, "review": {"threshold": 3}})


@pytest.mark.parametrize("profile", ["judge", "re_answer"])
@pytest.mark.parametrize(
    "options",
    [
        {"target": 5},
        {"instances_per_instruction": 1},
        {"demonstrations": {"seeds": 2}},
        {"classification_share": 0.5},
        {"lookahead": 64},
        {"similarity_threshold": 0.5},
        {"tokenizer": "rouge"},
        {"language": "German"},
        {"tasks_per_request": 4},
    ],
)
def test_what_only_growing_knows_is_refused_in_a_review(
    profile: str, options: dict[str, Any]
) -> None:
    with pytest.raises(ValidationError, match=r"needs (a|the) profile"):
        RunOptions.model_validate({"profile": profile, **options})


def test_the_form_of_the_reply_can_be_chosen_for_a_judge_alone_of_the_two_reviews() -> None:
    form = {"answer_format": "marked_text"}

    assert RunOptions.model_validate({"profile": "judge", **form}).answer_format == "marked_text"
    with pytest.raises(ValidationError, match="needs the profile `default` or `judge`"):
        RunOptions.model_validate({"profile": "re_answer", **form})


@pytest.mark.parametrize(
    "fields",
    [{"model": "m"}, {"messages": []}, {"stream": True}, {"max_tokens": 5}, {"user": "x" * 9_000}],
)
def test_further_fields_that_the_method_depends_on_are_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="extra_body"):
        RunOptions(extra_body=fields)


def test_further_fields_are_any_json() -> None:
    fields = {"chat_template_kwargs": {"enable_thinking": False}, "provider": {"order": ["a", 1]}}
    options = RunOptions.model_validate({"extra_body": fields})
    assert options.extra_body == fields
    assert RunOptions.model_validate(options.model_dump(mode="json")) == options
