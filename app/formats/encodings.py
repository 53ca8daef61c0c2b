"""Encodings of texts that are not UTF-8: the most likely one, and the command that converts it.

Nothing is converted here: a wrong guess would turn a text into other letters without a trace.
"""

import codecs
import re
from collections.abc import Callable

_RUN = re.compile(rb"[\x80-\xff]+")
_LOOKED_AT = 16 * 1024
_SHORT_RUN = 1.6
"""Letters with accents stand alone among others; those of other scripts stand together."""
_MOST = 0.6
# In Windows-1252 these are quotes, dashes and signs, which are common; its others there are not.
_TYPOGRAPHY = frozenset(b"\x80\x82\x84\x85\x91\x92\x93\x94\x95\x96\x97\x99")
_KANA = ("\u3040", "\u30ff")
_HANGUL = ("\uac00", "\ud7a3")
_HAN = ("\u4e00", "\u9fff")


def encoding_hint(data: bytes) -> str:
    """Return the words for bytes that are not UTF-8; empty when most of them are.

    Args:
        data: some bytes around the place that is not UTF-8.
    """
    data = data[:_LOOKED_AT]
    right = sum(1 for mark in data.decode("utf-8", "ignore") if mark > "\x7f")
    if right > data.decode("utf-8", "replace").count("\ufffd"):
        return ""
    name = _likely(data)
    if name is None:
        return "; write the file as UTF-8 (iconv -f ENCODING -t UTF-8 FILE)"
    return f"; most likely it is {name}: write the file as UTF-8 (iconv -f {name} -t UTF-8 FILE)"


def _likely(data: bytes) -> str | None:
    runs = _RUN.findall(data)
    high = b"".join(runs)
    if not high:
        return None
    if len(high) / len(runs) < _SHORT_RUN:
        strange = sum(1 for code in high if 0x80 <= code <= 0x9F and code not in _TYPOGRAPHY)
        return "MACINTOSH" if strange > len(high) / 2 else "WINDOWS-1252"
    return next((name for name, fits in _CANDIDATES if fits(data, high)), None)


def _in_script(codec: str, script: tuple[str, str], most: float) -> Callable[[bytes, bytes], bool]:
    """Return a test: decoded by the codec, so large a part of the letters is of a script."""

    def fits(data: bytes, _high: bytes) -> bool:
        try:
            text = codecs.getincrementaldecoder(codec)().decode(data)
        except UnicodeDecodeError:
            return False
        others = [mark for mark in text if mark > "\x7f"]
        of_script = sum(1 for mark in others if script[0] <= mark <= script[1])
        return bool(others) and of_script >= most * len(others)

    return fits


def _mostly(first: int, last: int) -> Callable[[bytes, bytes], bool]:
    """Return a test: most of the bytes beyond ASCII are between these."""
    return lambda _data, high: sum(first <= code <= last for code in high) > _MOST * len(high)


# In this order: the first that fits. In Cyrillic most letters are small, in Chinese text few kana.
_CANDIDATES: tuple[tuple[str, Callable[[bytes, bytes], bool]], ...] = (
    ("EUC-JP", _in_script("euc_jp", _KANA, 0.3)),
    ("SHIFT_JIS", _in_script("shift_jis", _KANA, 0.3)),
    ("WINDOWS-1251", _mostly(0xE0, 0xFF)),
    ("EUC-KR", _in_script("euc_kr", _HANGUL, 0.8)),
    ("GB18030", _in_script("gb2312", _HAN, 0.6)),
    ("KOI8-R", _mostly(0xC0, 0xDF)),
    ("BIG5", _in_script("big5", _HAN, 0.6)),
)
