"""Advancing a run: take its pump under a lease, work for a while, hand it back.

Another worker may take over when the lease is out, whatever happened to this one.
"""

import logging
import secrets
from collections.abc import Callable

from sqlalchemy.orm import Session

from app.errors import ConfigurationError
from app.llm.fanout import Fanout
from app.pipeline.run_state import EndReason, Status
from app.services.pump import Ending, Pump, PumpLost
from app.services.starting import begin, pause_for_provider
from app.services.workshop import Workshop
from app.store import runs, work
from app.store.database import AWAY
from app.store.models import Run

_log = logging.getLogger(__name__)


def advance_run(workshop: Workshop, run_id: str, stop: Callable[[], bool]) -> bool:
    """Work on a run for a while; safe to repeat and to call from anywhere at once.

    Args:
        workshop: what this process works with.
        run_id: the run; one that is unknown, finished or held by another pump is left alone.
        stop: whether this process has been asked to end; looked at ten times a second.

    Returns whether the run should be sent again at once. A defect is logged here and pauses the
    run: sent again and again, it would pay for the same calls for ever.
    """
    token = secrets.token_hex(8)

    def take(session: Session) -> bool:
        taken = runs.take_pump(session, run_id, token, workshop.lease_s)
        if taken:
            work.take_over(session, run_id, token)
        return taken

    if not workshop.database.retrying(take):
        return False
    try:
        return _hold(workshop, run_id, token, stop) is Ending.AGAIN
    except PumpLost:
        _log.warning("run %s: the lease was lost to another pump", run_id)
        return False
    except ConfigurationError as error:
        pause_for_provider(workshop, run_id, token, str(error))
        return False
    except AWAY:
        # The database is away: whoever looks next goes on from what was committed.
        raise
    except Exception:  # noqa: BLE001 - the edge of a worker, logged here once with its run
        _log.exception("run %s pauses: a defect of the service", run_id)
        message = "A defect of the service; the worker's log has the details."
        workshop.database.retrying(
            lambda session: runs.move(
                session,
                run_id,
                Status.PAUSED,
                reason=EndReason.DEFECT,
                message=message,
                token=token,
            )
        )
        return False
    finally:
        workshop.database.retrying(lambda session: _let_go(session, run_id, token))


def _let_go(session: Session, run_id: str, token: str) -> None:
    work.hand_back(session, run_id, token)
    runs.release_pump(session, run_id, token)
    _finish_cancelling(session, run_id)


def _finish_cancelling(session: Session, run_id: str) -> None:
    run = session.get(Run, run_id)
    if run is not None and run.status == Status.CANCELLING and run.pump_token is None:
        runs.move(session, run_id, Status.CANCELLED, reason=EndReason.CANCELLED)


def _hold(workshop: Workshop, run_id: str, token: str, stop: Callable[[], bool]) -> Ending:
    beginning = begin(workshop, run_id, token)
    if beginning is None:
        return Ending.ENOUGH
    factory = workshop.provider_for(beginning.model)
    with Fanout(factory, workshop.concurrency) as fanout:
        return Pump(workshop, beginning, token, fanout, stop).work()
