import ast
from pathlib import Path

import pytest
from pydantic import ValidationError

from app.curation import table
from app.curation.filter import Dropped, Kept, screen
from app.curation.options import FilterOptions, Recipe
from app.curation.table import FILTERS, all_filters, chosen
from app.dataset_row import Exchange, Record


def test_every_filter_has_a_switch_with_its_default() -> None:
    switches = {
        name: field.default
        for name, field in FilterOptions.model_fields.items()
        if field.annotation is bool
    }
    assert switches == {each.name: each.on for each in FILTERS}


def test_no_two_filters_share_a_reason() -> None:
    reasons = [reason for each in FILTERS for reason in each.reasons]
    changes = [each.change for each in FILTERS if each.change]
    assert len(set(reasons)) == len(reasons)
    assert len(set(changes)) == len(changes)


def test_the_table_of_the_docstring_is_the_table() -> None:
    text = ast.get_docstring(ast.parse(Path(table.__file__).read_text(encoding="utf-8"))) or ""
    rows = [line.split("|")[1:] for line in text.splitlines() if line.startswith("| ")][1:]
    assert [(row[0].strip(), row[1].strip()) for row in rows] == [
        (each.name, "yes" if each.on else "no") for each in FILTERS
    ]
    for row, each in zip(rows, FILTERS, strict=True):
        reported = row[3].replace("changes:", ",").replace(";", "").split(",")
        expected = {*each.reasons, *([each.change] if each.change else [])}
        assert {name.strip() for name in reported} - {""} == expected


def test_every_option_tells_what_it_is_for() -> None:
    for name, field in FilterOptions.model_fields.items():
        assert field.description, name


def test_what_is_switched_off_is_not_applied() -> None:
    names = [each.name for each in chosen(FilterOptions(echo=False, unseen_input=True))]
    assert "echo" not in names
    assert "unseen_input" in names
    assert names == [each.name for each in FILTERS if each.name in names]


def test_an_unknown_filter_is_refused() -> None:
    with pytest.raises(ValidationError, match="no_output"):
        FilterOptions.model_validate({"no_output": True})


def test_a_recipe_is_read_from_what_it_writes() -> None:
    recipe = Recipe.model_validate({"filters": {"most_repeats": 7}, "split": {"test_share": 0.1}})
    assert Recipe.model_validate_json(recipe.model_dump_json()) == recipe
    assert recipe.nearness == Recipe().nearness


def test_a_threshold_reaches_its_filter() -> None:
    record = Record("Describe the sea.", "The sea is so wide. " * 5)
    lenient = next(
        each for each in all_filters(FilterOptions(most_repeats=6)) if each.name == "repeated_text"
    )
    assert isinstance(screen(record, chosen(FilterOptions())), Dropped)
    assert lenient.apply(record) is record


def test_a_record_is_mended_before_it_is_judged() -> None:
    filters = chosen(FilterOptions())
    kept = screen(Record("Name a sea.", "<noinput>\nThe Baltic", "Noinput"), filters)
    assert kept == Kept(Record("Name a sea.", "The Baltic"), ("no_input", "marker_removed"))


def test_the_first_filter_that_drops_decides() -> None:
    # It is empty, and its instruction cannot be served either.
    filters = chosen(FilterOptions(unseen_input=True))
    assert screen(Record("Describe the attached image.", " "), filters) == Dropped("empty_output")


def test_a_record_without_fault_is_left_alone() -> None:
    record = Record("Name a sea.", "The Baltic")
    assert screen(record, chosen(FilterOptions())) == Kept(record)


def test_a_detail_is_short() -> None:
    assert len(Dropped("refusal", "x" * 1000).detail) == 200


def test_a_chat_is_judged_by_its_last_exchange() -> None:
    record = Record("And of Peru?", "", system="Be brief.", history=(Exchange("Hi", "Hello"),))
    assert screen(record, chosen(FilterOptions())) == Dropped("empty_output")
