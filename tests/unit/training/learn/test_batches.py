"""Packed rows do not see each other: a model says of each what it says of it alone."""

import random
import time
from typing import Any

import pytest
import torch

from app.training.learn.batches import epoch_order, make_batch, pack_rows
from app.training.learn.loss import summed_loss
from app.training.plain.encoding import Encoded, encode_all
from app.training.plain.option_groups import DataOptions
from tests.unit.training.tiny_models import spelling, tiny_gpt2, tiny_llama, tiny_tokenizer
from tests.unit.training.tiny_training import mean_loss

pytestmark = pytest.mark.torch


@pytest.mark.parametrize("make", [tiny_llama, tiny_gpt2])
def test_a_packed_row_has_the_loss_it_has_alone(make: Any) -> None:
    model = make().eval()
    rows, _ = encode_all(spelling(7), tiny_tokenizer(), DataOptions())

    with torch.no_grad():
        packs = pack_rows(rows, 512)
        packed = float(summed_loss(model, make_batch(packs, 0)))
        alone = sum(float(summed_loss(model, make_batch([(row,)], 0))) for row in rows)

    assert len(packs) < len(rows)
    assert packed == pytest.approx(alone, rel=1e-5)


@pytest.mark.parametrize("make", [tiny_llama, tiny_gpt2])
def test_what_a_packed_row_is_given_does_not_change_its_neighbours(make: Any) -> None:
    model = make().eval()
    rows, _ = encode_all(spelling(12), tiny_tokenizer(), DataOptions())
    first, second = rows[0], rows[1]

    with torch.no_grad():
        one, two = (
            model(input_ids=b.ids, attention_mask=b.attention, position_ids=b.positions).logits
            for b in (make_batch([(before, second)], 0) for before in (first, rows[2]))
        )
    start = len(first.ids)

    assert len(rows[2].ids) == start
    assert not torch.equal(one[0, :start], two[0, :start])
    assert torch.equal(one[0, start:], two[0, start:])


def test_padding_changes_no_loss() -> None:
    model = tiny_llama().eval()
    rows, _ = encode_all(spelling(12), tiny_tokenizer(), DataOptions())
    short, long = rows[0], rows[11]

    together = mean_loss(model, [(short,), (long,)], 0)
    apart = [mean_loss(model, [(row,)], 0) for row in (short, long)]
    weights = [short.loss_tokens, long.loss_tokens]

    weighted = sum(a * w for a, w in zip(apart, weights, strict=True)) / sum(weights)
    assert together == pytest.approx(weighted, rel=1e-5)


def test_the_loss_is_that_of_transformers() -> None:
    model = tiny_llama().eval()
    rows, _ = encode_all(spelling(1), tiny_tokenizer(), DataOptions())
    ids, labels = (torch.tensor([one]) for one in (rows[0].ids, rows[0].labels))

    with torch.no_grad():
        theirs = float(model(input_ids=ids, labels=labels).loss)

    assert mean_loss(model, [(rows[0],)], 0) == pytest.approx(theirs, rel=1e-6)


def test_packs_hold_every_row_once_and_none_is_too_long() -> None:
    rows, _ = encode_all(spelling(50), tiny_tokenizer(), DataOptions())

    packs = pack_rows(rows, 400)

    assert sorted(row.ids for pack in packs for row in pack) == sorted(row.ids for row in rows)
    assert max(sum(len(row.ids) for row in pack) for pack in packs) <= 400


def test_each_epoch_has_an_order_of_its_own_that_is_always_the_same() -> None:
    orders = [epoch_order(20, 1, epoch) for epoch in range(3)]

    assert orders[0] != orders[1]
    assert orders == [epoch_order(20, 1, epoch) for epoch in range(3)]
    assert all(sorted(order) == list(range(20)) for order in orders)


def test_many_rows_are_packed_at_once_and_leave_little_room() -> None:
    draw = random.Random(1)
    rows = [Encoded(ids, ids) for ids in ((1,) * draw.randint(20, 300) for _ in range(40_000))]
    started = time.process_time()

    packs = pack_rows(rows, 512)

    # Looking through all packs for each row takes some hundred times as long.
    assert time.process_time() - started < 5
    assert sum(map(len, packs)) == len(rows)
    assert max(sum(len(row.ids) for row in pack) for pack in packs) <= 512
    assert len(packs) < 1.02 * sum(len(row.ids) for row in rows) / 512
