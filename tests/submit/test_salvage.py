"""Lenient runs whose models or priors are damaged go on with what is whole, and say what they left out."""

import shutil

import numpy as np
import pandas as pd
import pytest

from lsdc.competition.priors import prior_table, published_table, read_priors, write_priors
from lsdc.errors import TableError, WeightsError
from lsdc.runs import RunFolder
from lsdc.submit import Recipe, Terms, predict_test_part
from lsdc.submit.salvage import salvaged_run
from lsdc.submit.writer import check_submission
from lsdc.taxonomy import SEVERITY_COLUMNS, TARGETS, row_id
from tests.builders import write_competition
from tests.submit.bare import COMPUTE, bare_run
from tests.submit.tiny import tiny_run, toy_test_part

COLUMNS = list(SEVERITY_COLUMNS)


@pytest.fixture(scope="module")
def toys(tmp_path_factory):
    return toy_test_part(tmp_path_factory.mktemp("toy"), (11,))


@pytest.fixture
def run(tmp_path) -> RunFolder:
    return tiny_run(tmp_path / "tiny", (0, 1))


def predicted(data, recipe, place, **terms):
    outcome = predict_test_part(data, recipe, COMPUTE, Terms(place / "submission.csv", place / "work",
                                                             fallback_limit=0.9, **terms))
    outcome.demand()
    check_submission(place / "submission.csv", outcome.predictions.row_id.tolist())
    return outcome


def cut(path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def test_one_damaged_fold_leaves_the_other_to_answer(toys, run, tmp_path):
    alone = predicted(toys, Recipe.of_run(run, (0,)), tmp_path / "alone")
    cut(run.fold(1).classifier / "classifier.safetensors")
    with pytest.raises(WeightsError, match="the weights are not those"):
        predicted(toys, Recipe.of_run(run), tmp_path / "strict")
    outcome = predicted(toys, salvaged_run(run), tmp_path / "lenient", strict=False)
    pd.testing.assert_frame_equal(outcome.predictions, alone.predictions)
    assert outcome.predictions.fallback.isna().any()
    assert outcome.figures["failed_studies"] == {}
    assert "left out: tiny, fold 1: the weights are not those that the description was written for" in outcome.text
    again = predicted(toys, salvaged_run(run), tmp_path / "lenient", strict=False)
    pd.testing.assert_frame_equal(again.predictions, alone.predictions)


def test_without_any_whole_fold_there_are_priors_and_the_reasons(toys, run, tmp_path):
    cut(run.fold(0).detector / "detector.torchscript")
    shutil.rmtree(run.fold(1).detector)
    outcome = predicted(toys, salvaged_run(run), tmp_path / "one", strict=False)
    assert outcome.figures["fallbacks"] == {"the detector's network is not the one its record describes": 25}
    assert "left out: tiny, fold 1: no detector/detector.json" in outcome.text
    shutil.rmtree(run.fold(0).classifier)
    outcome = predicted(toys, salvaged_run(run), tmp_path / "none", strict=False)
    assert outcome.figures["fallbacks"] == {"no models are left": 25}
    assert outcome.predictions[COLUMNS].to_numpy() == pytest.approx(1 / 3)  # both folds' tables


@pytest.fixture
def bare(tmp_path) -> tuple[RunFolder, pd.DataFrame]:
    """Two folds with tables of their own, and that of the second."""
    from lsdc.competition import open_folder

    grades = open_folder(write_competition(tmp_path / "competition")).grades
    bare = bare_run(tmp_path / "bare", (0, 1))
    for number in (0, 1):
        write_priors(prior_table(grades, smoothing=1.0 + 9 * number), bare.fold(number).priors)
    return bare, read_priors(bare.fold(1).priors)


@pytest.mark.parametrize("damage", ["", "target,normal_mild\n", None])
def test_damaged_priors_are_another_folds_and_else_the_published_ones(bare, damage):
    run, second = bare

    def spoil(fold):
        fold.priors.unlink() if damage is None else fold.priors.write_text(damage)

    spoil(run.fold(0))
    if damage is not None:
        with pytest.raises(TableError):
            Recipe.of_run(run).priors()
    recipe = salvaged_run(run)
    assert [fold.number for fold in recipe.folds["bare"]] == [0, 1]
    assert np.allclose(recipe.priors(), second)
    assert np.allclose(recipe.priors_of(run.fold(0)), second)
    assert any("bare, fold 0: other priors stand in for its own: " in note for note in recipe.notes)
    only = salvaged_run(run, (0,))  # of a fold that does not predict
    assert np.allclose(only.priors(), second)
    assert only.notes[-1] == "priors are those of bare/fold1"
    assert only.key() != recipe.key()
    spoil(run.fold(1))
    recipe = salvaged_run(run)
    assert np.allclose(recipe.priors(), published_table())
    assert recipe.notes[-1] == "priors are the competition's published rates"


def test_the_published_rates_carry_the_weights():
    table = published_table()
    assert table.to_numpy().sum(axis=1) == pytest.approx(1)
    of = table.loc[next(target.column for target in TARGETS if target.column == "spinal_canal_stenosis_l1_l2")]
    assert of.tolist() == pytest.approx(np.array([0.955, 2 * 0.034, 4 * 0.011]) / (0.955 + 0.068 + 0.044))
    assert row_id(1, TARGETS[0]) == "1_spinal_canal_stenosis_l1_l2"
