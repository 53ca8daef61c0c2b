"""Replies of things that serve no model: health pages, lists of models, welcome messages.

A wrong OPENAI_BASE_URL often leads to a path that answers everything with status 200.
"""

import re

from app.llm.json_fields import JsonObject

_FINE = re.compile(
    r"^\W*(ok|okay|healthy|up|running|alive|ready|success|pong|hello|online|pass|true)\W*$"
    r"|\b(welcome|is running|is healthy|is up|up and running|service is|hello)\b",
    re.IGNORECASE,
)
_ABOUT = {"status", "version", "name", "uptime", "info", "docs", "description", "title", "service"}
_MOST_FIELDS = 8


def serves_no_model(reply: JsonObject) -> bool:
    """Return True when a reply without choices shows that no model answers at this address."""
    if "choices" in reply or len(reply) > _MOST_FIELDS:
        return False
    if reply.get("object") == "list" or isinstance(reply.get("models"), list):
        return True
    texts = [value for value in reply.values() if isinstance(value, str)]
    is_about = bool(reply) and set(reply) <= _ABOUT
    return is_about or any(_FINE.search(text) for text in texts) or reply.get("ok") is True
