"""A version put on a hub: folder, card and all, as one commit."""

import json
from pathlib import Path

import pytest

from app.errors import ConfigurationError, HubError
from app.llm.scripted.model import reply
from app.services.datasets import hub as dataset_hub
from tests.bench import OpenBench
from tests.dataset_versions import ROWS, imported
from tests.servers.hub import TOKEN, running_hub

# The library's own way of sending a file.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")


def test_a_version_is_on_the_hub_with_card_manifest_and_plots(
    open_bench: OpenBench, tmp_path: Path
) -> None:
    with (
        running_hub() as hub,
        open_bench(
            reply, files_dir=tmp_path / "files", hub_url=hub.endpoint, hub_token=TOKEN
        ) as bench,
    ):
        dataset = imported(bench.context, ROWS, licence="cc0-1.0")
        first = dataset_hub.push(bench.context, dataset.id, "owner/ours", private=True)
        dataset_hub.push(bench.context, dataset.id, "owner/ours", private=True)
    assert first.url.endswith("owner/ours")
    assert hub.private == {"owner/ours": True}
    assert {"README.md", "data/train-00000-of-00001.parquet", "manifest.json"} <= set(hub.files)
    assert any(path.startswith("plots/") for path in hub.files)
    assert b"license: cc0-1.0" in hub.files["README.md"]
    manifest = json.loads(hub.files["manifest.json"])
    assert manifest["content_sha256"] == dataset.content_sha256
    assert manifest["rows"] == {"train": 7}
    # What was written for it is gone again.
    assert not list((tmp_path / "files").glob("hub-*"))


def test_without_a_token_or_with_a_wrong_one_nothing_is_pushed(
    open_bench: OpenBench, tmp_path: Path
) -> None:
    with running_hub() as hub, open_bench(reply, hub_url=hub.endpoint, files_dir=tmp_path) as bench:
        dataset = imported(bench.context, ROWS)
        with pytest.raises(ConfigurationError, match="token"):
            dataset_hub.push(bench.context, dataset.id, "owner/ours", private=True)
    with (
        running_hub() as hub,
        open_bench(reply, hub_url=hub.endpoint, hub_token="hf_wrong", files_dir=tmp_path) as bench,
    ):
        dataset = imported(bench.context, ROWS)
        with pytest.raises(HubError, match="token"):
            dataset_hub.push(bench.context, dataset.id, "owner/ours", private=True)
    assert not hub.files
