"""It learns: made-up rows of four simple tasks teach a real small model tasks it did not have."""

import random
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import pytest

from app.record import Record

if find_spec("peft") is None:
    pytest.skip("needs the extra 'training'", allow_module_level=True)

from app.training.answering import answers
from app.training.encoding import encode_all
from app.training.foretelling import mean_loss
from app.training.loop import Watch, tune
from app.training.methods import adapt
from app.training.models import Place, load
from app.training.options import MethodOptions, ScheduleOptions, TrainingOptions

WORDS = """
apple river stone cloud green table mouse light bread music house water paper chair horse
plant sugar train night smile ocean glass metal lemon tiger piano field brush black white
brown sheep snake eagle shark whale robot phone radio clock watch shirt shoes dress plate
spoon knife grape peach melon onion beach storm earth world heart brain queen
"""


def template_rows(count: int, seed: int) -> Sequence[Record]:
    """Rows of four tasks in turn: add two numbers, rewrite, spell, decide."""
    chance = random.Random(seed)
    rows: list[Record] = []
    seen: set[tuple[str, str]] = set()
    while len(rows) < count:
        row = _row(len(rows) % 4, chance)
        if (row.instruction, row.input) not in seen:
            seen.add((row.instruction, row.input))
            rows.append(row)
    return rows


def _row(task: int, chance: random.Random) -> Record:
    first, second = chance.sample(WORDS.split(), 2)
    a, b = chance.randint(1, 9), chance.randint(1, 9)
    if task == 0:
        return Record("Add the two numbers.", f"The sum is {a + b}.", f"{a} and {b}")
    if task == 1:
        return Record("Swap the two words.", f"{second} {first}", f"{first} {second}")
    if task == 2:
        return Record("Spell the word.", "-".join(first), first)
    number = chance.randint(0, 99)
    answer = "yes" if number >= 50 else "no"
    return Record("Decide whether the number is 50 or more.", answer, str(number))


@pytest.mark.slow
def test_twenty_steps_of_lora_teach_a_small_model_four_tasks(tmp_path: Path) -> None:
    options = TrainingOptions(
        method=MethodOptions(targets="all linear"),
        schedule=ScheduleOptions(steps=20, batch=16, micro_batch=16, learning_rate=2e-3),
    )
    rows = template_rows(64 + 112, seed=1)
    learnt, held_out = rows[:64], rows[64:]
    loaded = load(options, tmp_path / "models", Place())
    packs, _ = encode_all(learnt, loaded.tokenizer, options.data)
    others, _ = encode_all(held_out, loaded.tokenizer, options.data)
    padding = loaded.tokenizer.pad_token_id

    def right() -> int:
        told = answers(loaded.model, loaded.tokenizer, held_out, options.data, 12)
        return sum(a.text.strip() == row.output for a, row in zip(told, held_out, strict=True))

    loss_before, right_before = mean_loss(loaded.model, [(o,) for o in others], padding), right()
    adapted = adapt(loaded.model, options.method, 20)
    outcome = tune(adapted, [(p,) for p in packs], options, tmp_path / "checkpoints", Watch())
    loss_after, right_after = mean_loss(adapted.model, [(o,) for o in others], padding), right()

    print(f"right {right_before} -> {right_after} of 112, loss {loss_before} -> {loss_after}")
    print([round(loss, 3) for loss in outcome.losses])
    assert right_before < 12
    assert right_after > 84
    assert loss_after < 0.3 < loss_before
