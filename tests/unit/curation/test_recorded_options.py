"""Options and filters as recorded: names, defaults, limits, descriptions and reasons.

They are part of the API, the CLI and stored recipes. A filter that is off by default changes no
recipe, so it is not recorded; its cases hold its name and its reasons. After a wanted change, renew
the file and read its difference:

    SEEDBED_RENEW_GOLDEN=1 pytest tests/unit/curation/test_recorded_options.py
"""

from pathlib import Path

from app.curation.options import Recipe
from app.curation.table import FILTERS
from tests.golden import check_golden_json, without_optional_filters

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
        if each.on
    }
    options = without_optional_filters(Recipe.model_json_schema())
    found = {"options": options, "filters": filters}
    check_golden_json(GOLDEN, found)
