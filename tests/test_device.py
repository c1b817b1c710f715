import pytest
import torch

from lsdc.config import ComputeSettings
from lsdc.device import choose_device, gpu_fault, lacks_memory, memory_of, sent
from lsdc.errors import DeviceError


def compute(accelerator: str) -> ComputeSettings:
    return ComputeSettings(accelerator=accelerator, devices=1, nodes=1, precision="32-true", compile=False, workers=1,
                           batch_size=1, detect_batch=1,
                           store_gigabytes=0)


@pytest.fixture
def unusable_gpu(monkeypatch):
    """A card that torch sees and has no kernels for: available, and the first operation fails."""
    def fail(*_, **__):
        raise RuntimeError("CUDA error: no kernel image is available for execution on the device\nmore")

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch, "ones", fail)


def test_an_unusable_gpu_is_not_taken(unusable_gpu, caplog):
    assert gpu_fault() == "CUDA error: no kernel image is available for execution on the device"
    assert choose_device(compute("auto")) == torch.device("cpu")
    assert "the GPU is not used: CUDA error: no kernel image" in caplog.text
    with pytest.raises(DeviceError, match=r"a GPU was asked for(.|\n)*no kernel image(.|\n)*compute.accelerator=cpu"):
        choose_device(compute("gpu"))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_what_is_sent_to_a_gpu_arrives_there():
    values = torch.arange(1_000_000, dtype=torch.uint8)
    there = [sent(values + number, torch.device("cuda:0")) for number in range(5)]  # none overwrites another's memory
    assert all(one.is_cuda and torch.equal(one.cpu(), values + number) for number, one in enumerate(there))


def test_what_is_sent_to_the_cpu_is_as_it_was():
    values = torch.arange(3)
    assert sent(values, torch.device("cpu")) is values


def test_the_cpu_is_always_there(unusable_gpu):
    assert choose_device(compute("cpu")) == torch.device("cpu")


@pytest.mark.parametrize(("error", "lacks"), [
    (torch.OutOfMemoryError("CUDA out of memory"), True), (MemoryError(), True),
    (RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"), True), (RuntimeError("shapes differ"), False),
    (ValueError("out of memory"), False),
])
def test_an_error_that_says_that_memory_is_short(error, lacks):
    assert lacks_memory(error) == lacks
    with pytest.raises(DeviceError if lacks else type(error)), memory_of("cpu", lower="this"):
        raise error
