"""Options and profiles as recorded: names, defaults, bounds, rules and sampling values.

They decide what a run makes of the same seeds. After a wanted change, renew the file and read its
difference:

    SEEDBED_RENEW_GOLDEN=1 pytest tests/unit/pipeline/test_recorded_profiles.py
"""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from app.dataset_row import Record
from app.pipeline.options import GROWING_ONLY, REVIEW_PROFILES, RunOptions
from app.pipeline.profiles import PROFILES, Profile, mix_of
from app.pipeline.shapes import overridden
from app.pipeline.types import Capabilities, Parameters, Request
from tests.golden import check_golden_json, without_texts
from tests.unit.pipeline.making import asking

GOLDEN = Path(__file__).parent / "golden" / "profiles.json"


def described(profile: Profile) -> dict[str, Any]:
    stages = ("generate", "classify", "input_first", "output_first", "review")
    return {
        "endpoint": profile.endpoint,
        "tokenizer": profile.tokenizer,
        "neighbours": profile.neighbours,
        "rules": [rule.reason for rule in profile.rules],
        "mix": asdict(profile.mix),
        "usual_yield": profile.usual_yield,
        "stages": [name for name in stages if getattr(profile, name) is not None],
        "work_stages": profile.stages,
        "unknown_is_no": profile.unknown_is_no,
        "calibration": profile.calibration,
    }


def parameters_of(profile: Profile) -> dict[str, Any]:
    """Return the sampling values of each stage, by the number of failed attempts."""
    chosen = asking(logprobs=True, profile=profile.name)
    made: dict[str, Request] = {}
    if profile.generate is not None:
        made["generate"] = profile.generate.build_request([], chosen)
    for name, stage in (("input", profile.input_first), ("output", profile.output_first)):
        if stage is not None:
            made[f"{name}_first"] = stage.build_request("Say it.", chosen)
    for attempt in range(3):
        if profile.classify is not None:
            made[f"classify {attempt}"] = profile.classify.build_request("Say.", chosen, attempt)
        if profile.review is not None:
            record = Record("Say it.", "It.")
            made[f"review {attempt}"] = profile.review.build_request(record, chosen, attempt)
    return {name: asdict(request.parameters) for name, request in made.items()}


def test_options_and_profiles_are_as_recorded() -> None:
    found = {
        "options": without_texts(RunOptions.model_json_schema()),
        "profiles": {name: described(profile) for name, profile in PROFILES.items()},
        "review_profiles": sorted(REVIEW_PROFILES),
        "growing_only": GROWING_ONLY,
        "parameters": {name: parameters_of(profile) for name, profile in PROFILES.items()},
        "plain_parameters": asdict(Parameters(temperature=0.5, top_p=0.5, max_tokens=1)),
    }
    check_golden_json(GOLDEN, found)


def test_every_profile_has_the_name_it_is_found_by() -> None:
    assert {name: profile.name for name, profile in PROFILES.items()} == {
        name: name for name in PROFILES
    }


def test_the_users_numbers_replace_those_of_the_profile_one_by_one() -> None:
    profile = PROFILES["paper"]
    options = RunOptions.model_validate({"demonstrations": {"seeds": 3}})
    assert asdict(mix_of(profile, options)) == {
        "seeds": 3, "machine_made": 2, "classification_share": None,
    }  # fmt: skip
    options = RunOptions.model_validate(
        {"demonstrations": {"machine_made": 0}, "classification_share": 0.5}
    )
    assert asdict(mix_of(profile, options)) == {
        "seeds": 6, "machine_made": 0, "classification_share": 0.5,
    }  # fmt: skip
    values = Parameters(temperature=0.5, top_p=0.25, max_tokens=7)
    sampling = RunOptions.model_validate(
        {"sampling": {"generate": {"temperature": 0.0}}}
    ).sampling.generate
    assert asdict(overridden(values, sampling)) == {**asdict(values), "temperature": 0.0}


def test_an_endpoint_is_capable_of_nothing_until_it_is_known() -> None:
    assert asdict(Capabilities()) == {"json_schema": False, "logprobs": False}
