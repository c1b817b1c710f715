import numpy as np

from lsdc.bench.generation import STAGES, bench_generation, time_studies
from lsdc.bench.saved import save_figures
from lsdc.files import read_json
from lsdc.phantom import render, study


def test_each_stage_is_timed_and_nothing_stays_replaced():
    seconds, slices, memory_gb = time_studies(8, 1)
    assert seconds.shape == (1, len(STAGES))
    assert (seconds > 0).all()
    assert seconds[0, STAGES.index("render")] > seconds[0, STAGES.index("write")]
    planned = study.plan_study(8, "train", 1)
    assert slices == [sum(len(series.planes) for _, series in planned.series if series.files == "written")]
    assert 0.05 < memory_gb < 6
    assert study.render_slice is render.render_slice
    assert study.Receiver.stored.__name__ == "stored"


def test_table_and_figures(cache):
    save_figures("phantom", {"seed": 8, "studies": 1, "seconds_per_study": {"plan": 12.5}})
    ballast = np.ones(6 * 10**7)  # .48 GB of this process are not the phantom's
    text = bench_generation(8, studies=1)
    figures = read_json(cache / "bench" / "phantom.json")
    assert len(ballast) > 0
    assert 0.05 < figures["peak_memory_gb"] < 0.4
    for name in (*STAGES, "whole study"):
        line = next(line for line in text.splitlines() if line.startswith(name))
        assert f"{figures['seconds_per_study'][name]:.3f}" in line
    assert text.splitlines()[2].split()[2] == "12.500"
