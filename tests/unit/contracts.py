"""JSON Schemas as contracts: compared with a stored copy, without their texts for people.

After a wanted change, delete the stored copy and run the test once: it writes the new one and
fails, so that nothing passes unseen.
"""

import json
from pathlib import Path
from typing import Any

_TEXTS = {"description", "summary", "title"}


def without_texts(part: Any) -> Any:
    match part:
        case dict():
            return {
                key: without_texts(value)
                for key, value in part.items()
                if not (key in _TEXTS and isinstance(value, str))
            }
        case list():
            return [without_texts(one) for one in part]
        case _:
            return part


def stored_contract(path: Path, now: Any) -> Any:
    """Return the stored copy; where there is none, store `now` and fail."""
    if not path.is_file():
        text = json.dumps(now, indent=1, ensure_ascii=False, sort_keys=True)
        path.write_text(f"{text}\n", encoding="utf-8")
        raise AssertionError(f"{path.name} was written; look at it and run the test again")
    return json.loads(path.read_text(encoding="utf-8"))
