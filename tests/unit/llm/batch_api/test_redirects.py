"""Redirects of the Batch API: a POST never becomes a GET."""

import pytest

from app.errors import RunError
from app.llm.batch_api.batches import BatchEndpoint
from tests.unit.llm.batch_stand_in import KEY, named
from tests.unit.llm.test_connections import http, raw_server


@pytest.mark.parametrize("status", [301, 302, 303])
def test_a_post_that_would_become_a_get_is_reported_as_a_redirect(status: int) -> None:
    def answer(request: bytes) -> bytes:
        if request.startswith(b"POST"):
            return http(b"", f"{status} Moved", "Location: /v2/files")
        return http(b'{"object": "list", "data": [], "has_more": false}')

    with raw_server(answer) as server:
        address = f"http://127.0.0.1:{server.port}"
        with (
            BatchEndpoint(f"{address}/v1", KEY, "model-a", 5) as endpoint,
            pytest.raises(RunError) as refused,
        ):
            endpoint.submit("b1", named("a"))
        assert [r.split(b" ")[:2] for r in server.requests if b"/v2" in r.split(b"\r\n")[0]] == []
    assert f"moved to {address}/v2" in str(refused.value)
    assert "OPENAI_BASE_URL" in str(refused.value)
