"""A push to the hub: one commit of all files, and every refusal in words one can act on."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from app.dataset_row import Record, SplitName
from app.errors import ConfigurationError
from app.formats.hub.folder import FolderContent, write_hub_folder
from app.formats.hub.push import HubRepository, push_folder
from app.stack.ports import free_port
from tests.servers.hub import TOKEN, Hub, running_hub
from tests.unit.formats.child import Child, child
from tests.unit.formats.making import GOLDEN

REPO = "growers/colours"
_PUSH = """
from pathlib import Path
from app.errors import InvalidInput, SeedbedError
from app.formats.hub.push import HubRepository, push_folder
def answer(folder, repo_id, token, endpoint):
    try:
        pushed = push_folder(Path(folder), HubRepository(repo_id, token, endpoint), "Version 3")
    except SeedbedError as error:
        faults = [str(f) for f in error.faults] if isinstance(error, InvalidInput) else []
        return {"kind": type(error).__name__, "text": str(error), "faults": faults}
    return {"url": pushed.url, "commit": pushed.commit}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hub") / "colours"
    write_hub_folder(folder, FolderContent("colours", "# Colours\n", {"train": GOLDEN}))
    return folder


@pytest.fixture
def hub() -> Iterator[Hub]:
    with running_hub() as hub:
        yield hub


@pytest.fixture(scope="module")
def pusher(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Child]:
    """A process of its own: whether Xet is used is decided when the library is imported."""
    environment = {
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_OFFLINE": "0",
        "HF_HOME": str(tmp_path_factory.mktemp("home")),
        "NO_PROXY": "127.0.0.1",
    }
    with child(_PUSH, environment) as running:
        yield running


Push: TypeAlias = Callable[..., dict[str, Any]]


@pytest.fixture
def push(pusher: Child) -> Push:
    def push(folder: Path, endpoint: str, repo_id: str = REPO, token: str = TOKEN) -> Any:
        return pusher.ask(str(folder), repo_id, token, endpoint)

    return push


def _files(folder: Path) -> dict[str, bytes]:
    paths = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def test_all_files_are_one_commit_of_a_private_repository(
    push: Push, folder: Path, hub: Hub
) -> None:
    pushed = push(folder, hub.endpoint)

    assert pushed["url"] == f"{hub.endpoint}/datasets/{REPO}"
    assert len(pushed["commit"]) == 40
    assert hub.existing == {REPO}
    assert hub.private[REPO]
    assert hub.commits == ["Version 3"]
    assert hub.files == _files(folder)
    assert hub.asked == ["create", "tree", "validate", "preupload", "batch", "upload", "commit"]


def test_a_repository_that_is_there_gets_another_commit_and_no_file_twice(
    push: Push, folder: Path, hub: Hub
) -> None:
    push(folder, hub.endpoint)
    hub.asked.clear()
    pushed = push(folder, hub.endpoint)

    assert "commit" in pushed
    assert hub.commits == ["Version 3"] * 2
    assert "upload" not in hub.asked
    assert hub.files == _files(folder)


def test_what_an_earlier_version_had_and_this_one_has_not_is_deleted(
    push: Push, folder: Path, hub: Hub, tmp_path: Path
) -> None:
    splits: dict[SplitName, tuple[Record, ...]] = {"train": GOLDEN, "test": GOLDEN[:1]}
    write_hub_folder(tmp_path / "x", FolderContent("colours", "# Earlier\n", splits))
    push(tmp_path / "x", hub.endpoint)
    hub.files["LICENSE"] = b"somebody's own"
    assert "data/test-00000-of-00001.parquet" in hub.files
    push(folder, hub.endpoint)

    assert hub.files == _files(folder) | {"LICENSE": b"somebody's own"}


def test_a_wrong_token_is_reported(push: Push, folder: Path, hub: Hub) -> None:
    answer = push(folder, hub.endpoint, token="hf_wrong")

    assert answer["kind"] == "HubError"
    assert "does not accept the token (401); set another" in answer["text"]
    assert "hf_wrong" not in answer["text"]
    assert hub.commits == []


@pytest.mark.parametrize(
    ("stage", "status", "reported"),
    [
        ("create", 403, ("HubError", "may not write to growers/colours (403)")),
        ("create", 500, ("HubError", "trouble of its own (500)")),
        ("preupload", 401, ("HubError", "does not accept the token (401)")),
        ("preupload", 404, ("HubError", "knows no growers/colours")),
        ("batch", 403, ("HubError", "may not write to growers/colours (403)")),
        ("upload", 403, ("HubError", "may not write to growers/colours (403)")),
        ("commit", 400, ("HubError", "refuses the folder (400)")),
        ("commit", 409, ("Conflict", "changed in the meantime (409); push again")),
        ("commit", 412, ("Conflict", "changed in the meantime (412); push again")),
        ("commit", 429, ("HubError", "asks to wait (429)")),
        ("commit", 503, ("HubError", "trouble of its own (503); push again later")),
    ],
)
def test_what_the_hub_refuses_is_reported_with_its_words(
    push: Push, folder: Path, hub: Hub, stage: str, status: int, reported: tuple[str, str]
) -> None:
    hub.failing[stage] = (status, "because I say so")
    answer = push(folder, hub.endpoint)

    kind, text = reported
    assert answer["kind"] == kind
    assert text in answer["text"]
    assert "because I say so" in answer["text"]
    assert hub.commits == []


def test_a_hub_that_is_away_is_reported(push: Push, folder: Path) -> None:
    answer = push(folder, f"http://127.0.0.1:{free_port('127.0.0.1')}")

    assert answer["kind"] == "HubError"
    assert "does not answer" in answer["text"]


def test_a_name_that_no_repository_can_have_is_reported(push: Push, folder: Path, hub: Hub) -> None:
    answer = push(folder, hub.endpoint, repo_id="a/b/c")

    assert answer["kind"] == "InvalidInput"
    assert answer["faults"][0].startswith("repo_id: ")
    assert hub.asked == []


def test_a_card_that_the_hub_does_not_understand_is_reported(
    push: Push, tmp_path: Path, hub: Hub
) -> None:
    card = "---\nlicense: nonsense\n---\n"
    write_hub_folder(tmp_path / "x", FolderContent("x", card, {"train": GOLDEN}))
    answer = push(tmp_path / "x", hub.endpoint)

    assert answer["kind"] == "HubError"
    assert "license" in answer["text"]
    assert hub.commits == []


@pytest.mark.parametrize("token", [None, ""])
def test_without_a_token_nothing_is_tried(folder: Path, token: str | None) -> None:
    with pytest.raises(ConfigurationError, match="No token"):
        push_folder(folder, HubRepository(REPO, token), "x")


def test_without_the_library_the_extra_to_install_is_named(folder: Path) -> None:
    program = """
import sys
from pathlib import Path
sys.modules["huggingface_hub"] = None  # what the import system has for a package that is not there
from app.errors import ConfigurationError
from app.formats.hub.push import HubRepository, push_folder
try:
    push_folder(Path(sys.argv[1]), HubRepository("a/b", "hf_x"), "x")
except ConfigurationError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", program, str(folder)], capture_output=True, text=True, check=True
    )
    assert "pip install 'seedbed[hub]'" in done.stdout


def test_a_token_is_not_shown() -> None:
    assert "hf_secret" not in repr(HubRepository(REPO, "hf_secret"))
