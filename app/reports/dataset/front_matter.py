"""The front matter of the data set card, in the Hugging Face hub's format."""

import json
import re
from collections.abc import Iterable
from pathlib import PurePosixPath

from app.reports.dataset.facts import CardFacts, FileFacts
from app.reports.wording import shown

# Those of the hub's identifiers that are common for data sets.
_LICENCES = frozenset(
    {
        "apache-2.0", "mit", "bsd-2-clause", "bsd-3-clause", "isc", "unlicense", "cc0-1.0",
        "cc-by-2.0", "cc-by-3.0", "cc-by-4.0", "cc-by-sa-3.0", "cc-by-sa-4.0", "cc-by-nc-2.0",
        "cc-by-nc-3.0", "cc-by-nc-4.0", "cc-by-nc-sa-3.0", "cc-by-nc-sa-4.0", "cc-by-nd-4.0",
        "cc-by-nc-nd-4.0", "odc-by", "odbl", "pddl", "cdla-permissive-1.0", "cdla-permissive-2.0",
        "cdla-sharing-1.0", "gpl-2.0", "gpl-3.0", "lgpl-3.0", "agpl-3.0", "mpl-2.0", "wtfpl",
        "openrail", "other", "unknown",
    }
)  # fmt: skip
_LANGUAGE = re.compile("[a-z]{2,3}")
_TAG = re.compile(r"[a-z0-9][a-z0-9._:-]{0,60}")
_SIZES = ((10**3, "1K"), (10**4, "10K"), (10**5, "100K"), (10**6, "1M"), (10**7, "10M"))
_LOADABLE = (".parquet", ".jsonl", ".json", ".csv")


def front_matter(facts: CardFacts) -> str:
    """Return the front matter with the lines of hyphens around it."""
    lines = [f"pretty_name: {_quoted(facts.name)}", *_licence(facts.licence)]
    languages = sorted({code for code in facts.languages if _LANGUAGE.fullmatch(code)})
    lines += _list("language", languages)
    lines += _list("task_categories", ["text-generation"])
    lines += _list("size_categories", [size_category(facts.statistics.rows)])
    made = ["self-instruct", "synthetic"] if facts.runs else []
    given = [tag for tag in facts.tags if _TAG.fullmatch(tag)]
    lines += _list("tags", dict.fromkeys(["instruction-tuning", "seedbed", *made, *given]))
    lines += _configs(loadable_files(facts.files))
    return "\n".join(["---", *lines, "---"])


def size_category(rows: int) -> str:
    """Return the hub's size category for a number of rows."""
    below = "n<1K"
    for place, (least, name) in enumerate(_SIZES):
        if rows >= least:
            above = _SIZES[place + 1][1] if place + 1 < len(_SIZES) else "100M"
            below = f"{name}<n<{above}"
    return below


def loadable_files(files: Iterable[FileFacts]) -> list[tuple[str, list[str]]]:
    """Return the paths of each split, in one format only: all formats hold the same rows.

    Files without rows are left out. When there are files of single splits, files with all rows are
    left out, too.
    """
    data = [each for each in files if each.rows is not None]
    suffixes = {PurePosixPath(each.path).suffix for each in data}
    chosen = next((suffix for suffix in _LOADABLE if suffix in suffixes), None)
    data = [each for each in data if PurePosixPath(each.path).suffix == chosen]
    formats = {each.format for each in data}
    data = [each for each in data if each.format == min(formats)]
    if any(each.split for each in data):
        data = [each for each in data if each.split]
    splits: dict[str, list[str]] = {}
    for each in data:
        splits.setdefault(each.split or "train", []).append(each.path)
    return list(splits.items())


def _licence(licence: str | None) -> list[str]:
    if licence is None or not licence.strip():
        return ["license: unknown"]
    if licence.lower() in _LICENCES:
        return [f"license: {licence.lower()}"]
    return ["license: other", f"license_name: {_quoted(licence)}"]


def _configs(splits: list[tuple[str, list[str]]]) -> list[str]:
    if not splits:
        return []
    lines = ["configs:", "- config_name: default", "  data_files:"]
    for split, paths in splits:
        lines += [f"  - split: {_quoted(split)}", "    path:"]
        lines += [f"    - {_quoted(path)}" for path in paths]
    return lines


def _list(name: str, values: Iterable[str]) -> list[str]:
    values = list(values)
    return [f"{name}:", *(f"- {_quoted(value)}" for value in values)] if values else []


def _quoted(text: str) -> str:
    """Return a text as a YAML string: JSON without the characters that `shown` removes."""
    return json.dumps(" ".join(shown(text).split()), ensure_ascii=False)
