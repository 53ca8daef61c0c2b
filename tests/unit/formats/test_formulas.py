"""CSV for spreadsheets: a cell that could run as a formula is guarded when asked for."""

import io

from app.dataset_row import Record
from app.formats.comma_separated import write_csv
from app.formats.options import WRITTEN_PLAINLY, CsvOptions


def _written(options: CsvOptions | None) -> list[str]:
    starts = ("=1+1", "+1", "-1", "@A1", "\tx", "\rx", "\uff1d1", "a=1", "")
    sink = io.BytesIO()
    records = [Record(start or "x", start, start or "x") for start in starts]
    write_csv(records, sink, options or WRITTEN_PLAINLY)
    return sink.getvalue().decode().split("\n")


def test_cells_that_begin_like_a_formula_get_an_apostrophe() -> None:
    plain, guarded = _written(None), _written(CsvOptions(formulas="guarded"))
    assert plain == _written(CsvOptions())
    assert plain[1] == '"=1+1","=1+1","=1+1"'
    assert guarded[1] == '"\'=1+1","\'=1+1","\'=1+1"'
    assert all(row.startswith("\"'") for row in guarded[1:8])
    assert guarded[8:] == plain[8:]


def test_the_two_forms_are_different_files() -> None:
    assert CsvOptions().file_part == ""
    assert CsvOptions(formulas="guarded").file_part == "guarded"
    both = CsvOptions(formulas="guarded", classification_column=True)
    assert both.file_part == "classification.guarded"
