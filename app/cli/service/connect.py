"""Which service a command talks to: a named one, one that runs already, or one started for it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from pydantic import ValidationError

from app.cli.output import Output
from app.cli.service.client import ServiceClient
from app.errors import ConfigurationError, SeedbedError
from app.services.access.api_keys import is_key
from app.settings import EMBEDDED_MODEL, Settings
from app.stack.embedded import EmbeddedStack
from app.stack.folder import RunningService, running_service

_START_PATIENCE_S = 300.0


@dataclass(frozen=True, slots=True)
class Service:
    """A service that answers, and the stack behind it where this process started that."""

    client: ServiceClient
    model: str | None = None
    """The model its runs ask unless they name another; None when that is not known."""
    stack: EmbeddedStack | None = None

    def check(self) -> None:
        """See whether the parts started by this process still run; `StackError` if not."""
        if self.stack is not None:
            self.stack.check()


def read_settings() -> Settings:
    """The settings, from the environment.

    Raises:
        ConfigurationError: they are not valid; names each wrong one, and no value.
    """
    try:
        return Settings()
    except ValidationError as error:
        # Only place and reason: the value may be a secret.
        wrong = [
            f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}"
            for fault in error.errors(include_url=False, include_input=False)
        ]
        raise ConfigurationError("Settings that cannot work: " + "; ".join(wrong)) from None
    except ValueError as error:
        raise ConfigurationError(f"Settings that cannot be read: {error}") from None


@contextmanager
def found_service(api: str | None, output: Output) -> Iterator[Service]:
    """The service at `api`, else the one that runs on the data folder.

    Raises:
        SeedbedError: none runs there.
    """
    settings = read_settings()
    if api is not None:
        with ServiceClient(api_url(api), through_proxy=True, key=_key(settings)) as client:
            yield Service(client)
        return
    running = running_service(settings.data_dir)
    if running is None:
        raise SeedbedError(
            f"No service runs on the data folder {settings.data_dir}. Start one with `seedbed up`, "
            "or name one with --api or SEEDBED_API_URL."
        )
    with _joined(settings, running, output) as service:
        yield service


@contextmanager
def found_or_started_service(api: str | None, output: Output) -> Iterator[Service]:
    """As `found_service`; where none runs, the embedded stack is started for the time being.

    Raises:
        SeedbedError: it could not be started.
    """
    settings = None if api is not None else read_settings()
    if settings is None or running_service(settings.data_dir) is not None:
        with found_service(api, output) as service:
            yield service
        return
    with started_stack(settings, output) as service:
        yield service


@contextmanager
def started_stack(settings: Settings, output: Output) -> Iterator[Service]:
    """The embedded stack, stopped on leaving."""
    key = _key(settings)
    with (
        EmbeddedStack(settings, say=output.say) as stack,
        ServiceClient(stack.api_url, through_proxy=False, key=key) as client,
    ):
        try:
            yield Service(client, _default_model(settings), stack)
        except KeyboardInterrupt:
            output.say("Stopping; Ctrl-C again stops at once.")
            raise


@contextmanager
def _joined(settings: Settings, running: RunningService, output: Output) -> Iterator[Service]:
    give_up_at = time.monotonic() + _START_PATIENCE_S
    said = False
    while running.api_url is None:
        if not said:
            output.say(f"Waiting for the service of process {running.pid} to start.")
            said = True
        time.sleep(0.2)
        found = running_service(settings.data_dir)
        if found is None or time.monotonic() > give_up_at:
            raise SeedbedError(f"The service of process {running.pid} did not start.")
        running = found
    with ServiceClient(running.api_url, through_proxy=False, key=_key(settings)) as client:
        yield Service(client, _default_model(settings))


def _key(settings: Settings) -> str | None:
    given = settings.api_key.get_secret_value().strip() if settings.api_key else ""
    if given and not is_key(given):
        # Better told here than sent to a service: it may be the key to something else.
        raise ConfigurationError("SEEDBED_API_KEY is no key of Seedbed: those begin with sb_.")
    return given or None


def _default_model(settings: Settings) -> str | None:
    return settings.model or (EMBEDDED_MODEL if settings.embedded_model else None)


def api_url(given: str) -> str:
    """An API's address as people write it, as the address its paths are put behind."""
    url = given if "://" in given else f"http://{given}"
    return url.rstrip("/").removesuffix("/v1")
