"""Code that loads a data set, for the card; it runs as it is."""

import json
from pathlib import PurePosixPath

from app.reports.dataset.facts import CardFacts
from app.reports.dataset.front_matter import loadable_files
from app.reports.markdown import fenced
from app.reports.wording import shown

_READERS = {".parquet": "parquet", ".jsonl": "json", ".json": "json", ".csv": "csv"}


def how_to_load(facts: CardFacts) -> str:
    """Return the card's section on loading; empty when `datasets` can read none of the files."""
    splits = loadable_files(facts.files)
    if not splits:
        return ""
    lines = ["from datasets import load_dataset", ""]
    if facts.hub_id:
        lines.append(f"rows = load_dataset({_text(facts.hub_id)})")
    else:
        suffix = PurePosixPath(splits[0][1][0]).suffix
        lines += ["rows = load_dataset(", f'    "{_READERS[suffix]}",', "    data_files={"]
        for split, paths in splits:
            written = ", ".join(_text(path) for path in paths)
            lines.append(f"        {_text(split)}: [{written}],")
        lines += ["    },", ")"]
    return "## Loading\n\n" + fenced("\n".join(lines), "python")


def _text(text: str) -> str:
    """Return a text as a Python literal: JSON's escapes are valid in Python."""
    return json.dumps(shown(text), ensure_ascii=False)
