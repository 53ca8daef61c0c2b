"""The index as bytes, to hand to another process or to keep.

Only what can't be computed again is in it: signatures and postings are made when it is read.
"""

import json
import zlib
from array import array
from typing import NamedTuple, cast

import numpy as np

from app.similarity.tokenizers import TOKENIZERS, TokenizerName

_MAGIC = b"seedbed-similarity-1\n"


class Snapshot(NamedTuple):
    """The contents of an index."""

    tokenizer: TokenizerName
    threshold: float
    inclusive: bool
    vocabulary: list[str]
    tokenless: dict[str, list[int]]
    """The entries without tokens, by folded text."""
    lengths: list[int]
    """The number of tokens of each entry."""
    tokens: "array[int]"
    """The token ids of all entries, one entry after the other."""


def pack(snapshot: Snapshot) -> bytes:
    """Return a snapshot as compressed bytes, the same on every machine."""
    header = json.dumps([*snapshot[:5], len(snapshot.lengths)]).encode()
    numbers = (np.asarray(each, "<u4").tobytes() for each in (snapshot.lengths, snapshot.tokens))
    return _MAGIC + zlib.compress(b"".join([header, b"\n", *numbers]), level=1)


def unpack(data: bytes) -> Snapshot:
    """Return what `pack` was given.

    Raises:
        ValueError: These are not the bytes of a whole snapshot of this version.
    """
    if not data.startswith(_MAGIC):
        raise ValueError("not a snapshot of a similarity index, or of another version")
    try:
        header, _, packed = zlib.decompress(data[len(_MAGIC) :]).partition(b"\n")
        tokenizer, threshold, inclusive, vocabulary, tokenless, count = json.loads(header)
        numbers = np.frombuffer(packed, "<u4")
    except (zlib.error, ValueError, TypeError) as error:
        raise ValueError("the snapshot of the similarity index is damaged") from error
    lengths, tokens = numbers[:count].tolist(), array("I", numbers[count:].tolist())
    whole = (
        tokenizer in TOKENIZERS
        and sum(lengths) == len(tokens)
        and max(tokens, default=-1) < len(vocabulary)
    )
    if not whole:
        raise ValueError("the snapshot of the similarity index is damaged")
    # The membership test above is what makes it one of the names.
    name = cast("TokenizerName", tokenizer)
    return Snapshot(name, threshold, inclusive, vocabulary, tokenless, lengths, tokens)
