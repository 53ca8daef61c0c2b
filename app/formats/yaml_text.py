"""YAML for the configuration files of other programs."""

from collections.abc import Mapping
from typing import Any

import yaml


class _Dumper(yaml.SafeDumper):
    """Writes a value again wherever it occurs, instead of an anchor and references to it."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - the base class asks by value
        return True


def yaml_text(values: Mapping[str, Any]) -> str:
    """Return numbers, texts, lists and mappings as YAML, in the order given."""
    return yaml.dump(
        dict(values), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=float("inf")
    )
