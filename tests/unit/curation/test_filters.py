"""Each filter on cases made by hand: what it keeps, what it drops, and how precise it is.

A case is a line of `cases/FILTER.jsonl`: what is right (a reason or a change; empty: it stays as it
is), instruction, input, output, and `known` where the filter is known to be wrong.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from app.curation.filter import Dropped, Filter
from app.curation.table import FILTERS
from app.dataset_row import Record

CASES = Path(__file__).parent / "cases"
FEWEST_CASES = 50
LEAST_PRECISION = 0.95
LEAST_RECALL = 0.85
BY_NAME = {each.name: each for each in FILTERS}


@dataclass(frozen=True)
class Case:
    right: str
    record: Record
    known: bool

    def answer(self, rule: Filter) -> str:
        found = rule.apply(self.record)
        if isinstance(found, Dropped):
            return found.reason
        return "" if found is self.record else rule.change or "an unnamed change"


def cases_of(name: str) -> list[Case]:
    lines = (CASES / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    return [Case(row[0], Record(row[1], row[3], row[2]), row[4:] == ["known"]) for row in rows]


def test_every_file_of_cases_is_of_a_filter() -> None:
    assert {path.stem for path in CASES.iterdir()} == set(BY_NAME)


@pytest.mark.parametrize("name", BY_NAME)
def test_a_filter_decides_each_case_as_a_person_does(name: str) -> None:
    rule = BY_NAME[name]
    wrong = [
        f"{case.record} is {case.right!r}, not {case.answer(rule)!r}"
        for case in cases_of(name)
        if not case.known and case.answer(rule) != case.right
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("name", BY_NAME)
def test_what_is_known_to_be_missed_is_still_missed(name: str) -> None:
    # Else the mark must go, and the figures get better.
    found = [
        case for case in cases_of(name) if case.known and case.answer(BY_NAME[name]) == case.right
    ]
    assert not found


@pytest.mark.parametrize("name", BY_NAME)
def test_a_filter_is_precise_and_finds_most(name: str) -> None:
    rule, cases = BY_NAME[name], cases_of(name)
    assert len(cases) >= FEWEST_CASES
    assert len({(case.record, case.right) for case in cases}) == len(cases)
    answers = [(case.right, case.answer(rule)) for case in cases]
    hits = sum(right == answer for right, answer in answers if right)
    precision = hits / sum(bool(answer) for _, answer in answers)
    recall = hits / sum(bool(right) for right, _ in answers)
    print(f"{name}: {len(cases)} cases, precision {precision:.2f}, recall {recall:.2f}")
    assert precision >= LEAST_PRECISION
    assert recall >= LEAST_RECALL


@pytest.mark.parametrize("name", BY_NAME)
def test_the_cases_show_every_reason_of_a_filter(name: str) -> None:
    rule = BY_NAME[name]
    shown = {case.right for case in cases_of(name)} - {""}
    assert shown == set(rule.reasons) | ({rule.change} if rule.change else set())
