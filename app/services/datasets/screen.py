"""Filters of a recipe applied to records, with counts for each filter."""

from collections import Counter

from app.curation.filter import Dropped, Kept, screen
from app.curation.options import FilterOptions
from app.curation.table import chosen
from app.dataset_row import Record
from app.store.datasets.dataset_rows import Drop
from app.store.json_columns import FilterFact


class Screening:
    """Applies the filters that are on."""

    def __init__(self, options: FilterOptions) -> None:
        self._filters = chosen(options)
        self._rule_of = {reason: rule.name for rule in self._filters for reason in rule.reasons}
        self._looked_at = 0
        self._dropped: Counter[str] = Counter()
        self._mended: Counter[str] = Counter()

    def screen(self, record: Record) -> Kept | Drop:
        """Return the record, perhaps changed, or the filter and the reason that drop it."""
        self._looked_at += 1
        answer = screen(record, self._filters)
        if isinstance(answer, Dropped):
            self._dropped[answer.reason] += 1
            rule = self._rule_of[answer.reason]
            return Drop(rule, answer.reason, answer.detail, record.request, {})
        self._mended.update(answer.changes)
        return answer

    def facts(self) -> list[FilterFact]:
        """Return the counts of each filter, in the order in which they ran."""
        facts: list[FilterFact] = []
        left = self._looked_at
        for rule in self._filters:
            dropped = {r: n for r in rule.reasons if (n := self._dropped[r])}
            mended = self._mended[rule.change or rule.name]
            facts.append(
                {
                    "name": rule.name,
                    "looked_at": left,
                    "dropped": dropped,
                    "mended": {rule.change or rule.name: mended} if mended else {},
                }
            )
            left -= sum(dropped.values())
        return facts
