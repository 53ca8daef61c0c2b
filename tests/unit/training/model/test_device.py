"""A full memory and a lost GPU are anticipated failures; a defect stays a defect."""

import pytest
import torch

from app.errors import MemoryTooSmall, TrainingError
from app.training.model.device import device_errors_as_failures

pytestmark = pytest.mark.torch


def test_a_memory_that_is_full_is_reported_with_what_did_not_fit() -> None:
    reported = r"^A batch did not fit into memory .* Less does\.$"
    with (
        pytest.raises(MemoryTooSmall, match=reported),
        device_errors_as_failures("A batch", "Less does."),
    ):
        torch.empty(2**50)


def test_a_gpu_that_is_gone_is_reported_with_what_is_kept() -> None:
    reported = r"^The GPU failed: CUDA error: device-side assert\. All is kept\.$"
    with (
        pytest.raises(TrainingError, match=reported),
        device_errors_as_failures("A batch", "All is kept."),
    ):
        raise RuntimeError("CUDA error: device-side assert\nand more of it")


def test_a_defect_is_not_hidden() -> None:
    with (
        pytest.raises(RuntimeError, match=r"^a defect$"),
        device_errors_as_failures("A batch", "Kept."),
    ):
        raise RuntimeError("a defect")
