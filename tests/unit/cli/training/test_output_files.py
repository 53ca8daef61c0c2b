"""Download of output files: whole and verified, or not at all."""

import hashlib
from pathlib import Path

import pytest

from app.cli.service.find_service import Service
from app.cli.training.output_files import download_outputs, outputs_table
from app.errors import Conflict, InvalidInput, SeedbedError
from app.schemas.training import OutputView, TrainingJobView
from tests.unit.cli.answers import job_json
from tests.unit.cli.drawing import drawn
from tests.unit.cli.stand_in import Answer, StandIn

JOB = TrainingJobView.model_validate(job_json(status="succeeded"))
OUTPUTS = "GET /v1/training-jobs/training_1/outputs"


def has(service: StandIn, *names: str, content: bytes = b"weights") -> None:
    sha256 = hashlib.sha256(content).hexdigest()
    files = [{"name": name, "sha256": sha256, "size_bytes": len(content)} for name in names]
    service.will(OUTPUTS, files)
    for name in names:
        service.will(f"{OUTPUTS}/{name}", Answer(content))


def test_files_lie_in_a_folder_of_the_job_s_name(
    service: StandIn, connected: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    has(service, "a", "deep/b")
    downloaded = download_outputs(connected.client.training, JOB, None)
    assert (tmp_path / "training_1" / "deep" / "b").read_bytes() == b"weights"
    assert downloaded.line == f"2 files, 14 bytes in {tmp_path / 'training_1'}"
    assert downloaded.as_json["folder"] == str(tmp_path / "training_1")


def test_a_file_that_is_there_is_not_downloaded_again(
    service: StandIn, connected: Service, tmp_path: Path
) -> None:
    has(service, "a")
    for _ in range(2):
        download_outputs(connected.client.training, JOB, tmp_path)
    assert len(service.asked_for(f"{OUTPUTS}/a")) == 1


def test_another_file_is_not_overwritten(
    service: StandIn, connected: Service, tmp_path: Path
) -> None:
    has(service, "a")
    (tmp_path / "a").write_text("mine")
    with pytest.raises(InvalidInput, match="another content"):
        download_outputs(connected.client.training, JOB, tmp_path)
    assert (tmp_path / "a").read_text() == "mine"


def test_a_file_with_another_hash_is_not_kept(
    service: StandIn, connected: Service, tmp_path: Path
) -> None:
    has(service, "a")
    service.will(f"{OUTPUTS}/a", Answer(b"else"))
    with pytest.raises(SeedbedError, match="a did not arrive complete"):
        download_outputs(connected.client.training, JOB, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["../a", "/etc/a", "x/../../a", ""])
def test_a_name_that_leaves_the_folder_is_refused(
    service: StandIn, connected: Service, tmp_path: Path, name: str
) -> None:
    has(service, name)
    with pytest.raises(SeedbedError, match="leaves the folder"):
        download_outputs(connected.client.training, JOB, tmp_path / "in")
    assert list(tmp_path.iterdir()) == []


def test_a_job_without_files_says_its_state(service: StandIn, connected: Service) -> None:
    service.will(OUTPUTS, [])
    with pytest.raises(Conflict, match="The job is succeeded and has no output files"):
        download_outputs(connected.client.training, JOB, None)


def test_a_folder_that_cannot_be_written_is_named(
    service: StandIn, connected: Service, tmp_path: Path
) -> None:
    has(service, "a")
    (tmp_path / "file").touch()
    with pytest.raises(InvalidInput, match="cannot be written"):
        download_outputs(connected.client.training, JOB, tmp_path / "file")


def test_the_table_keeps_hashes_whole() -> None:
    output = OutputView(name="a\x1b", sha256="f" * 64, size_bytes=1234)
    shown = drawn(outputs_table([output]), width=60)
    assert "1,234" in shown
    assert shown.count("f") - "file".count("f") == 64
    assert "\x1b" not in shown
