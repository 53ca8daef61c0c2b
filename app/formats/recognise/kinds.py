"""Kinds of files, known by their first bytes: what is no text is named, with the way to read it."""

import codecs
import re

from app.errors import Fault, InvalidInput

PARQUET = b"PAR1"
HEAD_BYTES = 4096
_UNPACK = "unpack it and import the file in it"
# In this order: the first that fits.
_KINDS: tuple[tuple[bytes, str], ...] = (
    (b"\x1f\x8b", "it is gzip within gzip; unpack it once (gunzip FILE)"),
    (b"\x28\xb5\x2f\xfd", f"it is compressed by Zstandard; {_UNPACK} (zstd -d FILE)"),
    (b"\xfd7zXZ\x00", f"it is compressed by xz; {_UNPACK} (unxz FILE)"),
    (b"\x5d\x00\x00", f"it is compressed by LZMA; {_UNPACK} (unlzma FILE)"),
    (b"BZh", f"it is compressed by bzip2; {_UNPACK} (bunzip2 FILE)"),
    (b"7z\xbc\xaf\x27\x1c", f"it is a 7-Zip archive; {_UNPACK} (7z x FILE)"),
    (b"Rar!\x1a\x07", f"it is a RAR archive; {_UNPACK} (unrar x FILE)"),
    (b"\x04\x22\x4d\x18", f"it is compressed by LZ4; {_UNPACK} (lz4 -d FILE)"),
    (b"LZIP", f"it is compressed by lzip; {_UNPACK} (lzip -d FILE)"),
    (b"\x1f\x9d", f"it is compressed by compress; {_UNPACK} (uncompress FILE)"),
    (b"\xff\x06\x00\x00sNaPpY", f"it is compressed by Snappy; {_UNPACK}"),
    (b"ARROW1", "it is an Arrow (Feather) file; write it as Parquet (pandas: to_parquet)"),
    (b"FEA1", "it is a Feather file; write it as Parquet (pandas: to_parquet)"),
    (b"\xff\xff\xff\xff", "it is an Arrow stream; write it as Parquet (datasets: to_parquet)"),
    (b"ORC", "it is an ORC file; write it as Parquet (pandas: to_parquet)"),
    (b"Obj\x01", "it is an Avro file; write it as Parquet or JSON lines"),
    (b"SQLite format 3\x00", "it is an SQLite database; write its table as CSV or JSON"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "it is a workbook (.xls); save its sheet as CSV UTF-8"),
    (b"%PDF", "it is a PDF; a data set needs rows, such as JSON or CSV"),
    (b"{\\rtf", "it is a text document (RTF); a data set needs rows, such as JSON or CSV"),
    (b"\x93NUMPY", "it is a NumPy array; write its rows as JSON lines"),
    (b"\x89HDF", "it is an HDF5 file; write it as Parquet (pandas: to_parquet)"),
    (b"\x89PNG", "it is an image"),
    (b"\xff\xd8\xff", "it is an image"),
    (b"GIF8", "it is an image"),
    (b"GGUF", "it is a model, not data"),
    (
        b"version https://git-lfs.github.com/spec/",
        "it is a pointer of Git LFS, not the file; fetch the file (git lfs pull)",
    ),
)
_PICKLE = re.compile(rb"\x80[\x02-\x05]")
_BZIP2 = re.compile(rb"BZh[1-9](?:1AY&SY|\x17\x72\x45)")
_MARKUP = re.compile(rb"[ \t\r\n]*<(?:!doctype|html|head|body|\?xml|!--)", re.IGNORECASE)
_JSON = re.compile(rb'[ \t\r\n]*(?:\[[ \t\r\n]*)?\{[ \t\r\n]*"')
_TAR = slice(257, 262)
_IN_WORKBOOK = (b"[Content_Types].xml", b"xl/", b"mimetypeapplication/vnd.oasis.opendocument")
_WORKBOOK = "it is a workbook or document (.xlsx, .ods, .docx); save its sheet as CSV UTF-8"
_ENCODINGS: tuple[tuple[bytes, str], ...] = (
    (codecs.BOM_UTF32_LE, "UTF-32"),
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)
_LEAST_ZEROS = 4
_TEXT_KINDS: tuple[tuple[re.Pattern[bytes], str], ...] = (
    (
        re.compile(rb"//|/\*|#[^,;|\t\r\n]*\r?\n"),
        "it begins with a comment or a heading; remove it",
    ),
    (
        re.compile(rb"\|[^\r\n]*\|[ \t]*\r?\n[ \t]*\|[ :|-]*-[ :|-]*\|"),
        "it is a Markdown table; write it as CSV",
    ),
    (
        re.compile(
            rb"---[ \t]*\r?\n|- [\w ]{1,60}:(?:[ \t]|\r?\n)|[\w ]{1,60}:[ \t]*\r?\n[ \t]*- "
        ),
        "it is YAML; write its rows as JSON lines",
    ),
)
_MOST_ZEROS = 0.4
"""Of the bytes of a text in UTF-8, none is zero; of ASCII text in UTF-16, half are."""


def refuse_other_kinds(head: bytes) -> None:
    """Check that a file is text in UTF-8, or Parquet.

    Args:
        head: its first `HEAD_BYTES`.

    Raises:
        InvalidInput: it is something else, or text in another encoding.
    """
    what = _encoding(head) or _kind(head)
    if what is not None:
        raise InvalidInput("The file cannot be read as it is.", [Fault(what)])


def refuse_other_format(head: bytes, name: str) -> None:
    """Check that a file is not one that only other formats read.

    Args:
        head: its first `HEAD_BYTES`.
        name: of the format.

    Raises:
        InvalidInput: it is; names the format that reads it.
    """
    what = None
    if head.startswith(PARQUET) and len(head) > len(PARQUET) and name != "parquet":
        what = "it is a Parquet file; leave out --format (format), or give parquet"
    if name == "csv" and _JSON.match(head.removeprefix(codecs.BOM_UTF8)):
        what = "it is JSON; leave out --format (format), or give a format of JSON"
    if what is not None:
        raise InvalidInput(f"The file has another format than {name}.", [Fault(what)])


def text_kind(head: bytes) -> str | None:
    """Return the words for a text that looks like no CSV; None: it may be CSV."""
    text = head.removeprefix(codecs.BOM_UTF8).lstrip()
    return next((what for pattern, what in _TEXT_KINDS if pattern.match(text)), None)


def begins_as_json(head: bytes) -> bool:
    """Return True when a text begins as a JSON object or list."""
    return head.removeprefix(codecs.BOM_UTF8).lstrip(b" \t\r\n")[:1] in (b"{", b"[")


def _kind(head: bytes) -> str | None:
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        is_workbook = any(name in head for name in _IN_WORKBOOK)
        return _WORKBOOK if is_workbook else f"it is a ZIP archive; {_UNPACK} (unzip FILE)"
    for begins, what in _KINDS:
        if head.startswith(begins) and (begins != b"BZh" or _BZIP2.match(head)):
            return what
    if head[_TAR] == b"ustar":
        return f"it is a tar archive; {_UNPACK} (tar -xf FILE)"
    if _PICKLE.match(head):
        return "it is a Python pickle, which is never loaded; write its rows as JSON lines"
    is_markup = _MARKUP.match(head.removeprefix(codecs.BOM_UTF8))
    return "it is a web page or XML; a data set needs rows, such as JSON" if is_markup else None


def _encoding(head: bytes) -> str | None:
    for mark, name in _ENCODINGS:
        if head.startswith(mark):
            return _in_encoding(name)
    some = head[:400]
    if not some or some.startswith(PARQUET):
        return None
    if _is_utf16(some):
        return _in_encoding("UTF-16")
    return _by_zeros(some) if some.count(0) >= _MOST_ZEROS * len(some) else None


def _by_zeros(some: bytes) -> str | None:
    """Return the words for ASCII text that is encoded in two or four bytes a character."""
    for name, step in (("UTF-32", 4), ("UTF-16", 2)):
        # Of a character of ASCII, all bytes but one are zero: the first one or the last one.
        for place in (0, step - 1):
            texts = some[place::step]
            if 0 not in texts and some.count(0) >= len(some) - len(texts) - step:
                return _in_encoding(name)
    return None


def _is_utf16(some: bytes) -> bool:
    """Return True for text in UTF-16 that begins with ASCII, whatever its other letters are."""
    halves = [some[0::2].count(0), some[1::2].count(0)]
    return max(halves) >= _LEAST_ZEROS and min(halves) == 0 and 0 in some[:2]


def _in_encoding(name: str) -> str:
    return f"it is {name}; write it as UTF-8 (iconv -f {name} -t UTF-8 FILE)"
