"""Facts to write reports and cards from: full ones, none, and ones whose every text is hostile."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from app.dataset_row import DatasetRow, Exchange, Origin, Record
from app.reports.dataset.facts import (
    CardFacts,
    DecontaminationFacts,
    FileFacts,
    FilterFacts,
    HitFacts,
    SourceFacts,
)
from app.statistics.collector import StatisticsCollector
from app.statistics.rules import RuleFinder, VerbNoun
from app.statistics.run_facts import AcceptancePoint, RunFacts
from app.statistics.verbs import VerbFinder

HOSTILE = [
    "</script><script>alert(1)</script>",
    "</style></title></svg>]]>--><img src=x onerror=alert(1)>",
    "a | b\n| c | d |\r\n---\n# heading\n- item",
    "`code` ``` *bold* _it_ [link](javascript:alert(1)) ![x](http://evil.example/x.png)",
    '" onload="alert(1)\' & &amp; &#60;script&#62; {{ 7*7 }} {% raw %}',
    "\x00\x01\x0b\x1b[31m\x7f\x85\ud800\ufffe\u2028\u2029",
    "\u202eevil\u202c \u2067\u05e9\u05dc\u05d5\u05dd\u2069 مرحبا بالعالم",
    "👩\u200d👩\u200d👧 🏳️\u200d🌈 数据集 — ünïcødé z\u0335\u0321a\u0310",
    "w" * 10_000,
    "---\n...\n%YAML 1.2\n: {a: [b]} !!python/object:os.system &x *x # c",
    "https://evil.example www.evil.example a@evil.example $x^2$ ~~gone~~ <b>",
]


@dataclass
class FixedFinder:
    """Answers every text with the same verb and noun."""

    answer: VerbNoun
    name: str = "fixed"
    is_slow: bool = False
    asked: list[str] = field(default_factory=list)

    def find(self, texts: Sequence[str]) -> list[VerbNoun | None]:
        self.asked += texts
        return [self.answer for _ in texts]


def rows_of_garden() -> list[DatasetRow]:
    """Two ways of making labels, two splits, a chat, an empty output."""
    rows: list[DatasetRow] = []
    for i in range(40):
        way = "output_first" if i % 2 else "input_first"
        record = Record(
            f"Classify plant {i % 8 // 2} as tree or herb, {way}.",
            "tree" if i % 4 else "herb",
            f"plant number {i}",
            is_classification=True,
        )
        origin: Origin = {"instance_mode": way}
        rows.append(DatasetRow(len(rows), record, origin=origin))
    for text in (
        "Write a poem about moss.",
        "Name three trees.",
        "List two herbs.",
        "Write a song.",
    ):
        record = Record(text, "Moss is soft.", is_classification=False)
        rows.append(DatasetRow(len(rows), record, "test"))
    chat = Record("And now?", "", history=(Exchange("Tell a tale.", "Once ..."),))
    rows.append(DatasetRow(len(rows), chat, changes=("no_input_spelling",)))
    return rows


def facts_of(
    rows: Sequence[DatasetRow], finder: VerbFinder | None = None, **more: object
) -> CardFacts:
    counting = StatisticsCollector(finder)
    for place, row in enumerate(rows):
        counting.add(row, None if place % 5 == 4 else place % 10 / 10)
    given = {"name": "garden", "version": 3, "created_at": "2026-11-25", **more}
    return CardFacts.model_validate({**given, "statistics": counting.statistics()})


def garden() -> CardFacts:
    return facts_of(
        rows_of_garden(),
        RuleFinder(),
        seedbed_version="0.1.0",
        hub_id="someone/garden",
        licence="cc-by-4.0",
        languages=("en",),
        tags=("plants",),
        sources=(
            SourceFacts(kind="seed_set", name="seeds_01", rows=12, licence="apache-2.0"),
            SourceFacts(kind="run", name="run_01", rows=40),
        ),
        recipe='{"seed": 7}',
        runs=(run("run_01"), run("run_02", cost_usd=0.25)),
        filters=(
            FilterFacts(name="output_rules", looked_at=50, dropped={"refusal": 3, "echo": 2}),
            FilterFacts(name="judge", looked_at=45, mended={"no_input_spelling": 1}, failed=4),
        ),
        decontamination=(
            DecontaminationFacts(
                test_set="exam.jsonl", test_rows=100, methods=("13-gram", "rouge_l"), checked=45,
                hits=2, dropped=1,
                examples=(HitFacts(position=1, text="a b c", test_text="a b d", method="rouge_l",
                                   score=0.81),),
            ),
        ),
        files=(
            FileFacts(path="data/train.jsonl", format="jsonl", split="train", rows=41,
                      size_bytes=4_200, sha256="a" * 64),
            FileFacts(path="data/test.jsonl", format="jsonl", split="test", rows=4),
            FileFacts(path="alpaca.json", format="alpaca_json", rows=45),
            FileFacts(path="plots/verbs.svg", format="svg"),
        ),
        plots={"verbs": "plots/verbs.svg"},
    )  # fmt: skip


def run(run_id: str, **more: object) -> RunFacts:
    given = {
        "run_id": run_id,
        "profile": "default",
        "models": ("model-one",),
        "prompt_versions": ("default/generate@1f3a5c7e9b0d",),
        "started_at": "2026-11-24T10:00:00Z",
        "candidates": 80,
        "accepted": 20,
        "rows": 40,
        "acceptance": tuple(AcceptancePoint(calls=n, accepted=n // 3) for n in range(0, 61, 6)),
        "rejected": {
            "generate": {"near_duplicate": 50, "too_short": 10},
            "instantiate": {"echo": 3},
        },
        "calls": 60,
        "prompt_tokens": 12_000,
        "cached_tokens": 9_000,
        "estimated_calls": 3,
        "completion_tokens": 3_456,
        "cost_usd": 1.5,
    }
    return RunFacts.model_validate({**given, **more})


def hostile(text: str) -> tuple[CardFacts, list[DatasetRow]]:
    """Facts and rows that have this text wherever a text can be."""
    chat = (Exchange(text, text),)
    rows = [
        DatasetRow(i, Record(f"{text}{i // 2}", text, text, history=chat, is_classification=True),
                   changes=(text,))
        for i in range(4)
    ]  # fmt: skip
    hit = HitFacts(position=None, text=text, test_text=text, method=text)
    facts = facts_of(
        rows,
        FixedFinder(VerbNoun(text, text)),
        name=text, created_at=text, seedbed_version=text, hub_id=text, licence=text,
        languages=(text, "en"), tags=(text,), recipe=text,
        sources=(SourceFacts(kind="import", name=text, licence=text, note=text),),
        runs=(
            run(text, profile=text, models=(text,), prompt_versions=(text,), started_at=text,
                ended_at=text, rejected={text: {text: 3}}, cost_usd=None),
            run(text + "2"),
        ),
        filters=(FilterFacts(name=text, looked_at=9, dropped={text: 2}, mended={text: 1}),),
        decontamination=(
            DecontaminationFacts(test_set=text, test_rows=2, methods=(text,), checked=4, hits=1,
                                 dropped=0, examples=(hit,)),
        ),
        files=(
            FileFacts(path=f"{text}.jsonl", format=text, split=text, rows=4, sha256=text),
        ),
        plots={"verbs": text},
    )  # fmt: skip
    return facts, rows
