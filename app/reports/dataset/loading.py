"""How to read a data set, in lines that work when pasted."""

import json
from pathlib import PurePosixPath

from app.reports.dataset.facts import CardFacts
from app.reports.dataset.front_matter import loadable_files
from app.reports.markdown import fenced
from app.reports.wording import shown

_READERS = {".parquet": "parquet", ".jsonl": "json", ".json": "json", ".csv": "csv"}


def how_to_load(facts: CardFacts) -> str:
    """Write the card's section; empty where there is no file that `datasets` reads."""
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
    return "## How to load it\n\n" + fenced("\n".join(lines), "python")


def _text(text: str) -> str:
    """Write a text as Python does; JSON's escapes are Python's."""
    return json.dumps(shown(text), ensure_ascii=False)
