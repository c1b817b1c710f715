from lsdc.bench.report import bench_report
from lsdc.config import load_settings
from lsdc.files import read_json


def test_seconds_and_size_are_told_and_saved(dirty_phantom, cache):
    settings = load_settings("configs/smoke.yaml", ["evaluation.bootstrap=20", "compute.workers=1"])
    assert "report of 2 studies (truth with noise" in bench_report(dirty_phantom / "competition", settings, studies=2)
    saved = read_json(cache / "bench" / "report.json")
    assert saved["studies"] == 2
    assert 0 < saved["megabytes_images"] < saved["megabytes"] < 5
    assert saved["files"] > 20
    assert not list(cache.glob("report.*"))
