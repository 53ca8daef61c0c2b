"""Options and profiles as recorded: names, defaults, bounds, rules and sampling values.

They decide what a run makes of the same seeds. After a wanted change, renew the file and read its
difference:

    SEEDBED_RENEW_GOLDEN=1 pytest tests/unit/pipeline/test_recorded_profiles.py
"""

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from app.pipeline.options import GROWING_ONLY, REVIEW_PROFILES, RunOptions
from app.pipeline.profiles import PROFILES, Profile, mix_of
from app.pipeline.shapes import overridden
from app.pipeline.types import Parameters

GOLDEN = Path(__file__).parent / "golden" / "profiles.json"


def without_words(schema: Any) -> Any:
    """Return a JSON schema without titles and descriptions, which may be reworded."""
    if isinstance(schema, dict):
        kept = {name: each for name, each in schema.items() if name != "title"}
        if isinstance(kept.get("description"), str):
            del kept["description"]
        return {name: without_words(each) for name, each in kept.items()}
    return [without_words(each) for each in schema] if isinstance(schema, list) else schema


def described(profile: Profile) -> dict[str, Any]:
    stages = ("generate", "classify", "input_first", "output_first", "review")
    return {
        "endpoint": profile.endpoint,
        "tokenizer": profile.tokenizer,
        "rules": [rule.reason for rule in profile.rules],
        "mix": asdict(profile.mix),
        "usual_yield": profile.usual_yield,
        "stages": [name for name in stages if getattr(profile, name) is not None],
        "unknown_is_no": profile.unknown_is_no,
        "calibration": profile.calibration,
    }


def test_options_and_profiles_are_as_recorded() -> None:
    found = {
        "options": without_words(RunOptions.model_json_schema()),
        "profiles": {name: described(profile) for name, profile in PROFILES.items()},
        "review_profiles": sorted(REVIEW_PROFILES),
        "growing_only": GROWING_ONLY,
        "parameters": asdict(Parameters(temperature=0.5, top_p=0.5, max_tokens=1)),
    }
    text = json.dumps(found, indent=1, ensure_ascii=False) + "\n"
    if os.environ.get("SEEDBED_RENEW_GOLDEN") == "1":
        GOLDEN.write_text(text, "utf-8")
        pytest.fail("the file is renewed: read the difference, then run again")
    assert text == GOLDEN.read_text("utf-8")


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
