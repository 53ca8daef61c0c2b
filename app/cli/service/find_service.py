"""Choice of the service that a command uses: a given one, a running one, or a new one."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import ValidationError

from app.cli.output import Output
from app.cli.service.client import ServiceClient
from app.cli.service.retry import PATIENCE_S
from app.errors import ConfigurationError, SeedbedError
from app.services.access.key_form import is_key
from app.settings import Settings
from app.stack.data_folder import RunningService, running_service
from app.stack.environment import variable_names
from app.stack.owner_token import is_owner_token, owner_token
from app.stack.wait_until import wait_until

if TYPE_CHECKING:
    from app.stack.embedded import EmbeddedStack

_START_TIMEOUT_S = 300.0
_START_POLL_S = 0.2


@dataclass(frozen=True, slots=True)
class Service:
    """A service that answers, and its embedded stack when this process started it."""

    client: ServiceClient
    model: str | None = None
    """Default model of its runs; None when that is not known."""
    stack: "EmbeddedStack | None" = None

    @property
    def patience_s(self) -> float:
        """Longest time that the service may be unreachable.

        Without limit for a stack of this command: its API is started again, or `check` fails.
        """
        return PATIENCE_S if self.stack is None else float("inf")

    def check(self) -> None:
        """Check that the processes started by this command run, or are started again.

        Raises:
            StackError: one of them died and did not come up again.
        """
        if self.stack is not None:
            self.stack.check()


def read_settings() -> Settings:
    """Read the settings from the environment.

    Raises:
        ConfigurationError: they are not valid; names each wrong one, without its value.
    """
    try:
        return Settings()
    except ValidationError as error:
        # Without the value, which may be a secret.
        names = variable_names()
        wrong = [
            f"{names.get(str(fault['loc'][0]), fault['loc'][0])}: {fault['msg']}"
            for fault in error.errors(include_url=False, include_input=False)
        ]
        raise ConfigurationError("Invalid settings: " + "; ".join(wrong)) from None
    except ValueError as error:
        raise ConfigurationError(f"Settings that cannot be read: {error}") from None


@contextmanager
def connect(api: str | None, output: Output) -> Iterator[Service]:
    """Connect to the service at `api`, or to the one that runs on the data folder.

    Raises:
        SeedbedError: no service runs there.
    """
    settings = read_settings()
    running = running_service(settings.data_dir)
    if api is not None:
        url = api_url(api)
        is_own = running is not None and running.api_url == url
        key = _key_or_token(settings) if is_own else _key(settings)
        with ServiceClient(url, through_proxy=not is_own, key=key) as client:
            yield Service(client)
        return
    if running is None:
        raise SeedbedError(
            f"No service runs on the data folder {settings.data_dir}. Start one with `seedbed up`, "
            "or give the address of another with --api or SEEDBED_API_URL."
        )
    with _connect_when_started(settings, running, output) as service:
        yield service


@contextmanager
def connect_or_start(api: str | None, output: Output) -> Iterator[Service]:
    """Connect as `connect` does; when no service runs, start the embedded stack for this command.

    Raises:
        SeedbedError: it could not be started.
    """
    settings = None if api is not None else read_settings()
    if settings is None or running_service(settings.data_dir) is not None:
        with connect(api, output) as service:
            yield service
        return
    with start_stack(settings, output) as service:
        yield service


@contextmanager
def start_stack(settings: Settings, output: Output) -> Iterator[Service]:
    """Start the embedded stack, and stop it on leaving."""
    # Most commands use a service that runs.
    from app.stack.embedded import EmbeddedStack  # noqa: PLC0415

    _key(settings)  # A wrong one is reported before anything is started.
    with (
        EmbeddedStack(settings, say=output.message) as stack,
        ServiceClient(stack.api_url, through_proxy=False, key=_key_or_token(settings)) as client,
    ):
        try:
            yield Service(client, settings.default_model, stack)
        except KeyboardInterrupt:
            output.message("Stopping. Press Ctrl-C again to stop at once.")
            raise


@contextmanager
def _connect_when_started(
    settings: Settings, running: RunningService, output: Output
) -> Iterator[Service]:
    found: RunningService | None = running

    def is_decided() -> bool:
        nonlocal found
        found = running_service(settings.data_dir)
        return found is None or found.api_url is not None

    if running.api_url is None:
        output.message(f"Waiting for the service of process {running.pid} to start.")
        wait_until(is_decided, timeout_s=_START_TIMEOUT_S, poll_s=_START_POLL_S)
    if found is None or found.api_url is None:
        raise SeedbedError(
            f"The service of process {running.pid} did not start; its logs are in "
            f"{settings.data_dir / 'logs'}."
        )
    key = _key_or_token(settings)
    with ServiceClient(found.api_url, through_proxy=False, key=key) as client:
        # Its settings count: those of this terminal may name another endpoint, or none.
        yield Service(client, found.model)


def _key(settings: Settings) -> str | None:
    given = settings.api_key.get_secret_value().strip() if settings.api_key else ""
    if given and not is_key(given) and not is_owner_token(given):
        # Not sent to the service: it may be the secret of something else.
        raise ConfigurationError(
            "SEEDBED_API_KEY is not a Seedbed key: those start with sb_. `seedbed keys create NAME "
            "--scope run` makes one."
        )
    return given or None


def _key_or_token(settings: Settings) -> str | None:
    """Return the key to send to the service on the data folder, or else the token of the folder."""
    return _key(settings) or owner_token(settings.data_dir)


def api_url(given: str) -> str:
    """Return the base URL of an API address, which may lack the scheme or end with /v1."""
    url = given if "://" in given else f"http://{given}"
    return url.rstrip("/").removesuffix("/v1")
