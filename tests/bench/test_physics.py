import pandas as pd
import pytest

from lsdc.bench.physics import bench_physics
from lsdc.files import read_json


def test_correlations_and_ends_of_the_measurements(cache, monkeypatch):
    table = pd.DataFrame({"condition": ["canal"] * 4 + ["foraminal"] * 4, "z": [1.0, -1, 0, 2] * 2,
                          "measured": [30.0, 90, 60, 0, 5, 5, 5, 1]})
    monkeypatch.setattr("lsdc.bench.physics.measure_narrowing", lambda seed, targets: table)
    text = bench_physics(3, targets=4)
    canal, foramina = read_json(cache / "bench" / "physics.json")["rows"]
    assert canal["spearman"] == pytest.approx(-1)
    assert (canal["widest"], canal["narrowest"], canal["targets"]) == (60, 30, 4)
    assert foramina["spearman"] > -0.8
    assert "fluid in the sac" in text
    assert "-1.000" in text
