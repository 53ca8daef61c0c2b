"""Text without API keys and tokens, for logs and for answers that quote an address."""

import re

_HIDDEN = "***"
# The names as they are, or with letters percent-encoded. `token` and `key` also end longer names.
_PARAMETER = re.compile(
    r"([?&;](?:[\w.%-]*(?:key|token|secret|password|signature|authorization))=)[^&;#\s\"'<>\\]+",
    re.IGNORECASE,
)
_BEARER = re.compile(r"(authorization[\"']?\s*[:=]\s*[\"']?(?:bearer|basic)\s+)[^\s\"',]+", re.I)
# Without the scheme before it: looking for where one begins takes the square of a text's length.
_USER = re.compile(r"(://[^/\s:@]*:)[^/\s@]+(?=@)")
_OUR_KEY = re.compile(r"(sb_(?:[0-9a-f]{4}(?=[0-9a-f]{18}_)|local(?=_)))[0-9a-f]*_[0-9a-f]{64}")


def without_keys(text: str) -> str:
    """Hide keys: in the query of an address, in its user part, in a header, and ours anywhere."""
    text = _PARAMETER.sub(rf"\1{_HIDDEN}", text)
    text = _BEARER.sub(rf"\1{_HIDDEN}", text)
    text = _USER.sub(rf"\1{_HIDDEN}", text)
    return _OUR_KEY.sub(rf"\1{_HIDDEN}", text)
