"""The form of an API key, and its rights; for programs that send a key but store none."""

import re
from enum import StrEnum

_FORM = re.compile(r"sb_[0-9a-f]{22}_[0-9a-f]{64}")


class Scope(StrEnum):
    """The rights of a key."""

    READ = "read"
    """Look at everything."""
    RUN = "run"
    """Make seed sets, runs and data sets; change and delete those that the key made; and read."""
    TRAIN = "train"
    """Make training jobs, evaluations and reviews; change and delete those that the key made; and
    read."""
    PUBLISH = "publish"
    """Read, and push any data set to the Hugging Face Hub."""
    ADMIN = "admin"
    """Everything, including changes to what other keys made."""


def is_key(text: str) -> bool:
    """Return True when a text has the form of a key, whether or not the key exists."""
    return _FORM.fullmatch(text) is not None
