from lsdc.bench.scores import bench_scores
from lsdc.config import EvaluationSettings
from lsdc.files import read_json


def test_seconds_of_a_small_table(tmp_path, monkeypatch):
    monkeypatch.setenv("LSDC_CACHE", str(tmp_path))
    text = bench_scores(1, EvaluationSettings(bootstrap=50, interval=0.95, seed=3), studies=20)
    assert "20 studies, 500 rows, 50 replicates" in text
    saved = read_json(tmp_path / "bench" / "scores.json")
    assert len(saved["seconds"]) == 4
    again = bench_scores(1, EvaluationSettings(bootstrap=50, interval=0.95, seed=3), studies=20)
    for name, seconds in saved["seconds"].items():
        assert next(line for line in again.splitlines() if line.startswith(name)).endswith(f"{seconds:.3f}")
    other = bench_scores(1, EvaluationSettings(bootstrap=51, interval=0.95, seed=3), studies=20)
    now = read_json(tmp_path / "bench" / "scores.json")["seconds"]
    for name, seconds in now.items():  # of other settings: nothing beside it
        assert next(line for line in other.splitlines() if line.startswith(name)).split()[-2:] == [
            name.split()[-1], f"{seconds:.3f}"]
