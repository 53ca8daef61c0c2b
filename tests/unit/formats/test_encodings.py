"""Texts that are not UTF-8: the likely encoding is named with the command, and none is guessed."""

import io
import json

import pytest

from app.dataset_row import Unreadable
from app.errors import InvalidInput
from app.formats.encodings import encoding_hint
from app.formats.formats import FORMATS
from app.formats.options import READ_PLAINLY
from app.formats.recognise.recognise import format_of
from tests.unit.formats.making import read

# The name, the codec, a text as people write it.
TEXTS: list[tuple[str, str, str]] = [
    (
        "WINDOWS-1252",
        "cp1252",
        "Où est la gare ? Elle est à côté du café, déjà fermé. Ça coûte 5 €.",
    ),
    ("WINDOWS-1252", "latin-1", "Schreibe eine Begrüßung für Gäste aus Österreich."),
    ("WINDOWS-1252", "cp1252", "\u201cQuote\u201d \u2013 it\u2019s naïve\u2026"),
    ("MACINTOSH", "mac_roman", "Où est la gare ? Elle est à côté du café, déjà fermé."),
    ("WINDOWS-1251", "cp1251", "Напиши короткое приветствие для гостей из Москвы."),
    ("KOI8-R", "koi8_r", "Напиши короткое приветствие для гостей из Москвы."),
    ("SHIFT_JIS", "shift_jis", "東京から来たお客様への短い挨拶を書いてください。"),
    ("EUC-JP", "euc_jp", "東京から来たお客様への短い挨拶を書いてください。"),
    ("EUC-KR", "euc_kr", "서울에서 온 손님들에게 짧은 인사말을 써 주세요."),
    ("GB18030", "gbk", "请为来自北京的客人写一段简短的问候语。"),
    ("BIG5", "big5", "請為來自臺北的客人寫一段簡短的問候語。"),
]


@pytest.mark.parametrize(("name", "codec", "text"), TEXTS)
def test_the_likely_encoding_is_named_with_the_command(name: str, codec: str, text: str) -> None:
    rows = [{"instruction": text, "output": text}]
    for data in (json.dumps(rows, ensure_ascii=False), f'instruction,output\n"{text}",x\n'):
        encoded = data.encode(codec)
        chosen = FORMATS["alpaca" if data.startswith("[") else "csv"]
        (row,) = read(chosen, encoded)
        assert isinstance(row, Unreadable)
        assert row.reason == "not_utf8"
        assert f"(iconv -f {name} -t UTF-8 FILE)" in row.detail
    with pytest.raises(InvalidInput, match="No row") as refused:
        format_of(io.BytesIO(json.dumps(rows, ensure_ascii=False).encode(codec)), READ_PLAINLY)
    assert f"iconv -f {name}" in refused.value.faults[0].message
    header = f'instruction,output,"{text}"\nq,a,x\n'.encode(codec)
    with pytest.raises(InvalidInput) as refused:
        format_of(io.BytesIO(header), READ_PLAINLY)
    assert f"iconv -f {name}" in refused.value.faults[0].message


def test_a_broken_byte_in_a_text_of_utf8_names_no_other_encoding() -> None:
    assert encoding_hint("Grüße aus Österreich ".encode() + b"\xff") == ""
    assert "ENCODING" in encoding_hint(bytes(range(0x80, 0x100)) * 2)


def test_utf16_is_named_without_a_mark_whatever_its_letters() -> None:
    rows = json.dumps([{"instruction": "请写问候语" * 30, "output": "好" * 60}], ensure_ascii=False)
    for codec in ("utf-16-le", "utf-16-be"):
        with pytest.raises(InvalidInput) as refused:
            format_of(io.BytesIO(rows.encode(codec)), READ_PLAINLY)
        assert "UTF-16" in refused.value.faults[0].message


# Text, and what is said of it.
OTHER_TEXTS: list[tuple[bytes, str]] = [
    (b'// my rows\n{"instruction": "q", "output": "a"}\n', "comment"),
    (b'/* my rows */\n[{"instruction": "q", "output": "a"}]\n', "comment"),
    (b'# my rows\n{"instruction": "q", "output": "a"}\n', "comment"),
    (b'[\n// first\n{"instruction": "q", "output": "a"}]', "not_json"),
    (b"{'instruction': 'q', 'output': 'a'}\n", "Python"),
    (b"[{'instruction': 'q', 'output': None}]", "Python"),
    (b"- instruction: q\n  output: a\n", "YAML"),
    (b"---\ninstruction: q\n", "YAML"),
    (b"rows:\n  - instruction: q\n    output: a\n", "YAML"),
    (b"| instruction | output |\n|---|---|\n| q | a |\n", "Markdown table"),
    (b"instruction,output\rq,a\r", "CR alone"),
    (b'{"instruction": "a\tb", "output": "x"}\n', "control character"),
]


@pytest.mark.parametrize(("data", "words"), OTHER_TEXTS)
def test_other_texts_are_named(data: bytes, words: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        format_of(io.BytesIO(data), READ_PLAINLY)
    assert words in refused.value.faults[0].message


def test_csv_that_looks_a_little_like_another_text_is_read() -> None:
    for data in (b"#,instruction,output\n1,q,a\n", b"|instruction|output\n|q|a\n"):
        assert format_of(io.BytesIO(data), READ_PLAINLY) == "csv"
