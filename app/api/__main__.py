"""The API process: ``python -m app.api``."""

import ctypes
import logging
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from app.start_up import collector_rests

with collector_rests():
    import uvicorn

    from app.api.application import build_api
    from app.api.context import ApiContext
    from app.api.large_requests import LargeRequests
    from app.api.security.access import refuse_to_listen_openly
    from app.api.security.owner import Owner
    from app.api.slow_connections import SlowLimits, protocol_with
    from app.errors import ConfigurationError, StackError
    from app.logging_setup import log_to_stderr
    from app.messaging import broker_trouble, make_celery
    from app.services.access import api_keys
    from app.services.child_process import preload
    from app.services.context import ServiceContext, open_service_context
    from app.services.datasets import import_process
    from app.services.datasets.tidy import tidy
    from app.services.work_kinds import DATASETS, RUNS, TRAINING, WorkKind, WorkRef, send
    from app.settings import Settings
    from app.stack.owner_token import make_owner_token, remove_owner_token
    from app.stack.process_specs import local_worker_spec
    from app.stack.supervisor import Supervisor
    from app.store.database import Database
    from app.store.health import refuse_other_encoding, trouble

_log = logging.getLogger(__name__)
_STACK_BYTES = 4 * 1024 * 1024
_M_ARENA_MAX = -8
_GRACE_S = 3
"""Seconds that running requests get after the stop signal."""
_WORKER_GRACE_S = 5.0


def main() -> None:
    """Serve until a signal stops the process."""
    settings = Settings()
    _use_little_address_space()
    log_to_stderr(settings.log_format)
    with closing(open_service_context(settings)) as service:
        try:
            refuse_other_encoding(service.database)
            refuse_to_listen_openly(settings.api_host, service.database)
        except ConfigurationError as error:
            sys.exit(str(error))
        _keep_token(settings.data_dir, service.database)
        # Before any request: what is there was left by a process that was killed.
        tidy(service)
        preload([*import_process.PRELOADED, "app.api.__main__"])
        try:
            with _context(settings, service) as context:
                _serve(context, settings)
        except StackError as error:
            sys.exit(str(error))


def _keep_token(data_dir: Path, database: Database) -> None:
    """Make the owner's token while no API key was made yet; later it is of no use."""
    if trouble(database) is None and api_keys.are_needed(database):
        remove_owner_token(data_dir)
    elif make_owner_token(data_dir) is None:
        _log.warning(
            "no token could be stored in %s: requests whose user can't be told are refused",
            data_dir,
        )


def _use_little_address_space() -> None:
    """Keep some forty threads from reserving a gigabyte, which a limit of memory may count."""
    threading.stack_size(_STACK_BYTES)
    if sys.platform == "linux":
        # Not there in every C library; without it, only more is reserved.
        with suppress(AttributeError):
            ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 2)


def _serve(context: ApiContext, settings: Settings) -> None:
    large = LargeRequests(context.service, settings)
    with collector_rests():
        api = build_api(context, Owner(settings.data_dir), large.answer)
    uvicorn.run(
        api,
        # Gives each request the user at the other end of its connection.
        http=protocol_with(SlowLimits(settings.header_timeout_s, settings.body_timeout_s)),
        host=settings.api_host,
        port=settings.api_port,
        log_config=None,
        # Access without a key depends on the client's address, so headers must not replace it.
        proxy_headers=False,
        ws="none",
        # A download that follows a run would hold the process as long as the run.
        timeout_graceful_shutdown=_GRACE_S,
    )


@contextmanager
def _context(settings: Settings, service: ServiceContext) -> Iterator[ApiContext]:
    if settings.broker_url.startswith("memory:"):
        with Supervisor(settings.data_dir / "logs") as supervisor:
            supervisor.start(local_worker_spec(dict(os.environ), _WORKER_GRACE_S))
            supervisor.keep_running()
            # The worker looks for work by itself.
            yield ApiContext(service, send=lambda _: None, broker_trouble=lambda: None)
        return
    celery = make_celery(settings)

    def notify(kind: WorkKind) -> Callable[[str], None]:
        return lambda identifier: send(celery, kind, WorkRef(identifier))

    yield ApiContext(
        service,
        send=notify(RUNS),
        send_dataset=notify(DATASETS),
        send_training_job=notify(TRAINING),
        broker_trouble=lambda: broker_trouble(celery),
    )


if __name__ == "__main__":
    main()
