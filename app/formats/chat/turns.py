"""Chats as turns, between the formats that have them and the records that we keep."""

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass

from app.dataset_row import Exchange, Record
from app.formats.broken_rows import BrokenRow, text_of
from app.formats.chat.parts import content_text, system_text
from app.formats.chat.roles import TOOL_ROLES, Speaker, role_map
from app.formats.chat.turn_lists import LIST_KEYS, turns_key, turns_list
from app.formats.foreign.passed_over import filled, has_something
from app.formats.foreign.unsupported import (
    MEDIA,
    REASONING,
    ROW_COLUMNS,
    TOOL_CALLS,
    TOOLS,
    TURN_MARKS,
    refuse_call_in_text,
    refuse_row,
    refuse_turn,
)
from app.formats.options import ReadOptions

_SYSTEM_KEYS = (
    *("system", "system_prompt", "system_message", "systemInstruction", "system_instruction"),
)
_SPEAKER_KEYS = ("role", "from")
_OTHER_SPEAKER_KEYS = ("speaker", "author")
_TEXT_KEYS = ("content", "value", "text")
_OTHER_TEXT_KEYS = ("parts", "message")
_TURN_KEYS = frozenset((*_SPEAKER_KEYS, *_TEXT_KEYS))
# A user's and an assistant's turn in one object: Capybara, Firefly and others.
_PAIRS = (
    ("input", "output"),
    ("human", "assistant"),
    ("user", "assistant"),
    ("prompt", "response"),
    ("question", "answer"),
    ("instruction", "output"),
)
_CHECKED_FIELDS = TOOL_CALLS | TOOLS | MEDIA | REASONING | TURN_MARKS
_KNOWN_FIELDS = _TURN_KEYS | _CHECKED_FIELDS
_MOST_KEYS = 10
_ROUND: tuple[Speaker, Speaker] = ("user", "assistant")


@dataclass(frozen=True, slots=True)
class Turn:
    """One message of a conversation."""

    speaker: Speaker
    text: str


class ChatReader:
    """Reads the turns of rows in any of the shapes that people have."""

    def __init__(self, options: ReadOptions, first: str = LIST_KEYS[0]) -> None:
        """Take the options.

        Args:
            options: roles, columns to ignore, the counter of columns that are passed over.
            first: the column to read where a row has several lists of turns.

        Raises:
            InvalidInput: the roles have faults.
        """
        self._options = options
        self._roles = role_map(options.roles)
        self._first = first

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
            key = turns_key(row, self._first)
            if key is None:
                raise BrokenRow("missing_column", f"{self._first} is missing")
            return self.turns_beside(turns_list(row[key], key, self._options.limits), row, {key})
        else:
            raise BrokenRow("not_object", f"a row is an object with {self._first}")
        self._count(over)
        return turns

    def turns_beside(
        self, found: list[object], row: Mapping[str, object], read: Set[str]
    ) -> list[Turn]:
        """Return the turns of a list, with the system message that the row has beside it.

        Args:
            found: the list.
            row: the row that it is from.
            read: the columns of the row that it was made of.

        Raises:
            BrokenRow: with what is wrong.
        """
        refuse_row(row, self._options.ignored)
        over = {*filled(row, {*read, *_SYSTEM_KEYS})}
        turns = self._turns(found, next(iter(sorted(read))), over)
        turns = _with_system(turns, _system(row))
        self._count(over)
        return turns

    def _count(self, over: Set[str]) -> None:
        if over and self._options.passed_over is not None:
            self._options.passed_over.add(over)

    def _turns(self, found: list[object], where: str, over: set[str]) -> list[Turn]:
        if found and all(isinstance(turn, str) for turn in found):
            # LIMA and UltraChat: the user's and the assistant's texts in turn.
            return [
                Turn(_ROUND[number % 2], text_of(text, f"{where}[{number}]"))
                for number, text in enumerate(found)
            ]
        turns: list[Turn] = []
        for number, turn in enumerate(found):
            place = f"{where}[{number}]"
            if not isinstance(turn, dict):
                raise BrokenRow("not_object", f"{place} must be an object")
            pair = _pair_of(turn)
            if pair is not None:
                turns += self._both(turn, pair, place)
                read = {*pair, *(() if number else ("system",))} | _CHECKED_FIELDS
                over.update(f"{where}[].{name}" for name in filled(turn, read))
            else:
                made, keys = self._turn(turn, place)
                turns.append(made)
                if len(turn) > 2:
                    known = _KNOWN_FIELDS.union(keys)
                    over.update(f"{where}[].{name}" for name in filled(turn, known))
        return turns

    def _both(self, turn: Mapping[str, object], pair: Sequence[str], place: str) -> Iterator[Turn]:
        """Yield the turns of an object with a question and its answer, maybe a system message."""
        if len(turn) > 2:
            refuse_turn(turn, place, answers=True)
        if place.endswith("[0]") and has_something(turn.get("system")):
            yield Turn("system", text_of(turn["system"], f"{place}.system"))
        for speaker, key in zip(_ROUND, pair, strict=True):
            yield Turn(speaker, self._text(turn, key, f"{place}.{key}"))

    def _turn(self, turn: Mapping[str, object], place: str) -> tuple[Turn, Set[str]]:
        """Return a turn, and the keys that it was read from."""
        key = _only(turn, _SPEAKER_KEYS, _OTHER_SPEAKER_KEYS, place, "unknown_role")
        speaker = self._speaker(turn, key, place)
        if len(turn) > 2:
            refuse_turn(turn, place, answers=speaker == "assistant")
        text_key = _only(turn, _TEXT_KEYS, _OTHER_TEXT_KEYS, place, "not_text")
        return Turn(speaker, self._text(turn, text_key, f"{place}.{text_key}")), {key, text_key}

    def _text(self, turn: Mapping[str, object], key: str, place: str) -> str:
        text = content_text(turn[key], place, as_text=self._options.as_text)
        refuse_call_in_text(text, place, self._options.ignored)
        return text

    def _speaker(self, turn: Mapping[str, object], key: str, place: str) -> Speaker:
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


def _pair_of(turn: Mapping[str, object]) -> tuple[str, str] | None:
    """Return the keys of a user's and an assistant's text in one object; None: it is one turn."""
    if not turn.keys().isdisjoint(_TURN_KEYS):
        return None
    return next((pair for pair in _PAIRS if pair[0] in turn and pair[1] in turn), None)


def _only(
    turn: Mapping[str, object],
    keys: Sequence[str],
    others: Sequence[str],
    place: str,
    reason: str,
) -> str:
    """Return the key among these that a turn has; null counts only where there is no other.

    Args:
        turn: its fields.
        keys: the usual keys.
        others: keys that are looked for only when there is none of the usual ones.
        place: of the turn, for the message.
        reason: why the row is broken if it has none of them.

    Raises:
        BrokenRow: the reason, or ambiguous_turn.
    """
    there = [key for key in keys if key in turn] or [key for key in others if key in turn]
    there = [key for key in there if turn[key] is not None] or there[:1]
    if not there:
        names = ", ".join(map(repr, sorted(turn)[:_MOST_KEYS])) or "nothing"
        raise BrokenRow(reason, f"{place}.{keys[0]} is missing; there is {names}")
    if any(turn[key] != turn[there[0]] for key in there[1:]):
        raise BrokenRow("ambiguous_turn", f"{place} has {' and '.join(there)}, which differ")
    return there[0]


def _system(row: Mapping[str, object]) -> str:
    """Return the system message that stands beside the turns; empty: there is none."""
    found = {system_text(row[key], key) for key in _SYSTEM_KEYS if has_something(row.get(key))}
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
