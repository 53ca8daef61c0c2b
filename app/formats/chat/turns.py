"""Chats as turns, between the formats that have them and the records that we keep."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from app.dataset_row import Exchange, Record
from app.formats.broken_rows import BrokenRow, text_of

Speaker: TypeAlias = Literal["system", "user", "assistant"]


@dataclass(frozen=True, slots=True)
class Turn:
    """One message of a conversation."""

    speaker: Speaker
    text: str


@dataclass(frozen=True, slots=True)
class TurnShape:
    """The names that a format uses for turns."""

    list_key: str
    """The column that holds the turns."""
    speaker_key: str
    text_key: str
    speakers: Mapping[str, Speaker]
    """Every name of a speaker that is read."""

    def turns(self, row: object) -> list[Turn]:
        """Read a row's turns in order, by any speaker.

        Raises:
            BrokenRow: with what is wrong.
        """
        if not isinstance(row, dict):
            raise BrokenRow("not_object", f"a row is an object with {self.list_key}")
        turns = row.get(self.list_key)
        if turns is None:
            raise BrokenRow("missing_column", f"{self.list_key} is missing")
        if not isinstance(turns, list):
            raise BrokenRow("not_object", f"{self.list_key} must be a list of turns")
        return [self._turn(turn, f"{self.list_key}[{n}]") for n, turn in enumerate(turns)]

    def _turn(self, turn: object, where: str) -> Turn:
        if not isinstance(turn, dict):
            raise BrokenRow("not_object", f"{where} must be an object")
        name = turn.get(self.speaker_key)
        speaker = self.speakers.get(name) if isinstance(name, str) else None
        if speaker is None:
            raise BrokenRow("unknown_role", f"{where}.{self.speaker_key} is {_named(name)}")
        if self.text_key not in turn:
            raise BrokenRow("not_text", f"{where}.{self.text_key} is missing")
        return Turn(speaker, text_of(turn[self.text_key], f"{where}.{self.text_key}"))


def _named(name: object) -> str:
    return repr(name[:50]) if isinstance(name, str) else "no text"


MESSAGES = TurnShape(
    list_key="messages",
    speaker_key="role",
    text_key="content",
    # Newer models have "developer" where older ones have "system".
    speakers={
        "system": "system",
        "developer": "system",
        "user": "user",
        "assistant": "assistant",
    },
)
SHAREGPT = TurnShape(
    list_key="conversations",
    speaker_key="from",
    text_key="value",
    # What people's collections call the two sides.
    speakers={
        "system": "system",
        "human": "user",
        "user": "user",
        "gpt": "assistant",
        "chatgpt": "assistant",
        "assistant": "assistant",
        "bing": "assistant",
        "bard": "assistant",
    },
)


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
