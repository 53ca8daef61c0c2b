"""Tuning: reported, stopped, killed and resumed, it ends where it would have ended."""

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from app.errors import Conflict, LossNotFinite, MemoryTooSmall, SeedbedError, TrainingError
from app.training.learn import checkpoints
from app.training.learn.checkpoints import (
    rank_allocator_state,
    set_rank_allocator_state,
    tuned_weights,
)
from app.training.learn.loop import (
    Step,
    TrainingHooks,
    count_steps,
    learning_rate_at,
    orthogonality_loss,
)
from app.training.learn.loss import answer_examples
from app.training.model.base_models import enable_gradient_checkpointing
from app.training.model.methods import adapt, adapter_ranks
from app.training.plain.option_groups import MethodName, ScheduleOptions
from app.training.plain.options import TrainingOptions
from tests.unit.training.tiny_models import tiny_gpt2, tiny_llama
from tests.unit.training.tiny_training import STEPS, mean_loss, options_for, packs_for, tuned

pytestmark = pytest.mark.torch

ROOT = Path(__file__).resolve().parents[4]
METHODS: list[MethodName] = [
    "lora", "rslora", "dora", "adalora", "prefix", "ia3", "bottleneck", "full",
]  # fmt: skip


def stop_after(steps: int) -> TrainingHooks:
    seen: list[Step] = []
    return TrainingHooks(on_step=seen.append, should_stop=lambda: len(seen) == steps)


@pytest.mark.parametrize("name", METHODS)
def test_every_method_brings_the_loss_down(name: MethodName, tmp_path: Path) -> None:
    options = options_for(name)
    packs, _ = packs_for(options)
    before = mean_loss(tiny_llama(), packs, 0)

    adapted, outcome = tuned(options, tmp_path)

    assert outcome.steps == STEPS
    assert mean_loss(adapted.model, packs, 0) < before


def test_packed_rows_are_learnt_too(tmp_path: Path) -> None:
    options = options_for(packing=True)
    packs, _ = packs_for(options)
    before = mean_loss(tiny_gpt2(), packs, 0)

    adapted, _ = tuned(options, tmp_path, model=tiny_gpt2())

    assert len(packs) < 8
    assert mean_loss(adapted.model, packs, 0) < before


def test_each_step_is_reported_with_its_loss_and_learning_rate(tmp_path: Path) -> None:
    reported: list[Step] = []

    _, outcome = tuned(options_for(), tmp_path, TrainingHooks(on_step=reported.append))

    assert [step.number for step in reported] == list(range(1, STEPS + 1))
    assert tuple(step.loss for step in reported) == outcome.losses
    assert reported[0].learning_rate == 2e-2 > reported[-1].learning_rate > 0
    assert all(step.of == STEPS and step.gradient > 0 for step in reported)


def test_micro_batches_change_nothing_but_the_memory(tmp_path: Path) -> None:
    # Without dropout, which draws anew for each of them.
    still = {"method": options_for().method.model_copy(update={"dropout": 0.0})}
    one, other = (
        tuned(options_for(micro_batch=size).model_copy(update=still), tmp_path / str(size))[1]
        for size in (1, 4)
    )

    assert one.losses == pytest.approx(other.losses, rel=1e-4)


@pytest.mark.parametrize("name", ["lora", "adalora", "bottleneck", "full"])
def test_stopped_and_resumed_it_ends_with_the_same_weights(
    name: MethodName, tmp_path: Path
) -> None:
    options = options_for(name)
    whole, undisturbed = tuned(options, tmp_path / "whole")

    _, stopped = tuned(options, tmp_path / "stopped", stop_after(7))
    resumed, outcome = tuned(options, tmp_path / "stopped")

    assert (stopped.steps, stopped.stopped) == (7, True)
    assert (outcome.resumed_from, outcome.stopped) == (7, False)
    assert outcome.losses == undisturbed.losses
    assert adapter_ranks(resumed.model) == adapter_ranks(whole.model)
    expected = tuned_weights(whole.model)
    for weight_name, weights in tuned_weights(resumed.model).items():
        assert torch.equal(weights, expected[weight_name])


def test_stopped_within_a_step_the_step_is_made_anew(tmp_path: Path) -> None:
    options = options_for()
    _, undisturbed = tuned(options, tmp_path / "whole")
    asked: list[int] = []

    def stop() -> bool:
        asked.append(1)
        # Two micro-batches a step: this is before the second of the fourth step.
        return len(asked) == 8

    _, stopped = tuned(options, tmp_path / "stopped", TrainingHooks(should_stop=stop))
    _, resumed = tuned(options, tmp_path / "stopped")

    assert stopped.steps == 3
    assert resumed.losses == undisturbed.losses


KILLED = """
import sys, time
from pathlib import Path
from app.training.learn.loop import TrainingHooks
from tests.unit.training.tiny_training import options_for, tuned
def reported(step):
    print(step.number, flush=True)
    time.sleep(0.05)
options = options_for("bottleneck", packing=True, checkpoint_every=3)
tuned(options, Path(sys.argv[1]), TrainingHooks(on_step=reported))
"""


def test_killed_and_started_again_it_ends_with_the_same_weights(tmp_path: Path) -> None:
    options = options_for("bottleneck", packing=True, checkpoint_every=3)
    whole, undisturbed = tuned(options, tmp_path / "whole")
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path / "killed")],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    ) as killed:
        assert killed.stdout is not None
        while killed.stdout.readline().strip() != "7":
            pass
        killed.send_signal(signal.SIGKILL)

    resumed, again = tuned(options, tmp_path / "killed")

    assert again.resumed_from == 6
    assert again.losses == undisturbed.losses
    expected = tuned_weights(whole.model)
    for name, weights in tuned_weights(resumed.model).items():
        assert torch.equal(weights, expected[name])


def test_a_new_option_leaves_earlier_checkpoints_valid() -> None:
    options = options_for()
    examples = answer_examples(packs_for(options, 2)[0])

    # By the version before the options of `bottleneck`.
    assert checkpoints.fingerprint(options, examples) == (
        "6210bc9e170b7a9cde99f9dcb27d20a138ac3f84cb54598b8221f67537545267"
    )
    method = options.method.model_copy(update={"name": "bottleneck", "reduction_factor": 8})
    other = options.model_copy(update={"method": method})
    first, second = (
        checkpoints.fingerprint(each, examples)
        for each in (other, other.model_copy(update={"method": options_for("bottleneck").method}))
    )
    assert first != second


def test_checkpoints_of_other_options_are_left_alone(tmp_path: Path) -> None:
    tuned(options_for(), tmp_path, stop_after(2))
    held = {path: path.read_bytes() for path in tmp_path.iterdir()}

    with pytest.raises(Conflict, match="other rows or options"):
        tuned(options_for(learning_rate=1e-3), tmp_path)

    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == held


def test_the_last_two_checkpoints_stay(tmp_path: Path) -> None:
    tuned(options_for(checkpoint_every=2), tmp_path)

    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["checkpoint-00000010.pt", "checkpoint-00000012.pt"]


def test_a_loss_that_is_no_number_stops_it_and_the_last_checkpoint_stays(tmp_path: Path) -> None:
    model = tiny_llama()

    def poison(step: Step) -> None:
        if step.number == 6:
            with torch.no_grad():
                model.model.norm.weight.fill_(float("nan"))

    with pytest.raises(LossNotFinite, match=r"step 7 is nan .* checkpoint of step 5 is kept"):
        tuned(options_for(), tmp_path, TrainingHooks(on_step=poison), model)

    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint-00000005.pt"]
    _, outcome = tuned(options_for(), tmp_path)
    assert (outcome.resumed_from, outcome.steps) == (5, STEPS)


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
from app.errors import OutOfSpace
from app.training.publish.adapter_folder import save_tuned
from app.training.learn.loop import TrainingHooks
from tests.unit.training.tiny_models import tiny_llama, tiny_tokenizer
from tests.unit.training.tiny_training import options_for, tuned
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
def reported(step):
    if step.number == 6:
        resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))
try:
    tuned(options_for(), Path(sys.argv[1]), TrainingHooks(on_step=reported))
except OutOfSpace as problem:
    print(problem)
try:
    save_tuned(Path(sys.argv[1]) / "whole", tiny_llama(), tiny_tokenizer(), {}, card="")
except OutOfSpace as problem:
    print(problem)
"""


def test_on_a_full_disk_it_says_so_and_only_what_is_whole_is_left(tmp_path: Path) -> None:
    reported = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(tmp_path)],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip

    checkpoint, whole = reported.stdout.splitlines()
    assert checkpoint.startswith("No space is left to write checkpoint-00000010.pt")
    assert whole == "No space is left to write whole."
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint-00000005.pt"]
    assert tuned(options_for(), tmp_path)[1].resumed_from == 5


@pytest.mark.parametrize("steps", [3, 20])
def test_adalora_ends_with_fewer_ranks_in_all_than_it_began_with(
    steps: int, tmp_path: Path
) -> None:
    options = options_for("adalora", steps=steps)

    adapted, _ = tuned(options, tmp_path)

    reported = adapter_ranks(adapted.model)
    assert sum(reported.values()) == 8 * len(adapted.targets)
    assert len(set(reported.values())) > 1


def test_adalora_s_directions_are_lost_on_nothing_once_they_are_orthogonal() -> None:
    model = adapt(tiny_llama(), options_for("adalora").method, STEPS).model
    directions = {
        name: one for name, one in model.named_parameters() if name.split(".lora_")[-1][0] in "AB"
    }
    with torch.no_grad():
        for one in directions.values():
            torch.nn.init.orthogonal_(one)
    assert orthogonality_loss(model).item() == pytest.approx(0, abs=1e-4)

    changed, *_ = directions.values()
    with torch.no_grad():
        changed *= 2
    # Each of its directions has the square length 4 instead of 1.
    expected = 3 * min(changed.shape) ** 0.5 / len(directions)
    loss = orthogonality_loss(model)
    assert loss.item() == pytest.approx(expected, rel=1e-3)
    loss.backward()
    assert [name for name, one in model.named_parameters() if one.grad is not None] == list(
        directions
    )


@pytest.mark.parametrize(("shape", "halfway"), [("constant", 1), ("linear", 0.5), ("cosine", 0.5)])
def test_half_of_the_way_after_the_warm_up_is_half_of_the_decay(shape: str, halfway: float) -> None:
    options = TrainingOptions.model_validate(
        {"schedule": {"shape": shape, "warmup_share": 0.25, "learning_rate": 1.0}}
    )
    assert [learning_rate_at(step, 12, options) for step in range(1, 5)] == [0.25, 0.5, 0.75, 1.0]
    of_120 = [learning_rate_at(step, 120, options) for step in (30, 31, 31 + 45)]
    assert of_120 == pytest.approx([30 / 31, 1.0, halfway])


@pytest.mark.parametrize("shape", ["constant", "linear", "cosine"])
def test_the_learning_rate_rises_and_falls_as_its_shape_says(shape: str) -> None:
    options = TrainingOptions.model_validate(
        {"schedule": {"shape": shape, "warmup_share": 0.1, "learning_rate": 1.0}}
    )
    rates = [learning_rate_at(step, 100, options) for step in range(1, 101)]

    assert rates[:10] == sorted(rates[:10])
    assert rates[10] == max(rates) == 1.0
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[-1] == 1.0 if shape == "constant" else 0 < rates[-1] < 0.02


def test_epochs_become_steps() -> None:
    assert count_steps(64, ScheduleOptions(epochs=3, batch=16)) == 12
    assert count_steps(65, ScheduleOptions(epochs=1, batch=16)) == 5
    assert count_steps(1, ScheduleOptions(epochs=0.1, batch=16)) == 1
    assert count_steps(64, ScheduleOptions(steps=7)) == 7


def test_a_batch_that_does_not_fit_is_reported_and_the_last_checkpoint_stays(
    tmp_path: Path,
) -> None:
    model = tiny_llama()
    times: list[int] = []

    def take_too_much(*_: object) -> None:
        times.append(1)
        if len(times) > 12:
            torch.empty(2**50)

    model.register_forward_pre_hook(take_too_much)

    with pytest.raises(
        MemoryTooSmall, match=r"2 times 400 tokens did not fit .* smaller micro_batch"
    ):
        tuned(options_for(), tmp_path, model=model)

    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint-00000005.pt"]


def test_a_gpu_that_is_gone_is_reported_and_a_defect_is_not_hidden(tmp_path: Path) -> None:
    def failing(text: str) -> TrainingHooks:
        def reported(_: Step) -> None:
            raise RuntimeError(text)

        return TrainingHooks(on_step=reported)

    with pytest.raises(TrainingError, match="The GPU failed: CUDA error: device is lost"):
        tuned(options_for(), tmp_path, failing("CUDA error: device is lost\nand more"))
    with pytest.raises(RuntimeError, match="a defect"):
        tuned(options_for(), tmp_path, failing("a defect"))


def test_a_checkpoint_that_the_disk_lost_is_passed_over_for_the_one_before(tmp_path: Path) -> None:
    whole, undisturbed = tuned(options_for(), tmp_path / "whole")
    folder = tmp_path / "damaged"
    tuned(options_for(checkpoint_every=3), folder, stop_after(6))
    last = folder / "checkpoint-00000006.pt"

    for content in (b"", bytes(last.stat().st_size), last.read_bytes()[:2000]):
        for path in (tmp_path / "again").glob("*"):
            path.unlink()
        shutil.copytree(folder, tmp_path / "again", dirs_exist_ok=True)
        (tmp_path / "again" / last.name).write_bytes(content)
        resumed, outcome = tuned(options_for(checkpoint_every=3), tmp_path / "again")

        assert outcome.resumed_from == 3
        assert outcome.losses == undisturbed.losses
        assert all(
            torch.equal(weights, tuned_weights(whole.model)[name])
            for name, weights in tuned_weights(resumed.model).items()
        )


def test_where_no_checkpoint_can_be_read_it_is_said(tmp_path: Path) -> None:
    tuned(options_for(checkpoint_every=3), tmp_path, stop_after(6))
    for path in tmp_path.iterdir():
        path.write_bytes(b"rubbish")

    with pytest.raises(SeedbedError, match=r"No checkpoint .* delete them to start over"):
        tuned(options_for(checkpoint_every=3), tmp_path)


def test_what_adalora_remembers_goes_to_where_the_model_is(tmp_path: Path) -> None:
    options = options_for("adalora")
    adapted, _ = tuned(options, tmp_path, stop_after(5))
    remembered = rank_allocator_state(adapted.model)

    set_rank_allocator_state(adapted.model.to("meta"), remembered)

    held = adapted.model.base_model.rankallocator
    assert held.exp_avg_ipt
    assert {one.device.type for one in held.exp_avg_ipt.values()} == {"meta"}


def test_after_a_stop_the_checkpoint_that_is_reported_is_the_one_that_is_there(
    tmp_path: Path,
) -> None:
    tuned(options_for(), tmp_path, stop_after(4))
    model = tiny_llama()
    with torch.no_grad():
        model.model.norm.weight.fill_(float("nan"))

    # None was due yet: it is the one of the stop.
    with pytest.raises(LossNotFinite, match=r"step 5 is nan .* checkpoint of step 4 is kept"):
        tuned(options_for(), tmp_path, model=model)


@pytest.mark.parametrize("packing", [False, True])
def test_inner_values_that_are_computed_anew_change_no_loss(packing: bool, tmp_path: Path) -> None:
    losses = []
    for anew in (False, True):
        model = tiny_llama()
        if anew:
            enable_gradient_checkpointing(model, "tiny")
        _, outcome = tuned(options_for(packing=packing), tmp_path / str(anew), model=model)
        losses.append(outcome.losses)

    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
