"""The rules of API keys: the scope that each operation needs, and whose things it may change.

A key changes and deletes only what it made; a key with the scope `admin` changes everything. What
was made without a key belongs to nobody, so only `admin` changes it. Every key may read everything.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy.orm import Session
from starlette.routing import compile_path

from app.api.security.loopback import READING_METHODS
from app.services.access.key_form import Scope
from app.store.access import makers
from app.store.access.makers import Makers


@dataclass(frozen=True, slots=True)
class Rule:
    """The rule of one operation."""

    scope: Scope
    makers: Callable[[Session, Mapping[str, str]], Makers | None] | None = None
    """Returns the makers of the thing that the path names; None: the operation changes nothing that
    is there."""


RULES: Mapping[tuple[str, str], Rule] = {
    ("POST", "/v1/seed-sets"): Rule(Scope.RUN),
    ("POST", "/v1/runs"): Rule(Scope.RUN),
    ("POST", "/v1/runs/{run_id}/extend"): Rule(Scope.RUN, makers.of_run),
    ("POST", "/v1/runs/{run_id}/cancel"): Rule(Scope.RUN, makers.of_run),
    ("POST", "/v1/runs/{run_id}/pause"): Rule(Scope.RUN, makers.of_run),
    ("POST", "/v1/runs/{run_id}/resume"): Rule(Scope.RUN, makers.of_run),
    ("POST", "/v1/runs/{run_id}/batches/stop"): Rule(Scope.RUN, makers.of_run),
    ("POST", "/v1/datasets"): Rule(Scope.RUN),
    ("POST", "/v1/datasets/import"): Rule(Scope.RUN),
    ("DELETE", "/v1/datasets/{dataset_id}"): Rule(Scope.RUN, makers.of_dataset),
    # Whoever made it: publishing is the whole right that this scope gives.
    ("POST", "/v1/datasets/{dataset_id}/push"): Rule(Scope.PUBLISH),
    ("POST", "/v1/training-jobs"): Rule(Scope.TRAIN),
    ("POST", "/v1/evaluations"): Rule(Scope.TRAIN),
    ("POST", "/v1/training-jobs/{job_id}/cancel"): Rule(Scope.TRAIN, makers.of_job),
    ("POST", "/v1/training-jobs/{job_id}/resume"): Rule(Scope.TRAIN, makers.of_job),
    ("DELETE", "/v1/training-jobs/{job_id}/outputs"): Rule(Scope.TRAIN, makers.of_job),
    # The first sheet of a person is new; people review what others trained.
    ("PUT", "/v1/training-jobs/{job_id}/reviews/{reviewer}"): Rule(Scope.TRAIN, makers.of_review),
    ("DELETE", "/v1/training-jobs/{job_id}/reviews/{reviewer}"): Rule(
        Scope.TRAIN, makers.of_review
    ),
}
"""Every operation that changes something, by method and path; what is missing needs `admin`."""
_READ = Rule(Scope.READ)
_UNKNOWN = Rule(Scope.ADMIN)
_PATTERNS = [(method, compile_path(path)[0], rule) for (method, path), rule in RULES.items()]


class Found(NamedTuple):
    """The rule of a request, and the names in its path."""

    rule: Rule
    names: Mapping[str, str]


def rule_of(method: str, path: str) -> Found:
    """Return the rule for a method on a path."""
    if method in READING_METHODS:
        return Found(_READ, {})
    # The router redirects a path with a slash at its end to the one without.
    plain = path.removesuffix("/")
    for its_method, pattern, rule in _PATTERNS:
        if its_method == method and (match := pattern.match(plain)):
            return Found(rule, match.groupdict())
    return Found(_UNKNOWN, {})
