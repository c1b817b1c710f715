from lsdc.bench.scores import bench_scores
from lsdc.config import EvaluationSettings
from lsdc.files import read_json


def test_seconds_of_a_small_table(tmp_path, monkeypatch):
    monkeypatch.setenv("LSDC_CACHE", str(tmp_path))
    text = bench_scores(1, EvaluationSettings(bootstrap=50, interval=0.95, seed=3), studies=20)
    assert "20 studies, 500 rows, 50 replicates" in text
    saved = read_json(tmp_path / "bench" / "scores.json")
    assert len(saved["seconds"]) == 4
    assert all(seconds > 0 for seconds in saved["seconds"].values())
