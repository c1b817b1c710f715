from types import SimpleNamespace

import pytest
import torch

from lsdc.errors import DeviceError
from lsdc.tables import POINTS
from lsdc.train import studies


@pytest.mark.parametrize(("work", "setting"), [(studies._grade, "batch_size"), (studies._locate, "detect_batch")])
def test_a_gpu_without_memory_names_the_setting_of_what_it_did(monkeypatch, work, setting):
    def full(*_, **__):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")

    monkeypatch.setattr(studies, "read_study", lambda *_: None)
    monkeypatch.setattr(studies, "locate", full)
    models = SimpleNamespace(device=torch.device("cuda"), grader=SimpleNamespace(rows=full), detector=None, priors=None,
                             here=SimpleNamespace(number=0))
    folder = SimpleNamespace(points=POINTS.empty())
    with pytest.raises(DeviceError, match=rf"(?s)GPU is out of memory.*lower compute\.{setting}, or compute\.workers"):
        work(folder, models, 1, True)
