"""Push of a folder to the Hugging Face hub as one commit: all files or none.

Needs the extra ``hub``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import httpx2

from app.errors import ConfigurationError, Conflict, Fault, HubError, InvalidInput, SeedbedError

_LONGEST_REASON = 300


@dataclass(frozen=True, slots=True)
class HubRepository:
    """The repository to push to."""

    repo_id: str
    """Such as ``my-organisation/colours``."""
    token: str | None = field(repr=False)
    """With the right to write."""
    endpoint: str | None = None
    """Another hub than huggingface.co."""
    private: bool = True


@dataclass(frozen=True, slots=True)
class Pushed:
    """The result of a push."""

    url: str
    commit: str
    """The commit's id, by which this version can always be loaded."""


def push_folder(folder: Path, repository: HubRepository, message: str) -> Pushed:
    """Create the repository if it does not exist, and commit all files of the folder.

    What an earlier version had below ``data/`` and this one has not is deleted, so that nobody
    loads rows of both. Safe to repeat: files that the hub has already are not sent again.

    Raises:
        ConfigurationError: when the extra ``hub`` is not installed, or no token is set.
        InvalidInput: when the repository cannot have this name.
        Conflict: when there was another commit in the meantime.
        HubError: when the hub refuses, or does not answer.
    """
    if not repository.token:
        raise ConfigurationError("No token for the hub is set; a push needs one that may write.")
    try:
        from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi  # noqa: PLC0415 - an extra
        from huggingface_hub.errors import HFValidationError  # noqa: PLC0415 - an extra
        from huggingface_hub.utils.tqdm import disable_progress_bars  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise ConfigurationError(
            "Pushing to the hub needs the extra `hub`: pip install 'seedbed[hub]'."
        ) from error
    # They are for a terminal, and would fill a log.
    disable_progress_bars()
    files = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*"))}
    additions = [CommitOperationAdd(name, path) for name, path in files.items() if path.is_file()]
    api = HfApi(endpoint=repository.endpoint, token=repository.token)
    repo_id = repository.repo_id
    try:
        url = api.create_repo(
            repo_id, repo_type="dataset", private=repository.private, exist_ok=True
        )
        there = api.list_repo_files(repo_id, repo_type="dataset")
        stale = [name for name in there if name.startswith("data/") and name not in files]
        changes: list[CommitOperationAdd | CommitOperationDelete] = [*additions]
        changes += [CommitOperationDelete(name) for name in stale]
        done = api.create_commit(repo_id, changes, repo_type="dataset", commit_message=message)
    except HFValidationError as error:
        fault = Fault(_first_line(error), field="repo_id")
        raise InvalidInput(f"A repository cannot be called {repo_id!r}.", [fault]) from error
    # An upload's failure comes as a RuntimeError, a card that the hub refuses as a ValueError.
    except (httpx.HTTPError, httpx2.HTTPError, OSError, RuntimeError, ValueError) as error:
        raise _told(error, repository) from error
    return Pushed(str(url), done.oid)


_REFUSALS: Mapping[int, tuple[type[SeedbedError], str]] = {
    401: (HubError, "The hub does not accept the token ({status}); set another."),
    403: (HubError, "The token may not write to {repo} ({status}); it needs the right to."),
    404: (HubError, "The hub knows no {repo} for this token ({status})."),
    409: (Conflict, "{repo} was changed in the meantime ({status}); push again."),
    412: (Conflict, "{repo} was changed in the meantime ({status}); push again."),
    429: (HubError, "The hub asks to wait ({status}); push again later."),
}
_OWN_TROUBLE = (HubError, "The hub has trouble of its own ({status}); push again later.")
_ANY_OTHER = (HubError, "The hub refuses the folder ({status}).")


def _told(error: BaseException, repository: HubRepository) -> SeedbedError:
    """Say in our words what went wrong, and in the hub's why."""
    where = repository.endpoint or "https://huggingface.co"
    answer = _answer_behind(error)
    if answer is None:
        if isinstance(error, httpx.TransportError | httpx2.TransportError):
            return HubError(f"The hub at {where} does not answer: {_first_line(error)}.")
        return HubError(f"The hub at {where} did not take the folder: {_first_line(error)}")
    status, why = answer
    kind, text = _REFUSALS.get(status, _OWN_TROUBLE if status >= 500 else _ANY_OTHER)
    said = f" It says: {why}" if why else ""
    return kind(text.format(status=status, repo=repository.repo_id) + said)


def _answer_behind(error: BaseException | None) -> tuple[int, str] | None:
    """Find the answer that led to an error: its status, and what it says in its body."""
    while error is not None:
        response = getattr(error, "response", None)
        if isinstance(response, httpx.Response | httpx2.Response):
            said = getattr(error, "server_message", None) or ""
            return response.status_code, str(said)[:_LONGEST_REASON]
        error = error.__cause__
    return None


def _first_line(error: BaseException) -> str:
    lines = str(error).splitlines() or [type(error).__name__]
    return lines[0][:_LONGEST_REASON]
