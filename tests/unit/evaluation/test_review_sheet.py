"""The blind sheet: names no model, returns from any spreadsheet, and names its faults by line."""

import csv
import io
import itertools
import random
from collections.abc import Callable

import pytest

from app.dataset_row import Exchange, Record
from app.errors import InvalidInput
from app.evaluation.answers import Answer, Contender, HeldOutTask
from app.evaluation.review_sheet import COLUMNS, LEVELS, SheetKey, blind_sheet, read_sheet

TASKS = [
    HeldOutTask(str(i), Record(f"Instruction {i}", "right", input=f'in "{i}",\nput'))
    for i in range(20)
]
CONTENDERS = [
    Contender("base-model", tuple(Answer(str(i), f"said {i}") for i in range(20))),
    Contender("tuned-model", tuple(Answer(str(i), f"told {i}") for i in range(19))),
]


def filled(data: bytes, rate: Callable[[int], str], **form: str) -> bytes:
    """Write ratings into a sheet as a spreadsheet would."""
    rows = list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")))
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, delimiter=form.get("delimiter", ","))
    writer.writeheader()
    for place, row in enumerate(rows):
        writer.writerow({**row, "rating": rate(place)})
    return text.getvalue().encode(form.get("encoding", "utf-8"))


def faults_of(data: bytes, key: SheetKey) -> list[tuple[int | None, str | None]]:
    with pytest.raises(InvalidInput) as caught:
        read_sheet(data, key, "ann")
    return [(fault.line, fault.field) for fault in caught.value.faults]


def test_the_sheet_names_no_model_and_has_every_answer() -> None:
    data, key = blind_sheet(TASKS, CONTENDERS, seed=1)
    text = data.decode("utf-8-sig")
    assert "base-model" not in text
    assert "tuned-model" not in text
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert len(rows) == 40
    assert {row["answer"] for row in rows if row["answer"]} == {
        f"{word} {i}" for i in range(20) for word in ("said", "told")
    } - {"told 19"}
    assert sum(not row["answer"] for row in rows) == 1
    assert [row["item"] for row in rows] == [item.item for item in key.items]


def test_the_order_tells_no_model_either() -> None:
    _, key = blind_sheet(TASKS, CONTENDERS, seed=1)
    models = [item.model for item in key.items]
    assert 4 < sum(model == "base-model" for model in models[:20]) < 16
    assert sum(one != other for one, other in itertools.pairwise(models)) > 8


def test_the_same_seed_gives_the_same_sheet_and_another_another() -> None:
    assert blind_sheet(TASKS, CONTENDERS, seed=1) == blind_sheet(TASKS, CONTENDERS, seed=1)
    assert blind_sheet(TASKS, CONTENDERS, seed=1)[0] != blind_sheet(TASKS, CONTENDERS, seed=2)[0]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_ratings_come_back_to_their_models(delimiter: str, encoding: str) -> None:
    data, key = blind_sheet(TASKS, CONTENDERS, seed=5)
    back = filled(data, lambda i: LEVELS[i % 4], delimiter=delimiter, encoding=encoding)
    review = read_sheet(back, key, "ann")
    assert review.unrated == 0
    assert [(r.task_id, r.model, r.level) for r in review.ratings] == [
        (item.task_id, item.model, LEVELS[i % 4]) for i, item in enumerate(key.items)
    ]


def test_rows_may_be_sorted_lower_case_and_unrated() -> None:
    data, key = blind_sheet(TASKS, CONTENDERS, seed=5)
    lines = filled(data, lambda i: " b. " if i < 30 else "")
    rows = list(csv.reader(io.StringIO(lines.decode(), newline="")))
    random.Random(1).shuffle(body := rows[1:])
    text = io.StringIO()
    csv.writer(text).writerows([rows[0], *body[:-2], ["", "", ""]])
    review = read_sheet(text.getvalue().encode(), key, "ann")
    assert {rating.level for rating in review.ratings} == {"B"}
    assert len(review.ratings) + review.unrated == 40


@pytest.mark.parametrize(
    ("encoding", "note"), [("cp1252", "très bien"), ("cp932", "ソース"), ("gbk", "很好")]
)
def test_a_sheet_saved_in_a_country_s_code_page_brings_its_ratings_back(
    encoding: str, note: str
) -> None:
    tasks = [HeldOutTask("1", Record(note, "right")), HeldOutTask("2", Record("b", "right"))]
    models = [Contender("m", (Answer("1", note), Answer("2", "c")))]
    data, key = blind_sheet(tasks, models, seed=5)
    rows = list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")))
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS)
    writer.writeheader()
    writer.writerows({**row, "rating": "B", "note": note} for row in rows)
    review = read_sheet(text.getvalue().encode(encoding, "replace"), key, "ann")
    assert [rating.level for rating in review.ratings] == ["B", "B"]
    assert (review.ratings[0].note == note) == (encoding == "cp1252")


def test_unicode_text_of_a_spreadsheet_is_read() -> None:
    data, key = blind_sheet(TASKS, CONTENDERS, seed=5)
    back = filled(data, lambda i: LEVELS[i % 4], delimiter="\t", encoding="utf-16")
    assert read_sheet(back, key, "ann").unrated == 0


@pytest.mark.parametrize(
    ("typed", "level"),
    [("\uff41", "A"), ("\u0430", "A"), ("\u0412", "B"), ("\u0421.", "C"), ("\u0391", "A")],
    ids=["wide", "Cyrillic a", "Cyrillic ve", "Cyrillic es", "Greek alpha"],
)
def test_a_level_may_come_from_any_keyboard(typed: str, level: str) -> None:
    data, key = blind_sheet(TASKS, CONTENDERS, seed=5)
    review = read_sheet(filled(data, lambda _: typed), key, "ann")
    assert {rating.level for rating in review.ratings} == {level}


def test_a_cell_longer_than_a_spreadsheet_holds_is_cut_and_says_so() -> None:
    task = HeldOutTask("1", Record("Write.", "x"))
    data, key = blind_sheet([task], [Contender("m", (Answer("1", "ab " * 20_000),))], seed=0)
    row = next(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")))
    assert row["answer"].endswith("[cut: 60,000 characters]")
    assert len(row["answer"]) < 32_767
    assert read_sheet(filled(data, lambda _: "A"), key, "ann").unrated == 0


def test_a_key_survives_being_kept_as_json() -> None:
    _, key = blind_sheet(TASKS, CONTENDERS, seed=5)
    assert SheetKey.model_validate_json(key.model_dump_json()) == key


def test_every_fault_is_named_by_the_line_where_its_row_begins() -> None:
    data, key = blind_sheet(TASKS, CONTENDERS, seed=5)
    # Each row of this sheet takes two lines, as inputs have a line break.
    wrong = filled(data, lambda i: {0: "E", 2: "A+", 5: "good"}.get(i, "A"))
    assert faults_of(wrong, key) == [(2, "rating"), (6, "rating"), (12, "rating")]


def test_rows_that_are_not_of_this_sheet_are_faults() -> None:
    data, key = blind_sheet(TASKS, CONTENDERS, seed=5)
    other, _ = blind_sheet(TASKS, CONTENDERS, seed=6)
    assert len(faults_of(filled(other, lambda _: "A"), key)) == 40
    twice = filled(data, lambda _: "A")
    twice += f"{key.items[3].item},,,,,A,\n{key.sheet}-9999,,,,,A,\n,x,,,,A,\n".encode()
    assert faults_of(twice, key) == [(82, "item"), (83, "item"), (84, "item")]


@pytest.mark.parametrize(
    ("data", "where"),
    [
        (b"", [(1, None)]),
        (b"item,answer\n", [(1, "rating")]),
        (b"a,b\n", [(1, "item"), (1, "rating")]),
        (b"item,rating\n", [(None, "rating")]),
        (b'item,rating\nx,"A', [(2, None)]),
        ("item,rating\nx,Ä".encode("latin-1"), [(2, "item")]),
        (b"PK\x03\x04\xff\xfe", [(1, None)]),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", [(1, None)]),
        (b"\xff\xfe", [(1, None)]),
    ],
)
def test_what_is_no_sheet_is_reported_as_such(
    data: bytes, where: list[tuple[int | None, str | None]]
) -> None:
    _, key = blind_sheet(TASKS, CONTENDERS, seed=5)
    assert faults_of(data, key) == where


def test_a_spreadsheet_runs_no_answer_as_a_formula() -> None:
    task = HeldOutTask("1", Record("=1+1", "x", system="+s", history=(Exchange("u", "a"),)))
    hostile = Contender("m", (Answer("1", '=HYPERLINK("http://example.invalid")'),))
    data, _ = blind_sheet([task], [hostile], seed=0)
    row = next(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")))
    assert not any(cell.startswith(("=", "+", "-", "@")) for cell in row.values())
    assert row["earlier_turns"] == "system: +s\nuser: u\nassistant: a"


def test_items_are_numbered_from_one_and_the_sheet_is_as_recorded() -> None:
    task = HeldOutTask("7", Record("Say\nit", "x", "in", "sys", (Exchange("u", "a"),)))
    data, key = blind_sheet([task], [Contender("m", (Answer("7", "hi"),))], seed=3)
    (item,) = key.items
    assert (item.item, item.task_id, item.model) == (f"{key.sheet}-0001", "7", "m")
    assert (len(key.sheet), key.seed) == (6, 3)
    assert data.decode("utf-8-sig") == (
        '"item","earlier_turns","instruction","input","answer","rating","note"\r\n'
        f'"{item.item}","system: sys\nuser: u\nassistant: a","Say\nit","in","hi","",""\r\n'
    )


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\t", "\r"])
def test_a_cell_that_begins_as_a_formula_gets_a_space(sign: str) -> None:
    task = HeldOutTask("1", Record("Write.", "x"))
    data, _ = blind_sheet([task], [Contender("m", (Answer("1", f"{sign}1"),))], seed=0)
    assert f'" {sign}1"' in data.decode("utf-8-sig")


@pytest.mark.parametrize(("length", "cut"), [(32_000, ""), (32_001, " [cut: 32,001 characters]")])
def test_a_cell_is_cut_beyond_the_limit(length: int, cut: str) -> None:
    task = HeldOutTask("1", Record("Write.", "x"))
    data, _ = blind_sheet([task], [Contender("m", (Answer("1", "a" * length),))], seed=0)
    row = next(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")))
    assert row["answer"] == "a" * 32_000 + cut


def test_a_fault_says_what_is_wrong_and_quotes_a_part() -> None:
    _, key = blind_sheet(TASKS, CONTENDERS, seed=5)
    item, sheet = key.items[0].item, key.sheet
    for row, message in (
        (",A", "this row has no item"),
        (f"{'x' * 50},A", f"'{'x' * 40}' is of another sheet; this key is of sheet {sheet}"),
        (f"{sheet}-{'9' * 50},A", f"there is no item '{sheet}-{'9' * 33}' in this sheet"),
        (f"{item},{'x' * 30}", f"'{'X' * 20}' is no rating; it is A, B, C or D, or empty"),
        (f"{item},A\n{item},A", f"the item {item!r} is here twice"),
    ):
        with pytest.raises(InvalidInput) as caught:
            read_sheet(f"item,rating\n{row}\n".encode(), key, "ann")
        assert [fault.message for fault in caught.value.faults] == [message]


def test_a_hundred_faults_are_reported_and_notes_are_kept() -> None:
    _, key = blind_sheet(TASKS, CONTENDERS, seed=5)
    assert len(faults_of(b"item,rating\n" + b"x,A\n" * 101, key)) == 100
    item = key.items[0].item
    review = read_sheet(f"Item , RATING,note\n {item} ,b., good \n".encode(), key, "ann")
    assert (review.reviewer, review.unrated, review.ratings[0].note) == ("ann", 39, "good")
    assert review.ratings[0].level == "B"
    assert read_sheet(f"item,rating\n{item},A\n".encode(), key, "ann").ratings[0].note == ""
