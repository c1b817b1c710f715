"""Real networks in real processes: on the CPU, and where there is one on a GPU, the same answers."""

import numpy as np
import pytest
import torch

from lsdc.competition import read_study
from lsdc.competition.asked import open_test_part, read_asked
from lsdc.submit import FoldModel, Recipe, Terms, predict_test_part
from lsdc.submit.effort import Effort
from lsdc.submit.models import Ensemble
from lsdc.submit.precision import FULL, TOLERANCE
from lsdc.taxonomy import SEVERITY_COLUMNS
from tests.submit.bare import COMPUTE
from tests.submit.tiny import tiny_run, toy_test_part

STUDIES = (11, 12, 13)
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return toy_test_part(tmp_path_factory.mktemp("toy"), STUDIES)


@pytest.fixture(scope="module")
def recipe(tmp_path_factory):
    return Recipe.of_run(tiny_run(tmp_path_factory.mktemp("runs") / "tiny", (0, 1), "classifier.flip_at_test=true"))


@pytest.fixture(scope="module")
def study(data):
    return read_study(open_test_part(data, read_asked(data))[0], 11, "test")


def values(rows) -> np.ndarray:
    return rows[list(SEVERITY_COLUMNS)].to_numpy(float)


def predicted(data, recipe, place, **compute):
    outcome = predict_test_part(data, recipe, COMPUTE.model_copy(update=compute),
                                Terms(place / "submission.csv", place / "work", fallback_limit=0.5))
    outcome.demand()
    return outcome


def test_each_effort_is_what_it_says(recipe, study):
    ensemble = Ensemble.load(recipe, CPU, COMPUTE)
    both = values(ensemble.rows(study, Effort(2, flip=True)))
    straight = values(ensemble.rows(study, Effort(2, flip=False)))
    first = values(ensemble.rows(study, Effort(1, flip=False)))
    assert np.abs(both - straight).max() > 1e-4
    assert np.abs(straight - first).max() > 1e-4
    alone = FoldModel.load(recipe.folds["tiny"][0], CPU, COMPUTE).rows(study, flip=False)
    assert np.allclose(first, values(alone))
    assert alone.fallback.isna().mean() > 0.5  # the bright spots are found
    assert np.allclose(values(ensemble.smaller().rows(study, Effort(2, flip=True))), both, atol=1e-5)


def test_one_process_and_two_write_the_same_file(data, recipe, tmp_path):
    one, two = (predicted(data, recipe, tmp_path / str(workers), workers=workers) for workers in (1, 2))
    assert one.figures["lanes"] == "1 process"
    assert np.allclose(values(one.predictions), values(two.predictions), atol=1e-6)
    assert one.figures["precision"] == FULL
    assert set(one.figures["seconds_per_study"]) == {"read", "detect", "decode levels", "crops and grade", "whole"}
    assert all(value > 0 for value in one.figures["seconds_per_study"].values())
    assert one.figures["peak_memory_gb"] > 0.2


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("precision", ["32-true", "16-mixed", "bf16-mixed"])
def test_a_gpu_says_what_the_cpu_says(data, recipe, tmp_path, precision):
    cpu = predicted(data, recipe, tmp_path / "cpu")
    gpu = predicted(data, recipe, tmp_path / "gpu", accelerator="gpu", precision=precision)
    assert gpu.figures["devices"][0] == "cuda:0"
    difference = np.abs(values(cpu.predictions) - values(gpu.predictions)).max()
    assert difference < (1e-4 if gpu.figures["precision"] == FULL else 5 * TOLERANCE)
    assert bool(gpu.figures["notes"]) == (precision != "32-true")
    print(precision, gpu.figures["precision"], gpu.figures["notes"], difference, gpu.figures["seconds_per_study"])
