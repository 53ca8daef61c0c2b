"""The tree of anticipated failures: what it says, and what it keeps for the one who answers."""

import inspect

import pytest

from app import errors
from app.errors import Fault, InvalidInput, NotFound, ProviderTrouble, SeedbedError, Throttled


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        (Fault("is empty"), "is empty"),
        (Fault("is empty", line=3), "line 3: is empty"),
        (Fault("is empty", field="instruction"), "instruction: is empty"),
        (Fault("is empty", 3, "instances[0].output"), "line 3: instances[0].output: is empty"),
        (Fault("is empty", line=0), "line 0: is empty"),
    ],
)
def test_a_fault_says_its_line_its_field_and_what_is_wrong(fault: Fault, text: str) -> None:
    assert str(fault) == text


def test_invalid_input_keeps_every_fault_in_order() -> None:
    faults = [Fault("one"), Fault("two")]

    error = InvalidInput("Two things.", faults)
    faults.clear()

    assert str(error) == "Two things."
    assert error.faults == (Fault("one"), Fault("two"))


def test_invalid_input_may_have_no_faults() -> None:
    assert InvalidInput("No.").faults == ()


def test_what_is_not_found_is_named_with_its_kind_and_id() -> None:
    error = NotFound("run", "r-1'")

    assert str(error) == 'There is no run with the id "r-1\'".'
    assert (error.kind, error.identifier) == ("run", "r-1'")


@pytest.mark.parametrize("retry_after_s", [None, 0.0, 12.5])
def test_throttling_keeps_how_long_to_wait(retry_after_s: float | None) -> None:
    error = Throttled("slow down", retry_after_s)

    assert (str(error), error.retry_after_s) == ("slow down", retry_after_s)


def test_every_anticipated_failure_is_in_one_tree() -> None:
    defined = [
        c for _, c in inspect.getmembers(errors, inspect.isclass) if issubclass(c, Exception)
    ]

    assert len(defined) == 19
    assert all(issubclass(one, SeedbedError) for one in defined)


def test_there_are_four_kinds_of_provider_trouble() -> None:
    kinds = {kind.__name__ for kind in ProviderTrouble.__subclasses__()}

    assert {"Throttled", "Outage", "ItemTrouble", "RunTrouble"} <= kinds


def test_a_defect_is_not_in_the_tree() -> None:
    assert not issubclass(ValueError, SeedbedError)
    assert not issubclass(SeedbedError, ValueError | RuntimeError | OSError)
