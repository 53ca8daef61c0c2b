"""The environment of the stack's processes: the settings, as environment variables."""

import json
import os
import sysconfig
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

from pydantic import BaseModel, SecretStr

from app.settings import Settings

_ROOT = Path(__file__).resolve().parents[2]
"""The folder that contains `app` and `workers`."""
_SLOW_MODEL_TIMEOUT_S = 900.0
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def variable_names() -> dict[str, str]:
    """Return the environment variable of each field of `Settings`, by field name."""
    prefix = Settings.model_config.get("env_prefix", "")
    return {
        name: str(field.validation_alias or f"{prefix}{name}".upper())
        for name, field in Settings.model_fields.items()
    }


def process_environment(
    settings: Settings, outer: Mapping[str, str], extra: Mapping[str, str]
) -> dict[str, str]:
    """Return the environment of a process: `outer`, the settings of this process, and `extra`.

    A setting that is unset here is unset there, even when `outer` has it.
    """
    names = variable_names()
    ours = {name.upper() for name in names.values()}
    environment = {name: value for name, value in outer.items() if name.upper() not in ours}
    for field, name in names.items():
        value = getattr(settings, field)
        if value is not None:
            environment[name] = _text(value)
    environment["PYTHONUNBUFFERED"] = "1"
    environment["PYTHONPATH"] = _python_path(outer.get("PYTHONPATH", ""))
    # The processes talk to each other on loopback, which a proxy cannot reach.
    for name in ("NO_PROXY", "no_proxy"):
        environment[name] = ",".join([*filter(None, [outer.get(name)]), *_LOOPBACK])
    return {**environment, **extra}


def slow_model_pace(settings: Settings, slots: int) -> dict[str, str]:
    """Return settings that suit a model on this machine's cores, where the user set none.

    With the defaults, which are meant for an endpoint, calls would wait for one of its `slots`
    until they time out.
    """
    suited = {"concurrency": slots + 1, "request_timeout_s": _SLOW_MODEL_TIMEOUT_S}
    names = variable_names()
    return {
        names[field]: str(value)
        for field, value in suited.items()
        if field not in settings.model_fields_set
    }


def _text(value: object) -> str:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, Path):
        return str(value.expanduser().resolve())
    if isinstance(value, dict | tuple):
        return json.dumps(_json(value))
    return str(value)


def _json(value: object) -> object:
    """Return a value as JSON, with secrets in plain text: it is for our own process only."""
    match value:
        case SecretStr():
            return value.get_secret_value()
        case BaseModel():
            return {name: _json(field) for name, field in value}
        case dict():
            return {name: _json(item) for name, item in value.items()}
        case tuple():
            return [_json(item) for item in value]
        case Decimal():
            return str(value)
    return value


def _python_path(inherited: str) -> str:
    # Installed among the site-packages they are found anyway, and naming that folder here would put
    # it before the standard library.
    if Path(sysconfig.get_paths()["purelib"]).resolve() == _ROOT:
        return inherited
    return os.pathsep.join([str(_ROOT), *filter(None, [inherited])])
