"""How numbers and foreign texts are written."""

import pytest

from app.reports.wording import cut, money, number, one_line, ratio, share, shown, size


def test_numbers_are_written_as_people_do() -> None:
    assert (number(52_002), number(15.94), number(None)) == ("52,002", "15.9", "unknown")
    assert [money(each) for each in (None, 0, 1234.5, 0.038, 0.00002)] == [
        "unknown", "$0.00", "$1,234.50", "$0.038", "$2.0e-05",
    ]  # fmt: skip
    assert [size(each) for each in (12, 4_200, 22_345_678)] == ["12 bytes", "4.2 kB", "22.3 MB"]
    assert ratio(0.705) == "0.70"


@pytest.mark.parametrize(
    ("value", "written"),
    [(0, "0.0 %"), (1e-5, "under 0.1 %"), (0.14, "14.0 %"), (0.99999, "99.9 %"), (1, "100.0 %")],
)
def test_a_little_is_not_none_and_nearly_all_is_not_all(value: float, written: str) -> None:
    assert share(value) == written


def test_what_cannot_be_shown_is_replaced_and_direction_marks_go() -> None:
    assert shown("a\x00b\ud800\u202ec\n\t") == "a\ufffdb\ufffdc\n\t"


def test_a_line_is_cut_by_its_width() -> None:
    assert one_line("a  b\nc", 10) == "a b c"
    assert one_line("abcdefgh", 4) == "abc…"
    assert one_line("数据集数据集", 6) == "数据…"
    assert one_line("e\u0301" * 4, 4) == "e\u0301" * 4
    assert len(one_line("w " * 10_000, 30)) <= 31


def test_a_cut_text_keeps_its_lines_and_does_not_end_in_a_joiner() -> None:
    assert cut("a\nb", 9) == "a\nb"
    assert cut("ab👩\u200d👩!", 5) == "ab👩…"
