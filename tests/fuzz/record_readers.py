"""What every reader of records, json and yaml, must do with any file: give what fits, or say what is wrong with it."""

import re
import shutil
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from lsdc.bench.standing import stage_seconds
from lsdc.blend import Blend, Member, read_blend, write_blend
from lsdc.blend.candidates import CANDIDATES, fit_chains
from lsdc.competition import CompetitionFolder, open_folder
from lsdc.config import Settings, Variant, dump_settings, load_settings, load_variants
from lsdc.config.sections import CropSettings, PerCondition
from lsdc.crops import CropStore, open_store
from lsdc.detect import Detector
from lsdc.errors import LsdcError
from lsdc.evaluate.last_score import read_last_score
from lsdc.files import write_json
from lsdc.grade.artefact import Classifier, load_classifier
from lsdc.kernel.layout import MANIFEST, run_places
from lsdc.kernel.manifest import faults_of, file_entry, read_manifest, write_manifest
from lsdc.report.ledger import read_ledger, text_of_ledger, write_ledger
from lsdc.report.reading import RunReading, read_run
from lsdc.runs import RunFolder
from lsdc.submit.effort import Effort
from lsdc.submit.parts import Part, Parts, files_of
from lsdc.submit.recipe import Recipe
from lsdc.tables import FOLDS
from lsdc.taxonomy import SEVERITY_COLUMNS, TARGETS
from tests.blend.simulated import labels, model, stack_of
from tests.builders import write_competition
from tests.fuzz.limits import MEMORY, Look, in_time
from tests.fuzz.record_mutants import record_mutant
from tests.report.runs import evaluation
from tests.submit.tiny import SMOKE, tiny_run

LONGEST = 30_000  # characters that may be said of one file
CROPS = CropSettings(size_px=8, size_mm=PerCondition(canal=6, foraminal=6, subarticular=6), slices=3, views="own",
                     intensity="percentile", mirror_right=True)
STAGE = {"seconds": 12.5, "peak_memory_gb": 1.5, "commit": "aaaabbbbcccc"}

Reader = tuple[Callable[[], object], Callable[[object], None]]  # what reads, and what must be true of what it gives


def make_look(folder: Path) -> Look:
    """A look at mutants, each one record of a run, a blend, a bundle, a submission or a store, beside healthy ones."""
    readers, paths = _made(Path(tempfile.mkdtemp(dir=folder)))  # after a process that was killed another begins anew
    files = {name: path.read_bytes() for name, path in paths.items()}
    assert {look_at_record(readers[name]) for name in sorted(files)} == {"valid"}

    def look(number: int) -> str:
        name, story, data = record_mutant(files, number)
        paths[name].write_bytes(data)
        try:
            return look_at_record(readers[name])
        except Exception as error:
            error.args = (f"{name}: {story}: {error}",)
            raise
        finally:
            for other, before in files.items():  # a store mends what is damaged
                paths[other].write_bytes(before)

    return look


def look_at_record(readers: list[Reader]) -> str:
    """"valid" where every reader takes the record, else what one of them says is wrong with it."""
    outcome = "valid"
    for read, check in readers:
        try:
            with in_time():
                check(read())
        except LsdcError as error:
            _said(str(error))
            outcome = re.sub(r"\d+", "N", error.problem)
    return outcome


def _made(folder: Path) -> tuple[dict[str, list[Reader]], dict[str, Path]]:
    """Readers, and where the file lies, by the name of each record."""
    data = open_folder(write_competition(folder / "data", studies=(1001, 1002)))
    run = _run(tiny_run(folder / "runs" / "tiny"))
    fold = run.fold(0)
    shutil.copytree(run.path, folder / "submissions" / "of")  # no submission: its row says that it has no manifest
    found = {
        "config.yaml": (run.config, [(lambda: load_settings(run.config), partial(
            _check_settings, folder / "again.yaml")), _reading(run)]),
        "variants.yaml": _variants(folder / "variants.yaml"),
        "environment.json": (run.environment, [(run.data, _check_keys("folder", "fingerprint")), _reading(run)]),
        "evaluation.json": (run.evaluation, [(lambda: read_last_score(run), _nothing), _reading(run)]),
        "stages.json": (fold.stages, [(lambda: stage_seconds(run, (0,)), _check_seconds), _reading(run)]),
        "detector.json": (fold.detector / "detector.json", [
            (lambda: Detector.load(fold.detector), _check_detector), (lambda: Recipe.of_run(run).key(), _nothing)]),
        "classifier.json": (fold.classifier / "classifier.json", [
            (lambda: load_classifier(fold.classifier), _check_classifier),
            (lambda: Recipe.of_run(run).efforts(), len)]),
        "blend.json": _blend(folder / "blend.json"),
        "manifest.json": _bundle(folder / "bundle", run),
        "submission.json": _submission(folder / "submissions"),
        "part.json": _part(folder / "work", data),
        "crops.json": _crops(folder / "crops", data),
    }
    return {name: readers for name, (_, readers) in found.items()}, {name: path for name, (path, _) in found.items()}


def _run(run: RunFolder) -> RunFolder:
    """The rest of what a trained and evaluated run has."""
    write_json(run.environment, {
        "commit": "aaaabbbbcccc", "lsdc": "0.1", "python": "3.12.1", "system": "Linux", "processor": "x86_64",
        "cores": 2, "packages": {"torch": "2.4", "timm": None}, "command": "lsdc train",
        "data": {"folder": "/somewhere/competition", "fingerprint": "f" * 64},
        "config": {"file": "configs/smoke.yaml", "set": []}, "begun": "2024-10-08T07:06:05+00:00"})
    FOLDS.write(FOLDS.frame([{"study_id": 11, "fold": 0}, {"study_id": 12, "fold": 1}]), run.folds)
    run.fold(0).predictions.write_text("some\n")
    run.fold(0).locations.write_text("some\n")
    write_json(run.fold(0).stages, {"train the detector": STAGE, "predict": STAGE})
    write_json(run.evaluation, evaluation(run, (0,)))
    return run


def _reading(run: RunFolder) -> Reader:
    return lambda: read_run(run), _check_reading


def _variants(path: Path) -> tuple[Path, list[Reader]]:
    path.write_text("no_ema: [training.ema_decay=0.5]\nother: [classifier.dropout=0.4, training.epochs=3]\n")
    return path, [(lambda: load_variants(path, SMOKE, taken=("default",)), _check_variants)]


def _blend(path: Path) -> tuple[Path, list[Reader]]:
    z, severity = labels(30)
    stack = stack_of(severity, {"a": model(z, 0.5, "a"), "b": model(z, 0.5, "b")}, folds=3)
    chain = fit_chains({"it": CANDIDATES["second level, mild, any severe"]}, stack)["it"]
    write_blend(Blend((Member("a", "run-a", (0, 1), {"fold0": "12"}), Member("b", None, (0,), {"b.csv": "34"})), chain,
                      {"score": 0.5}), path)
    return path, [(lambda: read_blend(path), _check_blend)]


def _bundle(folder: Path, run: RunFolder) -> tuple[Path, list[Reader]]:
    folder.mkdir()
    (folder / "kit.whl").write_bytes(b"some")
    shutil.copy(run.config, folder / "tiny.config.yaml")
    place = next(one for one in run_places("tiny", ["fold0"]) if "config" in one)
    files = {"kit.whl": file_entry(folder / "kit.whl"), "tiny.config.yaml": file_entry(
        folder / "tiny.config.yaml", place)}
    write_manifest(folder, {"files": files, "runs": {"tiny": {"folds": [0]}}, "wheel": "kit.whl", "extras": {}})
    return folder / MANIFEST, [(lambda: faults_of(folder, read_manifest(folder)), _check_words)]


def _submission(root: Path) -> tuple[Path, list[Reader]]:
    path = root / "one" / "manifest.json"
    write_json(path, {
        "made": "2024-10-08T07:06:05+00:00", "run": "tiny", "folds": [0], "config_sha256": "a" * 64, "data": "test",
        "studies": 1, "rows": 25, "fallback_rows": 1, "fallbacks": {"no place": 1}, "fallback_studies": {
            "no place": ["7"]}, "out_of_fold": {"total": 0.5, "interval": [0.4, 0.6]}, "submission_sha256": "b" * 64,
        "commit": "aaaabbbbcccc"})

    def read() -> list[str]:
        rows, notes = read_ledger(root)
        write_ledger(root, rows)
        assert [row["name"] for row in rows if row["fault"] is None] in (["one"], [])
        return [text_of_ledger(rows, notes)]

    return path, [(read, _check_words)]


def _part(work: Path, data: CompetitionFolder) -> tuple[Path, list[Reader]]:
    study = data.study_ids("test")[0]
    parts = Parts(work, "key")
    parts.keep(Part(study, [[0.2, 0.3, 0.5]] * 25, [None] * 25, Effort(1, False), None, [], {"whole": 1.0},
                    files_of(data, study), "cpu"))
    return parts.folder / f"{study}.json", [(lambda: parts.read(data, study), _check_part)]


def _crops(root: Path, data: CompetitionFolder) -> tuple[Path, list[Reader]]:
    store = open_store(data, data.points, CROPS, root)
    return store.folder / "1001.json", [(lambda: open_store(data, data.points, CROPS, root), _check_crops)]


def _check_settings(again: Path, settings: Settings) -> None:
    again.write_text(dump_settings(settings))
    assert load_settings(again) == settings


def _check_variants(variants: list[Variant]) -> None:
    assert all(one.changes for one in variants)


def _check_reading(reading: RunReading) -> None:
    _check_words([reading.state, *reading.notes, *reading.commits])
    assert reading.scored is None or np.isfinite(reading.scored.studies)


def _check_seconds(seconds: dict) -> None:
    assert np.isfinite(list(seconds.values())).all()


def _check_detector(detector: Detector) -> None:
    shape = detector.shape
    assert shape.mean_mm.shape == shape.rest_mm.shape == (len(TARGETS), 3)
    assert np.isfinite(shape.mean_mm).all()
    assert np.isfinite(shape.modes_mm).all()
    assert detector.fold >= 0


def _check_classifier(classifier: Classifier) -> None:
    assert classifier.fold >= 0
    assert all(value.isfinite().all() for value in classifier.model.state_dict().values() if value.is_floating_point())


def _check_blend(blend: Blend) -> None:
    values = blend.rows({}, [7])[list(SEVERITY_COLUMNS)].to_numpy(np.float64)
    assert np.isfinite(values).all()
    assert np.abs(values.sum(axis=1) - 1).max() < 1e-6


def _check_part(part: Part | None) -> None:
    assert part is None or part.failed or np.asarray(part.values, dtype=float).shape == (25, 3)


def _check_crops(store: CropStore) -> None:
    assert len(store) == 10
    for row in store.rows.itertuples():
        assert store.image(row.file, row.offset).shape == (1, 3, 8, 8)


def _check_keys(*names: str) -> Callable[[object], None]:
    def check(told: dict) -> None:
        assert set(names) <= set(told)

    return check


def _check_words(words: list[str]) -> None:
    assert all(isinstance(one, str) for one in words), words
    _said(" ".join(words))


def _nothing(_: object) -> None: ...


def _said(text: str) -> None:
    assert len(text) < LONGEST, f"{len(text)} characters of words: {text[:200]}"
    assert not MEMORY.search(text), f"memory ran out: {text[:300]}"
