"""Every operation of the OpenAPI document, asked in every way that a tool can think of.

Each caller sends correct and broken requests to every operation on both databases. No answer is a
server error, and each one has a status, a media type, headers and a body that the document
describes. The seed is fixed; see ``make fuzz``.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.services.access.key_form import Scope
from tests.fuzz.conftest import CALLERS, Target

pytestmark = [
    pytest.mark.fuzz,
    # The client of the hub uploads by a parameter whose name is old.
    pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning"),
]

_SEED = "7"
_CONFIG = Path(__file__).with_name("schemathesis.toml")
# Not `negative_data_rejection`: a number that is sent as a text, such as "5", is read, and a
# download ignores the options of other formats.
_CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
)


@pytest.mark.parametrize("caller", CALLERS, ids=str)
def test_every_answer_is_one_that_the_document_describes(
    target: Target, caller: Scope | None, tmp_path: Path
) -> None:
    key = [] if caller is None else ["--header", f"Authorization: Bearer {target.keys[caller]}"]
    command = [
        str(Path(sys.executable).with_name("schemathesis")),
        *("--config-file", str(_CONFIG)),
        "run",
        f"{target.url}/openapi.json",
        *("--checks", ",".join(_CHECKS)),
        *("--seed", _SEED, "--generation-deterministic"),
        *(
            "--max-examples",
            os.environ.get("N", "4"),
            "--phases",
            "examples,coverage,fuzzing,stateful",
        ),
        *("--continue-on-failure", "--no-shrink", "--request-timeout", "20", "--no-color"),
        *("--suppress-health-check", "all", "--warnings", "off"),
        *key,
    ]
    variables = {
        **os.environ,
        "SCHEMATHESIS_HOOKS": "tests.fuzz.hooks",
        "SEEDBED_FUZZ_IDS": json.dumps(target.ids),
        "PYTHONPATH": str(Path(__file__).resolve().parents[2]),
    }
    done = subprocess.run(
        command, check=False, cwd=tmp_path, env=variables, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-4_000:]
