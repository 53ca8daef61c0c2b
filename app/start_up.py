"""The start of a process: the garbage collector rests while modules are loaded."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collector_rests() -> Iterator[None]:
    """Load modules in this block without garbage collection, and never look for garbage in them.

    Also for anything else that lives as long as the process. To search these many objects for
    garbage, again and again while more come, takes a fifth of the start. A child that is forked
    later shares their memory, because no collection touches them any more.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_enabled:
            gc.enable()
