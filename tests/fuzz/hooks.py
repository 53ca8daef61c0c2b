"""Hooks of schemathesis: most generated requests name things that exist, so they get past 404.

Loaded by its command line (``SCHEMATHESIS_HOOKS``), in a process of its own.
"""

import json
import os
import zlib
from typing import Any

import schemathesis
from schemathesis.core.parameters import ParameterLocation
from schemathesis.generation import GenerationMode

IDS: dict[str, list[str]] = json.loads(os.environ.get("SEEDBED_FUZZ_IDS", "{}"))
"""Values of path parameters by name."""


@schemathesis.serializer("application/jsonl", "text/csv")
def as_text(_: schemathesis.SerializationContext, value: Any) -> bytes:
    """Send a generated text as it is."""
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogatepass")


@schemathesis.hook
def before_call(
    _: schemathesis.HookContext, case: schemathesis.Case[Any], __: dict[str, Any]
) -> None:
    """Put existing ids into most requests whose path is not meant to be wrong."""
    if case.query and "follow" in case.query and IDS:
        # A download that follows a run which no worker advances has no end; this one has.
        case.path_parameters["run_id"] = IDS["followed"][0]
        return
    if not case.path_parameters or _is_wrong_on_purpose(case):
        return
    drawn = zlib.crc32(repr((case.operation.label, case.path_parameters, case.query)).encode())
    if drawn % 5 == 0:
        return
    for name in case.path_parameters:
        if known := IDS.get(name):
            case.path_parameters[name] = known[drawn % len(known)]


def _is_wrong_on_purpose(case: schemathesis.Case[Any]) -> bool:
    part = None if case.meta is None else case.meta.components.get(ParameterLocation.PATH)
    return part is not None and part.mode is GenerationMode.NEGATIVE
