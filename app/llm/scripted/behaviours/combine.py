"""Combinations of behaviours: several at once, for some stages, from some call on.

``playing(thinks(), on(("classify",), labels(str.upper)))`` is the script of an endpoint.
"""

from collections.abc import Callable, Collection, Mapping
from typing import TypeAlias

from app.llm.scripted.model import reply, stage_of
from app.llm.scripted.wire import Script, ScriptedCall, ScriptedReply

Behaviour: TypeAlias = Callable[[Script], Script]
"""Returns a script that plays one habit of an endpoint on top of another script."""
Applies: TypeAlias = Callable[[ScriptedCall], bool]

WRITING = ("generate", "classify", "input_first", "output_first", "re_answer", "judge")
"""The stages of the method, as `stage_of` names them."""
INSTANCES = ("input_first", "output_first")


def playing(*behaviours: Behaviour, script: Script = reply) -> Script:
    """Return `script` with behaviours on top; the last one sees a call first."""
    for behaviour in behaviours:
        script = behaviour(script)
    return script


def by_model(scripts: Mapping[str, Script]) -> Script:
    """Return the script of an endpoint with several models, each with a script of its own."""
    return lambda call: scripts[call.model](call)


def when(applies: Applies, behaviour: Behaviour) -> Behaviour:
    """Let a behaviour see only the calls to which `applies` applies."""

    def wrap(script: Script) -> Script:
        changed = behaviour(script)
        return lambda call: changed(call) if applies(call) else script(call)

    return wrap


def on(stages: Collection[str], behaviour: Behaviour) -> Behaviour:
    """Let a behaviour see only the calls of some stages."""
    return when(lambda call: stage_of(call) in stages, behaviour)


def in_method(behaviour: Behaviour) -> Behaviour:
    """Let a behaviour see no question of a preflight."""
    return on(WRITING, behaviour)


def after(calls: int, behaviour: Behaviour) -> Behaviour:
    """Let a behaviour begin after the server's first `calls` calls."""
    return when(lambda call: call.n > calls, behaviour)


def first(calls: int, behaviour: Behaviour) -> Behaviour:
    """Let a behaviour end after the server's first `calls` calls."""
    return when(lambda call: call.n <= calls, behaviour)


def every(nth: int, behaviour: Behaviour) -> Behaviour:
    """Let a behaviour see each `nth` call: a share of 1 / `nth`, with no randomness."""
    return when(lambda call: call.n % nth == 0, behaviour)


def replies(change: Callable[[ScriptedCall, ScriptedReply], ScriptedReply]) -> Behaviour:
    """Return the behaviour that changes each reply."""

    def wrap(script: Script) -> Script:
        return lambda call: change(call, script(call))

    return wrap
