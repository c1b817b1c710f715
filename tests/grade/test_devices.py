"""Training in two real processes on the CPU. The loopback interface is needed, as for any such training."""

import json
import os
import socket

import pandas as pd
import pytest
import torch
from lightning.pytorch import Callback

from lsdc.errors import DataError, DeviceError
from lsdc.grade import fit as fitting
from lsdc.grade.launch import told
from lsdc.tensors import CodeRefusedError
from tests.grade.test_train import WILD, KillAt, KilledError, history, train, weights  # noqa: F401 (the fixture)

# no dropout and no BatchNorm; 19 samples, the last tuning batches with less samples than there are processes
WHOLE = ("crops.views=both", "classifier.slices=attention", "classifier.sequence_layers=1", "training.any_severe=0.5",
         "training.slice_loss=0.1", "training.batch_size=10")  # batches of two whole studies
EXACT = ("classifier.network=test_convnext", "classifier.dropout=0", "training.epochs=3", "training.batch_size=3",
         "compute.batch_size=1")


class Telling(Callback):
    """Says what each process sees."""

    def __init__(self, folder):
        self.folder = folder

    def on_train_batch_start(self, trainer, module, batch, index):
        with (self.folder / f"seen_{trainer.global_rank}.txt").open("a") as file:
            file.write(f"{trainer.current_epoch} {index} {batch['known'].sum()} {len(batch['known'])}\n")


def test_two_processes_share_whole_studies(train):  # noqa: F811
    one, two = train("one", *EXACT, *WHOLE), train("two", *EXACT, *WHOLE, "compute.devices=2")
    pd.testing.assert_frame_equal(history(two), history(one), check_exact=False, atol=1e-5, rtol=0)
    for name, value in weights(one).items():
        assert torch.allclose(weights(two)[name], value, atol=1e-5, rtol=0), name


def test_two_processes_go_on_and_end_as_one_would(train, monkeypatch, tmp_path):  # noqa: F811
    """A training stopped in its second epoch goes on in two processes: the same classifier, every file written once."""
    one = train("one", *EXACT)
    real = fitting._trainer

    def watched(callback):
        def make(*arguments, **keywords):
            trainer = real(*arguments, **keywords)
            trainer.callbacks.insert(0, callback)
            return trainer

        monkeypatch.setattr(fitting, "_trainer", make)

    watched(KillAt(1, 2))
    with pytest.raises(KilledError):
        train("two", *EXACT)
    watched(Telling(tmp_path))
    two = train("two", *EXACT, "compute.devices=2")

    seen = [pd.read_csv(tmp_path / f"seen_{rank}.txt", sep=" ", names=["epoch", "batch", "known", "size"])
            for rank in (0, 1)]
    together = seen[0].merge(seen[1], on=["epoch", "batch"])
    known = together["known_x"] + together["known_y"]
    assert known.groupby(together["epoch"]).sum().to_dict() == {1: 19, 2: 19}
    assert (together[["size_x", "size_y"]] == 2).all(axis=None)
    assert (together["known_y"] == 1).any()
    assert {path.name for path in two.iterdir()} == {path.name for path in one.iterdir()}
    assert len(list((two / "tensorboard").glob("events*"))) == 2  # of the stopped training and of its end
    assert "MASTER_PORT" not in os.environ
    assert history(two)["epoch"].tolist() == [1, 2, 3]
    pd.testing.assert_frame_equal(history(two), history(one), check_exact=False, atol=1e-5, rtol=0)
    told_one, told_two = (json.loads((out / "classifier.json").read_text()) for out in (one, two))
    assert told_two["epochs"] == told_one["epochs"] == 3
    for name, value in weights(one).items():
        assert torch.allclose(weights(two)[name], value, atol=1e-5, rtol=0), name


def test_a_loss_that_is_no_number_names_the_studies_of_all_processes(train):  # noqa: F811
    with pytest.raises(DataError, match=r"the tuning loss is not a finite number(.|\n)*studies \[1005, 1006\]\n"):
        train("two", *WILD, "training.batch_size=64", "training.epochs=1", "classifier.sequence_layers=1",
              "compute.devices=2")


def raised(text):
    return torch.multiprocessing.ProcessRaisedException(f"\n\n-- Process 1 terminated with the following error:\n"
                                                        f"Traceback (most recent call last):\n  ...\n{text}\n", 1, 7)


def test_what_a_process_said_is_told_as_if_it_were_ours():
    memory = told(raised("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2 GiB"), "cuda")
    assert isinstance(memory, DeviceError)
    assert (memory.problem, memory.got) == ("the GPU is out of memory", "CUDA out of memory. Tried to allocate 2 GiB")
    ours = told(raised(f"lsdc.errors.{DataError.__name__}: {DataError('too long: 3', got=3, remedy='cut it')}"), "cpu")
    assert isinstance(ours, DataError)
    assert str(ours) == "too long: 3\n  got:    3\n  to do:  cut it"
    refused = CodeRefusedError("refused", remedy="take another")
    refused = told(raised(f"lsdc.tensors.CodeRefusedError: {refused}"), "cpu")
    assert isinstance(refused, CodeRefusedError)
    assert str(refused) == "refused\n  to do:  take another"
    library = told(raised("RuntimeError: CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
                   "cuda")
    assert (type(library), library.problem) == (DeviceError, "the GPU is out of memory")
    assert "compute.batch_size" in library.remedy
    other = raised("ValueError: a slip of ours")
    assert told(other, "cpu") is other
    killed = told(torch.multiprocessing.ProcessExitedException("signal SIGKILL", 0, 7, -9, "SIGKILL"), "cpu")
    assert "ended from outside" in str(killed)
    assert "SIGKILL" in str(killed)


def test_a_machine_that_cannot_reach_itself_is_an_error_and_does_not_hang(train, monkeypatch):  # noqa: F811
    def unreachable(*arguments, **keywords):
        raise OSError("Network is unreachable")

    monkeypatch.setattr(socket, "create_connection", unreachable)
    with pytest.raises(DeviceError, match=r"(?s)cannot reach each other.*Network is unreachable.*compute.devices=1"):
        train("one", "compute.devices=2")


def test_without_a_gpu_auto_trains_in_one_process_and_says_so(settings, caplog):
    chosen = settings("compute.accelerator=auto", "compute.devices=2").compute
    assert fitting._devices(chosen, torch.device("cpu")) == 1
    assert "compute.devices=2 counts GPUs" in caplog.text


def test_more_gpus_than_there_are_is_an_error(settings, monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(DeviceError, match=r"(?s)fewer GPUs than asked for.*wanted: 2.*compute.devices=1"):
        fitting._devices(settings("compute.accelerator=gpu", "compute.devices=2").compute, torch.device("cuda"))
