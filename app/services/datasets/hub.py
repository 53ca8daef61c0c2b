"""A version as a folder for the Hugging Face Hub: downloaded as one file, or pushed."""

import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, TypedDict

from app.dataset_row import SplitName
from app.formats.hub.folder import FolderContent, write_hub_folder
from app.formats.hub.push import HubRepository, Pushed, push_folder
from app.formats.options import ParquetOptions
from app.reports.dataset.card import dataset_card
from app.reports.dataset.facts import CardFacts, FileFacts
from app.reports.dataset.plots import plots
from app.services.context import ServiceContext
from app.services.datasets.lists import get_dataset
from app.services.datasets.reports import VersionDetails, card_facts, version_details
from app.services.datasets.sources import read_dataset, read_records
from app.store.json_columns import SourceFact

_FILE_DATE = (1980, 1, 1, 0, 0, 0)
"""The date of every file in an archive, so that the same files make the same bytes."""

_FOLDER_NAME_BYTES = 200


@contextmanager
def hub_folder(
    context: ServiceContext, dataset_id: str, hub_id: str | None = None
) -> Iterator[Path]:
    """Write a version as a temporary folder, which has a name of its own; it is deleted afterwards.

    Raises:
        NotFound: when there is no such data set.
        Conflict: when it is not ready.
        OutOfSpace: the disk is full.
    """
    found = version_details(context, dataset_id)
    context.files_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=context.files_dir, prefix="hub-") as parent:
        # A name in another script may have more bytes than a folder's name.
        folder = Path(parent) / "folder"
        write_hub_folder(folder, _content(context, found, hub_id))
        yield folder


def write_archive(context: ServiceContext, dataset_id: str, sink: BinaryIO) -> None:
    """Write the folder as a zip file; the same version makes the same bytes."""
    top = _folder_name(get_dataset(context, dataset_id).name)
    with hub_folder(context, dataset_id) as folder, zipfile.ZipFile(sink, "w") as archive:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            name = f"{top}/{path.relative_to(folder).as_posix()}"
            entry = zipfile.ZipInfo(name, _FILE_DATE)
            entry.compress_type = zipfile.ZIP_DEFLATED
            with path.open("rb") as source, archive.open(entry, "w", force_zip64=True) as target:
                while piece := source.read(1 << 20):
                    target.write(piece)


def push(context: ServiceContext, dataset_id: str, repo_id: str, *, private: bool) -> Pushed:
    """Push a version to the hub as one commit. Safe to repeat.

    Raises:
        NotFound: when there is no such data set.
        Conflict: when it is not ready, or the repository was changed at the same time.
        ConfigurationError: when the service has no token.
        HubError: when the hub refuses, or does not respond.
    """
    repository = HubRepository(repo_id, context.hub_token, context.hub_url, private)
    name = get_dataset(context, dataset_id).name
    with hub_folder(context, dataset_id, repo_id) as folder:
        return push_folder(folder, repository, f"{name}, as Seedbed made it")


def _folder_name(name: str) -> str:
    """Return as much of a name as the name of a folder can have in bytes."""
    return name.encode()[:_FOLDER_NAME_BYTES].decode(errors="ignore")


def _content(context: ServiceContext, found: VersionDetails, hub_id: str | None) -> FolderContent:
    dataset, splits = found.dataset, found.statistics.splits
    facts = card_facts(found)
    drawn = plots(facts)
    chats = found.statistics.chats > 0
    names: tuple[SplitName, ...] = ("train", "test")
    return FolderContent(
        name=dataset.name,
        card=dataset_card(_facts_with_files(facts, drawn, splits, hub_id)),
        splits={
            split: read_records(context, dataset.id, dataset.row_count, split)
            for split in names
            if splits.get(split)
        },
        options=ParquetOptions(chat_columns=chats),
        provenance=read_dataset(context, dataset.id, dataset.row_count),
        texts={f"plots/{name}.svg": svg for name, svg in drawn.items()},
        facts=_manifest(found),
    )


def _facts_with_files(
    facts: CardFacts, drawn: dict[str, str], splits: dict[str, int], hub_id: str | None
) -> CardFacts:
    files = tuple(
        FileFacts(
            path=f"data/{split}-00000-of-00001.parquet", format="parquet", split=split, rows=rows
        )
        for split, rows in sorted(splits.items(), reverse=True)
    )
    changes = {"files": files, "plots": {name: f"plots/{name}.svg" for name in drawn}}
    return facts.model_copy(update={**changes, "hub_id": hub_id})


class _VersionFacts(TypedDict):
    """The part of the folder's manifest that describes the version."""

    version: int
    content_sha256: str | None
    # As it was requested; `VersionRecipe` and `Import` read it.
    recipe: dict[str, Any]
    sources: list[SourceFact]
    # The dumps of `RunFacts`, as in `Facts`.
    runs: list[dict[str, Any]]
    dropped: dict[str, dict[str, int]]


def _manifest(found: VersionDetails) -> _VersionFacts:
    dataset, facts = found.dataset, found.facts
    return {
        "version": dataset.version,
        "content_sha256": dataset.content_sha256,
        "recipe": dataset.recipe,
        "sources": facts["sources"],
        "runs": facts["runs"],
        "dropped": facts["dropped"],
    }
