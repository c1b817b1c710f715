"""Training in processes that torchrun started, for real: two on this machine, talking through gloo."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import torch

from lsdc.errors import DeviceError
from lsdc.grade.artefact import load_classifier
from tests.grade.test_devices import EXACT
from tests.grade.test_train import history, train  # noqa: F401 (the fixture)

WORKER = """
import json, sys
from pathlib import Path
import pandas as pd
from lsdc.competition import open_folder
from lsdc.config import load_settings
from lsdc.grade import train_classifier
from lsdc.tables import LOCATION_ERRORS

job = json.loads(Path(sys.argv[1]).read_text())
train_classifier(open_folder(Path(job["data"])), fit_studies=job["fit"], tuning_studies=job["tuning"],
                 location_errors=LOCATION_ERRORS.read(Path(job["errors"])), fold=2, seed=9,
                 settings=load_settings(Path(job["config"]), job["overrides"]), out=Path(job["out"]))
"""


def test_two_processes_of_torchrun_end_as_one_would(train, folder, errors, tmp_path):  # noqa: F811
    from lsdc.tables import LOCATION_ERRORS
    from tests.grade.conftest import PHANTOM, SMALL

    one = train("one", *EXACT)
    LOCATION_ERRORS.write(errors, tmp_path / "errors.csv")
    (tmp_path / "worker.py").write_text(WORKER)
    (tmp_path / "job.json").write_text(json.dumps({
        "data": str(folder.root), "config": str(PHANTOM), "errors": str(tmp_path / "errors.csv"),
        "fit": [1001, 1002, 1003, 1004], "tuning": [1005, 1006], "out": str(tmp_path / "two"),
        "overrides": [*SMALL, *EXACT, "compute.devices=2"]}))
    environment = os.environ | {"LSDC_CACHE": str(tmp_path / "another cache"),
                                "PYTHONPATH": str(Path(__file__).parents[2]), "OMP_NUM_THREADS": "1"}
    ran = subprocess.run([sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2",
                          tmp_path / "worker.py", tmp_path / "job.json"], env=environment, capture_output=True,
                         text=True, cwd=tmp_path, timeout=300)
    assert ran.returncode == 0, ran.stderr[-3000:]
    two = tmp_path / "two"
    assert {path.name for path in two.iterdir()} == {path.name for path in one.iterdir()}
    pd.testing.assert_frame_equal(history(two), history(one), check_exact=False, atol=1e-5, rtol=0)
    first, second = (load_classifier(out).model.state_dict() for out in (one, two))
    for name, value in first.items():
        assert torch.allclose(second[name], value, atol=1e-5, rtol=0), name


@pytest.mark.parametrize(("environment", "said"), [
    ({"TORCHELASTIC_RUN_ID": "none", "RANK": "0", "WORLD_SIZE": "3"}, "torchrun started"),
    ({"SLURM_STEP_ID": "0", "SLURM_PROCID": "0", "SLURM_NTASKS": "3"}, "slurm started"),
])
def test_another_number_of_processes_than_the_settings_say_is_an_error(train, monkeypatch, environment, said):  # noqa: F811
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(DeviceError, match=rf"(?s){said} another number.*wanted: 2: compute.devices=2 .*got:    3\n"):
        train("one", "compute.devices=2")


def test_several_machines_need_torchrun_or_slurm(train):  # noqa: F811
    with pytest.raises(DeviceError, match=r"(?s)started by torchrun or srun.*compute.nodes"):
        train("one", "compute.nodes=2")
