"""Options and filters as recorded: names, defaults, limits, descriptions and reasons.

They are part of the API, the CLI and stored recipes. After a wanted change, renew the file and read
its difference:

    SEEDBED_RENEW_GOLDEN=1 pytest tests/unit/curation/test_recorded_options.py
"""

import json
import os
from pathlib import Path

import pytest

from app.curation.options import Recipe
from app.curation.table import FILTERS

GOLDEN = Path(__file__).parent / "golden" / "options.json"


def test_options_and_filters_are_as_recorded() -> None:
    filters = {
        each.name: {
            "about": each.about,
            "reasons": sorted(each.reasons),
            "change": each.change,
            "by_default": each.on,
        }
        for each in FILTERS
    }
    found = {"options": Recipe.model_json_schema(), "filters": filters}
    text = json.dumps(found, indent=1, ensure_ascii=False) + "\n"
    if os.environ.get("SEEDBED_RENEW_GOLDEN") == "1":
        GOLDEN.write_text(text, "utf-8")
        pytest.fail("the file is renewed: read the difference, then run again")
    assert text == GOLDEN.read_text("utf-8")
