"""The API as clients see it: paths, statuses, media types, fields and limits.

`openapi.json` is the document without its texts for people. After a wanted change, write it anew:
``python -m tests.unit.api.test_openapi``.
"""

import json
from pathlib import Path
from typing import Any

from app.api.application import build_api
from app.api.context import ApiContext
from app.services.context import ServiceContext
from app.store.database import Database

_GOLDEN = Path(__file__).with_name("openapi.json")
_TEXTS = {"description", "summary", "title"}


def _without_texts(part: Any) -> Any:
    match part:
        case dict():
            return {
                key: _without_texts(value)
                for key, value in part.items()
                if not (key in _TEXTS and isinstance(value, str))
            }
        case list():
            return [_without_texts(one) for one in part]
        case _:
            return part


def _document() -> dict[str, Any]:
    context = ServiceContext(
        database=Database("sqlite://"),
        endpoints=[],
        default_model=None,
        concurrency=1,
        slice_s=1.0,
        lease_s=1.0,
    )
    api = build_api(ApiContext(context, send=lambda _: None, broker_trouble=lambda: None))
    context.close()
    document: dict[str, Any] = api.openapi()
    return document


def test_the_document_describes_the_agreed_api() -> None:
    golden = json.loads(_GOLDEN.read_text(encoding="utf-8"))
    assert _without_texts(_document()) == golden


def test_every_operation_is_described_and_tagged() -> None:
    document = _document()
    assert document["info"]["title"] == "Seedbed"
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            assert operation["tags"], (method, path)
            assert operation["description"], (method, path)


if __name__ == "__main__":
    text = json.dumps(_without_texts(_document()), indent=1, ensure_ascii=False, sort_keys=True)
    _GOLDEN.write_text(f"{text}\n", encoding="utf-8")
