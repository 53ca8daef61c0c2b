"""Which scope a request needs."""

import pytest

from app.api.security.access import needed_scope
from app.services.access.api_keys import Scope


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
@pytest.mark.parametrize("path", ["/v1/runs", "/v1/training-jobs/t", "/anything", "/", "/metrics"])
def test_looking_needs_read_everywhere(method: str, path: str) -> None:
    assert needed_scope(method, path) is Scope.READ


@pytest.mark.parametrize(
    ("path", "scope"),
    [
        ("/v1/runs", Scope.RUN),
        ("/v1/runs/run_1/cancel", Scope.RUN),
        ("/v1/seed-sets", Scope.RUN),
        ("/v1/training-jobs", Scope.TRAIN),
        ("/v1/training-jobs/job_1/cancel", Scope.TRAIN),
    ],
)
def test_changing_needs_the_scope_of_what_is_changed(path: str, scope: Scope) -> None:
    assert needed_scope("POST", path) is scope


@pytest.mark.parametrize("path", ["/v1/runs-of-others", "/v1", "//v1/runs", "/v1/RUNS", "/"])
@pytest.mark.parametrize("method", ["POST", "DELETE", "get", ""])
def test_what_the_table_does_not_name_needs_all(method: str, path: str) -> None:
    assert needed_scope(method, path) is Scope.ADMIN
