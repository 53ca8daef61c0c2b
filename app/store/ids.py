"""Identifiers: readable, unique, and sorted by the time they were made."""

import secrets
import time


def may_be_id(text: str) -> bool:
    """Return True when a text can be looked up; databases refuse some characters with an error."""
    return text.isascii() and text.isprintable()


def new_id(kind: str) -> str:
    """Make an identifier such as ``run_0190f2a4c1d35f0a9b2c4d``."""
    return f"{kind}_{time.time_ns() // 1_000_000:012x}{secrets.token_hex(5)}"
