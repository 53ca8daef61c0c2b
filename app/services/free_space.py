"""Free space: what is left on the disks of the database and of the data folder, and the limit.

Work that fills a disk stops while there is still space for what must be stored, such as the replies
of calls in flight.
"""

from app.disk_space import shortage
from app.errors import OutOfSpace
from app.services.context import ServiceContext
from app.store.database import AWAY

_ADVICE = "Free some space, or lower SEEDBED_MIN_FREE_MB"


def database_shortage(context: ServiceContext) -> str | None:
    """Say why the database should not grow; None when there is space, or nothing is known."""
    try:
        folder = context.database.folder()
    except AWAY:
        return None
    found = None if folder is None else shortage(folder, context.min_free_bytes)
    return None if found is None else f"The disk of the database: {found}. {_ADVICE}."


def files_shortage(context: ServiceContext) -> str | None:
    """Say why the data folder should not grow; None when there is space."""
    found = shortage(context.files_dir, context.min_free_bytes)
    return None if found is None else f"The disk of the data folder: {found}. {_ADVICE}."


def any_shortage(context: ServiceContext) -> str | None:
    """Say which disk is full or nearly full; None when there is space.

    After a write that the database refused, it is tried with a small one.
    """
    refused = context.database.refusal and context.database.refused_write()
    return database_shortage(context) or refused or files_shortage(context)


def require_space(context: ServiceContext) -> None:
    """Check that rows and files can be added.

    Raises:
        OutOfSpace: the disk of the database or of the data folder is nearly full.
    """
    why = files_shortage(context) or database_shortage(context)
    if why is not None:
        raise OutOfSpace(why)
