import pandas as pd
import pytest

from lsdc.competition.priors import prior_predictions, uniform_table, write_priors
from lsdc.errors import FoldError
from lsdc.evaluate.out_of_fold import FoldTables, assemble, assemble_locations
from lsdc.tables import FOLDS, LOCATIONS, PREDICTIONS
from lsdc.taxonomy import TARGETS

FOLDS_FRAME = FOLDS.frame([{"study_id": study, "fold": study % 3} for study in (30, 31, 32, 33, 34, 35)])


def tables(fold: int, studies: list[int], detector_fold: int | None = None) -> FoldTables:
    predictions = prior_predictions(uniform_table(), studies).assign(fold=fold, model="m", fallback=pd.NA)
    locations = [
        {"study_id": study, "condition": t.condition, "side": t.side, "level": t.level, "confidence": 0.0,
         "found_by": "prior", "fold": fold if detector_fold is None else detector_fold,
         **dict.fromkeys(["series_id", "slice_index", "x_px", "y_px", "x_mm", "y_mm", "z_mm"])}
        for study in studies for t in TARGETS
    ]
    return FoldTables(PREDICTIONS.check(predictions), LOCATIONS.frame(locations), uniform_table(), f"fold{fold}")


def test_folds_become_one_table():
    whole = assemble([tables(0, [30, 33]), tables(1, [31, 34]), tables(2, [32, 35])], FOLDS_FRAME, all_folds=True)
    assert whole.folds == (0, 1, 2)
    assert whole.studies == (30, 31, 32, 33, 34, 35)
    assert len(whole.predictions) == len(whole.locations) == len(whole.priors) == 150


def test_each_study_has_the_priors_of_its_own_fold():
    other = uniform_table()
    other[:] = [0.6, 0.3, 0.1]
    first, second = tables(0, [30, 33]), tables(1, [31, 34])
    second = FoldTables(second.predictions, second.locations, other)
    priors = assemble([first, second], FOLDS_FRAME).priors.set_index("row_id")["normal_mild"]
    assert priors[priors.index.str.startswith("34_")].unique() == [0.6]
    assert priors[priors.index.str.startswith("33_")].unique() == [1 / 3]


def test_some_folds_do_unless_all_are_asked_for():
    some = [tables(0, [30, 33]), tables(2, [32, 35])]
    assert assemble(some, FOLDS_FRAME).folds == (0, 2)
    with pytest.raises(FoldError, match="no predictions of fold 1"):
        assemble(some, FOLDS_FRAME, all_folds=True)


@pytest.mark.parametrize(("some", "match"), [
    ([tables(0, [30, 33]), tables(0, [30, 33])], "study 30 is predicted twice: fold 0 in fold0, fold 0 in fold0"),
    ([tables(0, [30, 33]), tables(1, [31, 33, 34])], "study 33 is predicted by fold 1 but held out by fold 0"),
    ([tables(0, [30])], "study 33 of fold 0 is not predicted"),
    ([tables(0, [30, 33, 99])], "study 99 is not in folds.csv"),
    ([tables(7, [30, 33])], "fold 7 is not in folds.csv"),
    ([tables(0, [30, 33], detector_fold=1)], "study 30: detector of fold 1, classifier of fold 0"),
])
def test_a_chain_that_is_not_honest_is_refused(some, match):
    with pytest.raises(FoldError, match=match):
        assemble(some, FOLDS_FRAME)


def test_predictions_without_locations_are_refused():
    fold = tables(0, [30, 33])
    with pytest.raises(FoldError, match="study 33 is predicted without locations in here"):
        assemble([FoldTables(fold.predictions, tables(0, [30]).locations, fold.priors, "here")], FOLDS_FRAME)


def test_every_fault_is_told_at_once():
    with pytest.raises(FoldError) as caught:
        assemble([tables(0, [30]), tables(1, [31, 34], detector_fold=0)], FOLDS_FRAME, all_folds=True)
    for fault in ("study 33 of fold 0 is not", "study 31: detector of fold 0, classifier of fold 1", "of fold 2"):
        assert fault in str(caught.value)


def test_many_faults_of_a_kind_are_counted():
    folds = FOLDS.frame([{"study_id": study, "fold": 0} for study in range(20)] + [{"study_id": 50, "fold": 1}])
    with pytest.raises(FoldError, match=r"19 studies of fold 0 are not predicted, among them:(.|\n)*study 5 of fold 0"):
        assemble([tables(0, [0])], folds)


def test_folders_are_read(tmp_path):
    fold = tables(0, [30, 33])
    PREDICTIONS.write(fold.predictions, tmp_path / "predictions.csv")
    LOCATIONS.write(fold.locations, tmp_path / "locations.csv")
    write_priors(fold.priors, tmp_path / "priors.csv")
    pd.testing.assert_frame_equal(assemble([tmp_path], FOLDS_FRAME).predictions, fold.predictions)


def located(tmp_path, *folds):
    """Folders of folds with locations only: (number, studies, fold that the table says)."""
    for number, studies, said in folds:
        LOCATIONS.write(tables(number, studies, detector_fold=said).locations,
                        tmp_path / f"fold{number}" / "locations.csv")
    return [tmp_path / f"fold{number}" for number, *_ in folds]


def test_locations_alone_become_one_table(tmp_path):
    whole = assemble_locations(located(tmp_path, (0, [30, 33], 0), (2, [32, 35], 2)), FOLDS_FRAME)
    assert (whole.folds, whole.studies, len(whole.locations)) == ((0, 2), (30, 32, 33, 35), 100)
    assert list(whole.locations.columns) == list(LOCATIONS.columns)


@pytest.mark.parametrize(("folds", "match"), [
    ([(0, [30, 33], 1)], "study 30 is located by fold 1 but held out by fold 0"),
    ([(0, [30], 0)], "study 33 of fold 0 is not located"),
    ([(0, [30, 33, 99], 0)], "study 99 is not in folds.csv"),
    ([(0, [30, 33], 0), (1, [31, 34, 33], 0)], "study 33 is located twice"),
    ([(7, [30, 33], 7)], "fold 7 is not in folds.csv"),
])
def test_locations_that_are_not_honest_are_refused(tmp_path, folds, match):
    with pytest.raises(FoldError, match=rf"locations are not out-of-fold(.|\n)*{match}"):
        assemble_locations(located(tmp_path, *folds), FOLDS_FRAME)
