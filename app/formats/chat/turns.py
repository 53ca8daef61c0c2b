"""Chats as turns, between the formats that have them and the records that we keep."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from app.dataset_row import Exchange, Record
from app.formats.broken_rows import BrokenRow, text_of
from app.formats.chat.parts import content_text
from app.formats.chat.roles import TOOL_ROLES, Speaker, role_map
from app.formats.foreign.passed_over import filled, has_something
from app.formats.foreign.unsupported import (
    MEDIA,
    REASONING,
    ROW_COLUMNS,
    TOOL_CALLS,
    TOOLS,
    TURN_MARKS,
    refuse_row,
    refuse_turn,
)
from app.formats.options import ReadOptions

LIST_KEYS = ("messages", "conversations", "conversation")
"""Columns that hold the turns of a chat."""
_TEXTS_KEY = "data"
"""UltraChat's column of plain texts, the user's and the assistant's in turn."""
_SYSTEM_KEYS = ("system", "system_prompt", "system_message")
SPEAKER_KEYS = ("role", "from")
TEXT_KEYS = ("content", "value", "text")
_TURN_KEYS = frozenset((*SPEAKER_KEYS, *TEXT_KEYS))
_PAIR = frozenset(("input", "output"))
_KNOWN_FIELDS = _TURN_KEYS | TOOL_CALLS | TOOLS | MEDIA | REASONING | TURN_MARKS
_MOST_KEYS = 10


@dataclass(frozen=True, slots=True)
class Turn:
    """One message of a conversation."""

    speaker: Speaker
    text: str


class ChatReader:
    """Reads the turns of rows in any of the shapes that people have."""

    def __init__(self, options: ReadOptions, first: str) -> None:
        """Take the options.

        Args:
            options: roles, columns to ignore, the counter of columns that are passed over.
            first: the column to read where a row has several lists of turns.

        Raises:
            InvalidInput: the roles have faults.
        """
        self._options = options
        self._roles = role_map(options.roles)
        self._keys = (first, *(key for key in LIST_KEYS if key != first))

    def looked_at(self, key: str) -> frozenset[str]:
        """Return the columns that are read where the turns are in the column `key`."""
        return (ROW_COLUMNS - self._options.ignored) | {key, *_SYSTEM_KEYS}

    def record(self, row: object) -> Record:
        """Return the record of a row.

        Raises:
            BrokenRow: with what is wrong.
        """
        return record_of_turns(self.turns(row))

    def turns(self, row: object) -> list[Turn]:
        """Return the turns of a row in order, by any speaker; its system message comes first.

        Raises:
            BrokenRow: with what is wrong.
        """
        over: set[str] = set()
        if isinstance(row, list):
            turns = self._turns(row, "turn ", over)
        elif isinstance(row, dict):
            key = self._list_key(row)
            refuse_row(row, self._options.ignored)
            over.update(filled(row, {key, *_SYSTEM_KEYS}))
            turns = self._turns(_list(row[key], key), key, over)
            turns = _with_system(turns, _system(row))
        else:
            raise BrokenRow("not_object", f"a row is an object with {self._keys[0]}")
        if over and self._options.passed_over is not None:
            self._options.passed_over.add(over)
        return turns

    def _list_key(self, row: Mapping[str, object]) -> str:
        for key in self._keys:
            if row.get(key) is not None:
                return key
        texts = row.get(_TEXTS_KEY)
        if isinstance(texts, list) and texts and isinstance(texts[0], str):
            return _TEXTS_KEY
        raise BrokenRow("missing_column", f"{self._keys[0]} is missing")

    def _turns(self, found: list[object], where: str, over: set[str]) -> list[Turn]:
        if len(found) > 1 and all(isinstance(turn, str) for turn in found):
            # LIMA and UltraChat: the user's and the assistant's texts in turn.
            return [
                Turn("assistant" if number % 2 else "user", text_of(text, f"{where}[{number}]"))
                for number, text in enumerate(found)
            ]
        turns: list[Turn] = []
        for number, turn in enumerate(found):
            place = f"{where}[{number}]"
            if not isinstance(turn, dict):
                raise BrokenRow("not_object", f"{place} must be an object")
            if turn.keys() >= _PAIR and not turn.keys() & _TURN_KEYS:
                # Capybara: a user's and an assistant's turn in one.
                turns.append(Turn("user", text_of(turn["input"], f"{place}.input")))
                turns.append(Turn("assistant", text_of(turn["output"], f"{place}.output")))
                over.update(f"{where}[].{name}" for name in filled(turn, _PAIR))
            else:
                turns.append(self._turn(turn, place))
                if len(turn) > 2:
                    over.update(f"{where}[].{name}" for name in filled(turn, _KNOWN_FIELDS))
        return turns

    def _turn(self, turn: Mapping[str, object], place: str) -> Turn:
        speaker = self._speaker(turn, place)
        if len(turn) > 2:
            refuse_turn(turn, place, answers=speaker == "assistant")
        key = _only(turn, TEXT_KEYS, place, "not_text")
        text = content_text(turn[key], f"{place}.{key}", as_text=self._options.as_text)
        return Turn(speaker, text)

    def _speaker(self, turn: Mapping[str, object], place: str) -> Speaker:
        key = _only(turn, SPEAKER_KEYS, place, "unknown_role")
        name = turn[key]
        if not isinstance(name, str):
            raise BrokenRow("unknown_role", f"{place}.{key} is no text")
        plain = name.strip().lower()
        speaker = self._roles.get(plain)
        if speaker is not None:
            return speaker
        if plain in TOOL_ROLES:
            raise BrokenRow(
                "tool_calls", f"{place}.{key} is {name[:50]!r}: a tool, which a record can't hold"
            )
        shown = repr(name[:50])
        raise BrokenRow("unknown_role", f"{place}.{key} is {shown}; map it with --roles (roles)")


def _only(turn: Mapping[str, object], keys: Sequence[str], place: str, reason: str) -> str:
    """Return the key among these that a turn has; null counts only where there is no other."""
    there = [key for key in keys if key in turn]
    there = [key for key in there if turn[key] is not None] or there[:1]
    if not there:
        names = ", ".join(map(repr, sorted(turn)[:_MOST_KEYS])) or "nothing"
        raise BrokenRow(reason, f"{place}.{keys[0]} is missing; there is {names}")
    if any(turn[key] != turn[there[0]] for key in there[1:]):
        raise BrokenRow("ambiguous_turn", f"{place} has {' and '.join(there)}, which differ")
    return there[0]


def _list(turns: object, key: str) -> list[object]:
    if not isinstance(turns, list):
        raise BrokenRow("not_object", f"{key} must be a list of turns")
    return turns


def _system(row: Mapping[str, object]) -> str:
    """Return the system message that stands beside the turns; empty: there is none."""
    found = {text_of(row[key], key) for key in _SYSTEM_KEYS if has_something(row.get(key))}
    if len(found) > 1:
        raise BrokenRow("two_systems", "the row has two system messages, which differ")
    return next(iter(found), "")


def _with_system(turns: list[Turn], system: str) -> list[Turn]:
    has_own = bool(turns) and turns[0].speaker == "system"
    own = turns[0].text if has_own else ""
    if not system or own.strip() == system.strip():
        return turns
    if own:
        what = "a system message beside the turns, and another one among them"
        raise BrokenRow("two_systems", what)
    return [Turn("system", system), *turns[has_own:]]


def record_of_turns(turns: Sequence[Turn]) -> Record:
    """Return a record with the last exchange as its answer, and the earlier ones as history.

    Raises:
        BrokenRow: wrong_order, no_answer.
    """
    has_system = bool(turns) and turns[0].speaker == "system"
    spoken = turns[1:] if has_system else turns
    for number, turn in enumerate(spoken):
        due = "assistant" if number % 2 else "user"
        if turn.speaker != due:
            place = number + 1 + has_system
            raise BrokenRow("wrong_order", f"turn {place} is the {turn.speaker}'s, not the {due}'s")
    if not spoken or len(spoken) % 2:
        raise BrokenRow("no_answer", "the last turn is not the assistant's")
    texts = [turn.text for turn in spoken]
    pairs = [Exchange(user, answer) for user, answer in zip(texts[::2], texts[1::2], strict=True)]
    return Record(
        instruction=pairs[-1].user,
        output=pairs[-1].assistant,
        system=turns[0].text if has_system else "",
        history=tuple(pairs[:-1]),
    )


def turns_of_record(record: Record) -> Iterator[Turn]:
    """Give a record's turns in order; its input stands under its instruction."""
    if record.system:
        yield Turn("system", record.system)
    for exchange in record.history:
        yield Turn("user", exchange.user)
        yield Turn("assistant", exchange.assistant)
    yield Turn("user", record.request)
    yield Turn("assistant", record.output)
