"""The whole road through the real command line on the smoke config: train-fold, evaluate, submit, bench.

Everything here runs with an empty HOME, under a guard that writes down network attempts, and where the machine
allows it in a namespace without a network.
"""

import json
import shutil
import time

import pandas as pd
import pytest

from lsdc.competition import open_folder
from lsdc.config import load_settings
from lsdc.folds import held_out_studies, read_folds
from lsdc.runs import RunFolder
from lsdc.tables import BOX_MATCHES, LOCATIONS, PREDICTIONS, read_csv
from lsdc.taxonomy import TARGETS, row_id
from lsdc.train import studies
from tests.conftest import without_network

pytestmark = pytest.mark.timeout(2400)  # the first test trains
CONFIG = ("--config", "configs/smoke.yaml")


@pytest.fixture(scope="module")
def trained(make_place):
    """A fold trained by a command that was killed in the middle of the detector's training, and given again."""
    place = make_place("end_to_end")
    killed = place.start("train-fold", "--fold", 0, *CONFIG)
    said = iter(killed.stderr.readline, "")
    assert any("detector: images" in line and "done" in line for line in said)
    log = next((place.folder / ".lsdc").glob("runs/smoke/fold0/detector.training")) / "training.log"
    until(lambda: log.exists() and '"epoch": 2' in log.read_text())
    killed.kill()
    killed.wait()
    until(lambda: place.processes() == [])
    told = place.lsdc("train-fold", "--fold", 0, *CONFIG)
    assert told.returncode == 0, told.stderr[-4000:]
    return place, told


def until(true, seconds: int = 300) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.1)


@pytest.fixture(scope="module")
def run(trained) -> RunFolder:
    return RunFolder(trained[0].folder / ".lsdc" / "runs" / "smoke")


def test_out_of_fold_predictions_cover_the_held_out_studies(trained, run):
    folds = read_folds(run.folds, sorted(read_csv(phantom(trained) / "train.csv").study_id.astype(int)))
    held_out = held_out_studies(folds, 0)
    predictions = PREDICTIONS.read(run.fold(0).predictions)
    assert set(predictions.row_id) == {row_id(study, target) for study in held_out for target in TARGETS}
    assert set(predictions.fold) == {0}
    assert predictions.fallback.isna().mean() > 0.5  # most rows were graded, not answered by priors
    locations = LOCATIONS.read(run.fold(0).locations)
    assert len(locations) == 25 * len(held_out)
    assert set(locations.fold) == {0}
    said = [json.loads(line) for line in (run.fold(0).detector / "training.log").read_text().splitlines()
            if '"loss"' in line]
    losses = {one["epoch"]: one["loss"]["cls_loss"] for one in said}
    assert list(losses) == list(range(1, load_settings("configs/smoke.yaml").detector.epochs + 1))
    assert losses[max(losses)] < 0.5 * losses[1]  # too short to find every level, long enough to have learned


def test_the_score_is_printed_with_its_two_ends(trained):
    text = trained[1].stdout
    for word in ("canal", "foraminal", "subarticular", "any", "priors", "floor", "l4/l5"):
        assert word in text.lower(), word
    assert "Traceback" not in trained[1].stderr


def test_locating_and_grading_give_the_same_in_one_process_and_in_several(trained, run, monkeypatch):
    monkeypatch.setattr(studies, "FEW", 2)
    folder, here = open_folder(phantom(trained)), run.fold(0)
    compute = load_settings("configs/smoke.yaml", ["compute.workers=2", "compute.accelerator=cpu"]).compute
    saved = {"locations": LOCATIONS.read(here.locations), "matches": BOX_MATCHES.read(here.box_matches)}
    held_out = held_out_studies(read_folds(run.folds, folder.grades.study_id.unique().tolist()), 0)
    tuning = LOCATIONS.read(here.tuning_locations).study_id.unique().tolist()
    found = list(studies.locate_studies(folder, here, compute, held_out, tuning))
    assert [one.study_id for one in found] == [*held_out, *tuning]
    assert [one.errors is None for one in found] == [True] * len(held_out) + [False] * len(tuning)
    for name, table in saved.items():
        told = pd.concat([getattr(one, name) for one in found[:len(held_out)]], ignore_index=True)
        pd.testing.assert_frame_equal(table, told.astype(table.dtypes), check_exact=False, rtol=1e-3, atol=1e-2)
    graded = pd.concat(list(studies.grade_studies(folder, here, compute, held_out)), ignore_index=True)
    before = PREDICTIONS.read(here.predictions)
    pd.testing.assert_frame_equal(before, graded.astype(before.dtypes), check_exact=False, rtol=1e-4, atol=1e-5)


def phantom(trained):
    return next((trained[0].folder / ".lsdc" / "data").glob("phantom-*")) / "competition"


def test_evaluate_says_the_same_again(trained, run):
    place, told = trained
    again = place.lsdc("evaluate", *CONFIG)
    assert again.returncode == 0, again.stderr
    assert again.stdout.strip() in told.stdout
    as_json = place.lsdc("evaluate", "--json", *CONFIG)
    assert json.loads(as_json.stdout) == json.loads(run.evaluation.read_text())
    assert "fold 0: the training loss goes from" in run.summary.read_text()


def test_the_locations_are_measured_by_themselves(trained, run):
    place, _ = trained
    matches = BOX_MATCHES.read(run.fold(0).box_matches)
    points = read_csv(phantom(trained) / "train_label_coordinates.csv")
    held_out = set(LOCATIONS.read(run.fold(0).locations).study_id)
    assert set(matches.study_id) == held_out
    true = matches[matches.prediction.isna()]
    assert 0 < len(true) <= points.study_id.astype(int).isin(held_out).sum()
    told = place.lsdc("evaluate", "--locations", "--picture", "worst.png", *CONFIG)
    assert told.returncode == 0, told.stderr
    assert (place.folder / "worst.png").stat().st_size > 50_000
    figures = json.loads(run.locations_evaluation.read_text())
    assert figures["studies"] == len(held_out)
    keypoints = next(one for one in figures["against"] if one["truth"] == "true keypoints")["runs"][0]["rows"][0]
    assert keypoints["n"] == 25 * len(held_out)
    short = next(one for one in json.loads(run.evaluation.read_text())["locations"] if one["truth"] == "true keypoints")
    whole = next(row for row in short["rows"] if row["condition"] == "all")
    assert keypoints["identified"] == pytest.approx(whole["id_rate"])
    assert keypoints["median_mm"] == pytest.approx(whole["median_mm"])
    assert figures["boxes"][0]["rows"][0]["truths"] == len(true)


def test_submission_has_exactly_the_rows_of_the_sample(trained):
    place, _ = trained
    told = place.lsdc("submit", *CONFIG, "--name", "first")
    assert told.returncode == 0, told.stderr
    written = pd.read_csv(place.folder / "submissions" / "first" / "submission.csv")
    sample = pd.read_csv(phantom(trained) / "sample_submission.csv")
    assert written.columns.tolist() == sample.columns.tolist()
    assert written.row_id.tolist() == sample.row_id.tolist()
    values = written.iloc[:, 1:]
    assert values.notna().all(axis=None)
    assert (values >= 0).all(axis=None)
    assert values.sum(axis=1).to_numpy() == pytest.approx(1, abs=1e-9)
    manifest = json.loads((place.folder / "submissions" / "first" / "manifest.json").read_text())
    assert manifest["rows"] == len(sample)
    assert manifest["folds"] == [0]
    assert manifest["out_of_fold"] is not None
    again = place.lsdc("submit", *CONFIG, "--name", "first")
    assert again.returncode == 2
    assert "there is a submission of this name" in again.stderr


def test_every_quirk_in_one_test_set_loses_no_row(trained, dirty_phantom):
    place, _ = trained
    dirty = dirty_phantom / "competition"
    told = place.lsdc("submit", *CONFIG, "--data", dirty, "--name", "dirty")
    assert told.returncode == 0, told.stderr
    written = pd.read_csv(place.folder / "submissions" / "dirty" / "submission.csv")
    assert written.row_id.tolist() == pd.read_csv(dirty / "sample_submission.csv").row_id.tolist()
    assert written.iloc[:, 1:].sum(axis=1).to_numpy() == pytest.approx(1, abs=1e-9)
    manifest = json.loads((place.folder / "submissions" / "dirty" / "manifest.json").read_text())
    assert 0 < manifest["fallback_rows"] < manifest["rows"]  # not every row: the smoke detector finds most spines
    assert sum(manifest["fallbacks"].values()) == manifest["fallback_rows"]
    assert set(manifest["fallback_studies"]) == set(manifest["fallbacks"])
    assert "no sagittal_t1 series" in manifest["fallbacks"]  # the planted missing plane


def test_its_bundle_is_verified_with_the_notebook_really_executed(trained):
    """In the clean environment of this interpreter, on one study and on every quirk; the smoke models find little."""
    place, _ = trained
    told = place.lsdc("bundle", "smoke", "--owner", "someone", "--fallback-limit", 1)
    assert told.returncode == 0, told.stderr
    assert ".lsdc/bundle: 12 files" in told.stdout
    told = place.lsdc("bundle", "verify", "--environment", "here", "--quick", "--most-fallback", 1, "--json")
    assert told.returncode == 0, told.stdout[-4000:] + told.stderr[-2000:]
    checks = {check["name"]: check["figures"] for check in json.loads(told.stdout)["checks"]}
    one, all_quirks = (checks[name] for name in checks if name.startswith("here: "))
    assert (one["rows"], all_quirks["rows"], all_quirks["failed_studies"]) == (25, 200, {})
    assert 0 < all_quirks["fallback_share"] < 1
    assert all_quirks["projected_hours"] < 9


def test_a_broken_study_gets_priors_and_is_counted(trained, run):
    place, _ = trained
    root = phantom(trained)
    copy = place.folder / "broken" / "competition"
    shutil.copytree(root, copy)
    series = read_csv(copy / "test_series_descriptions.csv")
    study = series.study_id.iloc[0]
    of_study = series[series.study_id == study]
    t1 = of_study[of_study.series_description == "Sagittal T1"].series_id
    for one in t1:
        shutil.rmtree(copy / "test_images" / study / one)
    for one in of_study[of_study.series_description == "Axial T2"].series_id:
        for path in (copy / "test_images" / study / one).iterdir():
            path.write_bytes(path.read_bytes()[:200])
    told = place.lsdc("submit", *CONFIG, "--name", "broken", "--data", copy)
    assert told.returncode == 0, told.stderr
    manifest = json.loads((place.folder / "submissions" / "broken" / "manifest.json").read_text())
    assert manifest["fallback_rows"] >= 20
    assert f"study {study}: series" in told.stderr
    written = pd.read_csv(place.folder / "submissions" / "broken" / "submission.csv").set_index("row_id")
    priors = pd.read_csv(run.fold(0).priors, index_col=0)
    for target in TARGETS[5:]:  # all but the canal
        assert written.loc[f"{study}_{target.column}"].to_numpy() == pytest.approx(
            priors.loc[target.column, written.columns].to_numpy(), abs=1e-9)


@pytest.fixture(scope="module")
def bare(trained, run):
    """A folder of runs with one reduced to what inference reads."""
    root = trained[0].folder / "predicted" / "runs"
    for part in ("config.yaml", *(f"fold0/{name}" for name in (
            "detector/detector.json", "detector/detector.torchscript", "classifier/classifier.json",
            "classifier/classifier.safetensors", "priors.csv"))):
        (root / "smoke" / part).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(run.path / part, root / "smoke" / part)
    return root


def test_predict_needs_little_of_a_run_and_says_what_submit_says(trained, bare):
    place, _ = trained
    out = place.folder / "predicted"
    told = place.lsdc("predict", "--runs", bare, "--run", "smoke", "--data", phantom(trained), "--out", out / "one.csv",
                      "--work", out / "work", "--fallback-limit", 0.6)
    assert told.returncode == 0, told.stderr
    assert "2 studies graded in" in told.stdout
    assert (out / "one.csv").read_bytes() == (
        place.folder / "submissions" / "first" / "submission.csv").read_bytes()
    summary = json.loads((out / "work" / "summary.json").read_text())
    assert summary["devices"] == ["cpu"]
    assert 0 < summary["peak_memory_gb"] < 3.5


def test_a_killed_prediction_goes_on_to_the_same_file(trained, bare, dirty_phantom):
    """After the tests above, which left submissions/dirty: made by the same models, not disturbed."""
    place, _ = trained
    out = place.folder / "predicted"
    words = ("predict", "--runs", bare, "--run", "smoke", "--data", dirty_phantom / "competition", "--out",
             out / "dirty.csv", "--work", out / "dirty")
    killed = place.start(*words, "--lenient")
    until(lambda: len(list(out.glob("dirty/*/*.json"))) > 1)
    killed.kill()
    killed.wait()
    until(lambda: place.processes() == [])
    kept = len(list(out.glob("dirty/*/*.json")))
    assert 1 < kept < 8
    assert len(pd.read_csv(out / "dirty.csv")) == 200
    told = place.lsdc(*words)
    assert told.returncode == 2  # some planes are missing, more than a strict run accepts
    assert "this prediction is not good enough for a strict run" in told.stderr
    assert f"{8 - kept} studies graded in" in told.stdout
    assert f"{kept} kept from before" in told.stdout
    assert (out / "dirty.csv").read_bytes() == (place.folder / "submissions" / "dirty" / "submission.csv").read_bytes()


def test_bench_prints_a_table_by_stage(trained):
    told = trained[0].lsdc("bench", *CONFIG, "--only", "store", "--only", "write")
    assert told.returncode == 0, told.stderr
    assert [line.split(" (")[0] for line in told.stdout.splitlines() if " (" in line[:8]] == ["store", "write"]
    assert "pydicom, file by file" in told.stdout


def test_running_again_does_only_what_is_missing(trained, run):
    place, _ = trained
    before = {path: path.stat().st_mtime_ns for path in run.fold(0).path.rglob("*") if path.is_file()}
    again = place.lsdc("train-fold", "--fold", 0, *CONFIG)
    assert again.returncode == 0, again.stderr
    assert {path: path.stat().st_mtime_ns for path in run.fold(0).path.rglob("*") if path.is_file()} == before
    table = run.fold(0).predictions.read_bytes()
    run.fold(0).predictions.unlink()
    assert place.lsdc("train-fold", "--fold", 0, *CONFIG).returncode == 0
    assert run.fold(0).predictions.read_bytes() == table


def test_another_config_does_not_mix_into_the_run(trained):
    told = trained[0].lsdc("train-fold", "--fold", 0, *CONFIG, "--set", "training.epochs=9")
    assert told.returncode == 2
    assert "made with other settings" in told.stderr
    assert "training.epochs: " in told.stderr


def test_stages_are_timed(run):
    stages = json.loads(run.fold(0).stages.read_text())
    assert list(stages) == ["locate", "predict", "train the classifier", "train the detector"]
    assert all(stage["seconds"] > 0 and stage["peak_memory_gb"] < 6 for stage in stages.values())


def test_no_network_and_nothing_outside_the_working_folder(trained):
    """After everything above: no attempt was written down, HOME is empty, and only our folders were made."""
    place, _ = trained
    assert not place.network_log.exists() or place.network_log.read_text() == ""
    assert [path for path in place.home.rglob("*") if path.is_file()] == []
    assert {path.name for path in place.folder.iterdir()} <= {
        "home", "configs", ".lsdc", "submissions", "broken", "predicted", "network.log", "worst.png"}


def test_the_guard_can_fail(make_place):
    place = make_place("guard")
    code = "import urllib.request; urllib.request.urlopen('http://example.com')"
    assert place.python("-c", code).returncode != 0
    assert "getaddrinfo example.com" in place.network_log.read_text()


@pytest.mark.skipif(not without_network(), reason="needs a network namespace: unshare, as root or user")
def test_the_namespace_has_no_network(make_place):
    code = "import socket; print(socket.if_nameindex())"
    told = make_place("namespace").python("-c", code)
    assert told.stdout.strip() == "[(1, 'lo')]"
