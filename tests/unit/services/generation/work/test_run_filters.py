"""Filters inside a run: which there are, and what they reject before it is kept."""

import pytest

from app.curation.options import FilterOptions
from app.curation.table import FILTERS, chosen
from app.errors import InvalidInput
from app.pipeline.options import RunOptions
from app.pipeline.profiles import filters_of
from app.pipeline.types import Instance, ReadInstances, Rejected
from app.services.generation.work.run_filters import check_rules, screened
from app.states import DatasetState
from app.store.database import Database
from tests.review_runs import some_rows, stored

READ = ReadInstances(
    (Instance("", "Paris is the capital."), Instance("", "I'm sorry, but I cannot do that.")),
    (Rejected("before", "unreadable"),),
)


def test_without_filters_everything_is_kept() -> None:
    assert screened("Name the capital of France.", READ, ()) is READ


@pytest.mark.parametrize("names", [("refusal",), ("default",), ("echo", "refusal")])
def test_a_row_that_breaks_a_rule_is_rejected_with_its_text(names: tuple[str, ...]) -> None:
    read = screened("Name the capital of France.", READ, names)
    assert [one.output for one in read.kept] == ["Paris is the capital."]
    assert [one.reason for one in read.rejected] == ["unreadable", "refusal"]
    assert read.rejected[1].text == (
        "Name the capital of France.\n\nI'm sorry, but I cannot do that."
    )


def test_only_the_filters_that_are_named_apply() -> None:
    assert len(screened("Name the capital of France.", READ, ("empty_output",)).kept) == 2


def test_default_stands_for_every_filter_that_is_on() -> None:
    loop = ReadInstances((Instance("", "so on and so " * 40),))
    assert screened("Name the capital of France.", loop, ("default",)).kept == ()
    assert screened("Name the capital of France.", loop, ("refusal",)).kept == loop.kept


def test_every_filter_may_be_named(database: Database) -> None:
    names = tuple(rule.name for rule in FILTERS)
    assert chosen(FilterOptions())
    with database.read() as session:
        check_rules(session, RunOptions(filters=(*names, "default", "none")))


def test_every_fault_is_named(database: Database) -> None:
    ready = stored(database, some_rows(2))
    reading = stored(database, some_rows(1), DatasetState.READING)
    options = RunOptions(filters=("refusal", "nice"), nothing_near=(ready, reading, "gone"))
    with database.read() as session, pytest.raises(InvalidInput) as found:
        check_rules(session, options)
    assert [fault.field for fault in found.value.faults] == [
        "options.filters[1]",
        "options.nothing_near[1]",
        "options.nothing_near[2]",
    ]
    assert "there is no filter 'nice'" in found.value.faults[0].message
    assert "default" in found.value.faults[0].message


def test_the_profile_default_drops_loops_unless_other_filters_are_chosen() -> None:
    looping = "The sea is wide. " + "It never sleeps at night. " * 20
    read = ReadInstances((Instance("", looping), Instance("", "It is wide.")))
    chosen_by = {
        filters: filters_of(RunOptions.model_validate({"profile": profile, "filters": filters}))
        for profile, filters in (("default", None), ("default", ("none",)), ("default", ()))
    }
    counts = {
        key: len(screened("Describe it.", read, names).kept) for key, names in chosen_by.items()
    }
    assert counts == {None: 1, ("none",): 2, (): 2}
    for profile in ("paper", "alpaca"):
        assert filters_of(RunOptions.model_validate({"profile": profile})) == ()
