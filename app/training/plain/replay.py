"""General rows mixed into the training rows, to reduce forgetting."""

import random
from collections.abc import Sequence

from app.dataset_row import Record
from app.errors import Fault, InvalidInput


def with_replay(
    records: Sequence[Record], general: Sequence[Record], share: float, seed: int
) -> Sequence[Record]:
    """Add general rows until they make up the given share, drawn with the seed.

    No row is drawn twice: all rows are taken when there are too few.

    Raises:
        InvalidInput: a share is given and there is no general row.
    """
    if share == 0:
        return records
    if not general:
        fault = Fault("needs a data set with general rows", field="data.replay_share")
        raise InvalidInput("There are no general rows to mix in.", [fault])
    wanted = round(len(records) * share / (1 - share))
    chosen = random.Random(f"{seed}/replay").sample(range(len(general)), min(wanted, len(general)))
    return [*records, *(general[one] for one in sorted(chosen))]
