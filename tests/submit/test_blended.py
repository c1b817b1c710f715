"""Submissions of a blend: made-up folds stand in for trained ones."""

from types import SimpleNamespace

import numpy as np
import pytest

from lsdc.blend import Blend, Member, write_blend
from lsdc.blend.chain import Chain, Fitted
from lsdc.competition import open_folder
from lsdc.errors import DataError
from lsdc.files import file_hash, read_json
from lsdc.runs import RunFolder
from lsdc.submit import FoldModel, Recipe, Terms, make_blended_submission, open_blend, predict_test_part
from lsdc.tables import PREDICTIONS, SUBMISSION
from lsdc.taxonomy import TARGETS, row_id
from lsdc.weighting import weighted
from tests.builders import write_competition
from tests.submit.bare import COMPUTE, bare_run, here

SAYS = {"a": (0.8, 0.1, 0.1), "b": (0.2, 0.4, 0.4)}  # plain


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return open_folder(write_competition(tmp_path_factory.mktemp("data") / "competition", test_studies=(2001, 2002)))


@pytest.fixture
def runs(tmp_path, monkeypatch):
    """Finished runs a and b of folds 0 and 1; b knows no target of study 2002, neither knows the first of it."""
    monkeypatch.setenv("LSDC_CACHE", str(tmp_path / "cache"))
    for name in SAYS:
        run = bare_run(tmp_path / "runs" / name, (0, 1))
        for number in (0, 1):
            run.fold(number).predictions.write_text(f"{name}{number}")

    def load(here, device, *_):
        name = here.path.parent.name

        def missing(study, target):
            return study == 2002 and (name == "b" or target == TARGETS[0])

        def rows(study, **_):
            values = weighted(np.array(SAYS[name]))
            return PREDICTIONS.frame([
                {"row_id": row_id(study.study_id, target), "normal_mild": values[0], "moderate": values[1],
                 "severe": values[2], "fold": here.number, "model": name,
                 "fallback": "no place" if missing(study.study_id, target) else None} for target in TARGETS])
        return SimpleNamespace(rows=rows)

    monkeypatch.setattr(FoldModel, "load", load)
    return tmp_path / "runs"


@pytest.fixture
def file(runs, tmp_path):
    """Shares 1:3, priors of one third."""
    members = tuple(Member(name, name, (0, 1), {f"fold{number}": file_hash(runs / name / f"fold{number}" /
                                                                           "predictions.csv") for number in (0, 1)})
                    for name in SAYS)
    pool = Fitted("pool", {"logits": np.tile([0.0, np.log(3)], (3, 2, 1)), "priors": np.full((25, 3), 1 / 3)})
    path = tmp_path / "blend.json"
    write_blend(Blend(members, Chain((pool,)), {"chosen": "weights", "commit": "abc", "out_of_fold": {"total": 0.4}}),
                path)
    return path


def test_the_blend_of_the_runs_by_hand(folder, runs, file, tmp_path):
    make_blended_submission(folder, file, runs, COMPUTE, tmp_path / "out" / "both", hire=here)
    table = SUBMISSION.read(tmp_path / "out" / "both" / "submission.csv")
    assert table.row_id.tolist() == folder.sample
    values = table.set_index("row_id")
    both = weighted(np.array(SAYS["a"]) / 4 + 3 * np.array(SAYS["b"]) / 4)
    assert values.loc[row_id(2001, TARGETS[7])].to_numpy() == pytest.approx(both)
    assert values.loc[row_id(2002, TARGETS[7])].to_numpy() == pytest.approx(weighted(np.array(SAYS["a"])))
    assert values.loc[row_id(2002, TARGETS[0])].to_numpy() == pytest.approx(np.array([1, 2, 4]) / 7)


def test_the_manifest_records_the_blend(folder, runs, file, tmp_path):
    told = make_blended_submission(folder, file, runs, COMPUTE, tmp_path / "both", hire=here)
    assert told == read_json(tmp_path / "both" / "manifest.json")
    config = file_hash(runs / "a" / "config.yaml")
    assert told["blend"] == {
        "file": "blend.json", "sha256": file_hash(file), "chosen": "weights", "fitted_at": "abc",
        "runs": [{"model": name, "run": name, "folds": [0, 1], "config_sha256": config} for name in SAYS]}
    assert (told["fallbacks"], told["fallback_rows"], told["out_of_fold"]) == ({"no place": 1}, 1, {"total": 0.4})


@pytest.mark.parametrize(("spoil", "message"), [
    (lambda run: run.config.unlink(), "the run b is not there"),
    (lambda run: run.fold(0).predictions.write_text("anew"), "the run b has other predictions"),
    (lambda run: run.fold(1).predictions.unlink(), "the run b has other predictions"),
])
def test_runs_that_are_not_those_of_the_blend(folder, runs, file, tmp_path, monkeypatch, spoil, message):
    spoil(RunFolder(runs / "b"))
    monkeypatch.setattr(FoldModel, "load", None)  # refused before anything is loaded
    with pytest.raises(DataError, match=f"cannot be applied(.|\n)*{message}(.|\n)*lsdc blend"):
        make_blended_submission(folder, file, runs, COMPUTE, tmp_path / "out", hire=here)
    assert not (tmp_path / "out").exists()


def test_runs_reduced_to_what_inference_reads(folder, runs, file, tmp_path):
    whole = make_blended_submission(folder, file, runs, COMPUTE, tmp_path / "out", hire=here)
    bare = {name: bare_run(tmp_path / "bare" / name, (0, 1, 2)) for name in SAYS}  # a fold more than the blend knows
    _, found = open_blend(file, tmp_path / "bare", bare=True)
    assert {name: run.path for name, run in found.items()} == {name: run.path for name, run in bare.items()}
    recipe = Recipe.of_blend(file, found)
    assert {name: [fold.number for fold in folds] for name, folds in recipe.folds.items()} == {"a": [0, 1], "b": [0, 1]}
    assert recipe.priors() == pytest.approx(np.tile(np.array([1, 2, 4]) / 7, (25, 1)))
    terms = Terms(tmp_path / "submission.csv", tmp_path / "work")
    predict_test_part(folder.root, recipe, COMPUTE, terms, hire=here).demand()
    assert file_hash(terms.out) == whole["submission_sha256"]
    (bare["b"].fold(1).classifier / "classifier.json").unlink()
    with pytest.raises(DataError, match="the run b has no models of folds 1"):
        open_blend(file, tmp_path / "bare", bare=True)


def test_a_model_from_a_csv_file_cannot_predict(folder, runs, tmp_path):
    write_blend(Blend((Member("mine", None, (0,), {"mine.csv": "1"}),), Chain((Fitted("pool", {
        "logits": np.zeros((3, 2, 1)), "priors": np.full((25, 3), 1 / 3)}),))), tmp_path / "blend.json")
    with pytest.raises(DataError, match=r"mine came from mine\.csv, which has no models to predict with"):
        make_blended_submission(folder, tmp_path / "blend.json", runs, COMPUTE, tmp_path / "out", hire=here)


def test_a_name_is_not_used_twice_unasked(folder, runs, file, tmp_path):
    (tmp_path / "out").mkdir()
    with pytest.raises(DataError, match="of this name"):
        make_blended_submission(folder, file, runs, COMPUTE, tmp_path / "out", hire=here)
