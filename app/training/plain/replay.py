"""General rows among those of a data set, so that a model keeps what it could do before."""

import random
from collections.abc import Sequence

from app.errors import Fault, InvalidInput
from app.record import Record


def with_replay(
    records: Sequence[Record], general: Sequence[Record], share: float, seed: int
) -> Sequence[Record]:
    """Add general rows until they are this share of the whole, chosen by the seed.

    None comes twice: where there are too few, all are taken.

    Raises:
        InvalidInput: when a share is asked for and there is no general row.
    """
    if share == 0:
        return records
    if not general:
        told = Fault("names no data set to take general rows from", field="data.replay_share")
        raise InvalidInput("There are no general rows to mix in.", [told])
    wanted = round(len(records) * share / (1 - share))
    chosen = random.Random(f"{seed}/replay").sample(range(len(general)), min(wanted, len(general)))
    return [*records, *(general[one] for one in sorted(chosen))]
