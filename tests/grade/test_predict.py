import numpy as np
import pandas as pd
import pytest
import torch

from lsdc.competition import Study, read_study
from lsdc.competition.priors import prior_table
from lsdc.crops.mirror import OPPOSITE
from lsdc.errors import DataError, FoldError
from lsdc.grade import Grader, mean_predictions
from lsdc.grade.artefact import Classifier
from lsdc.grade.model import Answers, build_model
from lsdc.tables import LOCATIONS, PREDICTIONS
from lsdc.taxonomy import ANNOTATED_PLANE, SEVERITY_COLUMNS, TARGETS, Condition, Level, Plane, row_id
from lsdc.weighting import unweighted, weighted
from tests.crops.studies import location, stack, study_of, waves
from tests.crops.studies import mirrored as mirror_image

SERIES = {Plane.SAGITTAL_T1: 1, Plane.SAGITTAL_T2: 2, Plane.AXIAL_T2: 3}


@pytest.fixture
def grader(settings):
    torch.manual_seed(3)
    chosen = settings()
    model = build_model(chosen.classifier, chosen.crops)
    return Grader(Classifier(model, chosen.classifier, chosen.crops, fold=0))


@pytest.fixture
def study(folder):
    return read_study(folder, 1003)


@pytest.fixture
def priors(folder):
    return prior_table(folder.grades)


def locations(study, missing=()):
    rows = []
    for number, target in enumerate(TARGETS):
        plane = ANNOTATED_PLANE[target.condition]
        row = {"study_id": study.study_id, **target._asdict(), "fold": 0}
        if target in missing:
            rows.append(row | {"confidence": 0.0, "found_by": "prior"})
            continue
        point = (4.0, 3.0 + number % 4, -5.0) if plane is not Plane.AXIAL_T2 else (3.0 + number % 4, 5.0, 4.0)
        rows.append(row | dict(zip(("x_mm", "y_mm", "z_mm"), point, strict=True)) | {
            "series_id": study.study_id * 10 + SERIES[plane], "slice_index": 1, "x_px": 1.0, "y_px": 1.0,
            "confidence": 0.9, "found_by": "detector"})
    return LOCATIONS.frame(rows)


def values(rows):
    return rows[list(SEVERITY_COLUMNS)].to_numpy()


def test_a_study_has_25_rows_in_order(grader, study, priors):
    rows = grader.rows(study, locations(study), priors)
    assert rows["row_id"].tolist() == [row_id(1003, target) for target in TARGETS]
    assert rows["fallback"].isna().all()
    assert set(rows["fold"]) == {0}
    assert set(rows["model"]) == {"test_resnet"}
    assert np.isfinite(values(rows)).all()
    assert np.abs(values(rows).sum(axis=1) - 1).max() < 1e-12
    PREDICTIONS.check(rows)


@pytest.mark.parametrize("batch_size", [1, 7])
def test_the_batch_size_does_not_matter(grader, study, priors, batch_size):
    other = Grader(grader.trained, batch_size=batch_size)
    one, two = (values(which.rows(study, locations(study), priors)) for which in (grader, other))
    assert np.abs(one - two).max() < 1e-5


def test_rows_without_a_place_get_their_prior_and_the_reason(grader, study, priors):
    missing = {TARGETS[3], TARGETS[7]}
    no_axial = Study(study.study_id, study.series[:2], ())
    table = locations(study, missing=missing | {target for target in TARGETS if target.condition == "subarticular"})
    outside = (table["condition"] == "canal") & (table["level"] == "l1_l2")
    table.loc[outside, "y_mm"] = 500.0
    rows = grader.rows(no_axial, table, priors).set_index("row_id")
    reasons = {TARGETS[0]: "the location lies outside the image", TARGETS[3]: "not located", TARGETS[7]: "not located"}
    for target in TARGETS:
        expected = "no axial_t2 series" if target.condition is Condition.SUBARTICULAR else reasons.get(target)
        row = rows.loc[row_id(1003, target)]
        assert (None if pd.isna(row["fallback"]) else row["fallback"]) == expected
        prior = priors.loc[target.column].to_numpy()
        assert np.allclose(row[list(SEVERITY_COLUMNS)].to_numpy(float), prior) == (expected is not None)


def test_a_series_that_went_away_falls_back(grader, study, priors):
    table = locations(study)
    rows = grader.rows(Study(study.study_id, (), ()), table, priors)
    assert set(rows["fallback"]) == {"a series that this study does not have"}
    assert np.allclose(values(rows), priors.to_numpy())
    assert len(grader.rows(study, table[:0], priors)) == 25


def test_an_answer_that_is_no_number_falls_back(grader, study, priors):
    with torch.no_grad():
        for parameter in grader.model.heads[0].parameters():
            parameter.fill_(float("nan"))
    rows = grader.rows(study, locations(study), priors)
    assert set(rows["fallback"][:5]) == {"the network's answer is not a finite number"}
    assert rows["fallback"][5:].isna().all()
    assert np.allclose(values(rows)[:5], priors.to_numpy()[:5])


def test_locations_of_another_fold_or_study_are_refused(grader, study, priors):
    with pytest.raises(FoldError, match="wanted: fold 0\n  got:    fold 3"):
        grader.rows(study, locations(study).assign(fold=3), priors)
    with pytest.raises(DataError, match="locations of another study"):
        grader.rows(study, locations(study).assign(study_id=4), priors)


def predictions(probabilities, fallback):
    return PREDICTIONS.frame([{"row_id": f"1_{target.column}", **dict(zip(SEVERITY_COLUMNS, row, strict=True)),
                               "fold": 0, "model": "m", "fallback": why}
                              for target, row, why in zip(TARGETS, probabilities, fallback, strict=False)])


def test_the_mean_over_folds_leaves_fallbacks_out_where_a_fold_answered():
    one = predictions([(0.5, 0.3, 0.2), (0.2, 0.2, 0.6), (1, 0, 0)], [None, "not located", "not located"])
    two = predictions([(0.7, 0.1, 0.2), (0.4, 0.4, 0.2), (0, 1, 0)], [None, None, "no axial_t2 series"])
    mean = mean_predictions([one, two])
    assert mean["row_id"].tolist() == one["row_id"].tolist()
    # the mean of plain probabilities, weighted again: p / (1, 2, 4) over their sums, by hand
    plain = (np.array([0.5, 0.15, 0.05]) / 0.7 + np.array([0.7, 0.05, 0.05]) / 0.8) / 2
    first = plain * [1, 2, 4] / (plain * [1, 2, 4]).sum()
    assert np.allclose(values(mean), [first, (0.4, 0.4, 0.2), (1 / 3, 2 / 3, 0)])
    assert mean["fallback"].isna().tolist() == [True, True, False]
    assert mean["fallback"][2] == "not located"


def test_weights_taken_off_and_put_back():
    plain = np.array([[0.5, 0.3, 0.2], [0.9, 0.1, 0.0]])
    assert np.allclose(weighted(plain), [np.array([0.5, 0.6, 0.8]) / 1.9, np.array([0.9, 0.2, 0]) / 1.1])
    assert np.allclose(unweighted(weighted(plain)), plain)


def test_the_metrics_weights_are_put_in_once(settings, study, priors):
    """The same network, said to answer plainly: the writer multiplies."""
    def answers(*overrides):
        torch.manual_seed(3)
        chosen = settings("classifier.head=softmax", *overrides)
        return values(Grader(Classifier(build_model(chosen.classifier, chosen.crops), chosen.classifier, chosen.crops,
                                        fold=0)).rows(study, locations(study), priors))

    assert np.allclose(answers("classifier.metric_weights=at_inference"), weighted(answers()), atol=1e-12)


class Canned:
    """In the place of a network: one answer (3,) for all targets of each call, in turn."""

    sequence = None

    def __init__(self, *answers):
        self.answers = list(answers)

    def __call__(self, batch):
        return Answers(torch.tensor(self.answers.pop(0)).log().expand(len(batch["image"]), 3), None)


@pytest.mark.parametrize("weights", ["in_loss", "at_inference"])
def test_the_mean_over_a_study_and_its_mirror_image_is_of_plain_probabilities(settings, study, priors, weights):
    """As that over folds is: whichever way the weights come in, the same two opinions give the same answer."""
    one, two = np.array([0.9, 0.08, 0.02]), np.array([0.1, 0.2, 0.7])
    chosen = settings("classifier.flip_at_test=true", f"classifier.metric_weights={weights}")
    grader = the_grader(chosen)
    grader.model = Canned(*((weighted(one), weighted(two)) if weights == "in_loss" else (one, two)))
    rows = grader.rows(study, locations(study), priors)
    assert not grader.model.answers
    assert np.allclose(values(rows), weighted((one + two) / 2), atol=1e-6)


EVERYTHING = ("crops.views=both", "classifier.slices=attention", "classifier.sequence_layers=1",
              "classifier.flip_at_test=true", "crops.slices=3")


def the_grader(chosen):
    torch.manual_seed(3)
    model = build_model(chosen.classifier, chosen.crops)
    if model.sequence is not None:
        torch.nn.init.ones_(model.sequence.scale)
    return Grader(Classifier(model, chosen.classifier, chosen.crops, fold=0))


def mirrored_study(field, *, turn=False):
    """Three stacks, and a place for every target; turn: the patient and all places seen in a mirror."""
    shown = mirror_image(field) if turn else field
    study = study_of(sagittal_t1=stack(shown, "sagittal"), sagittal_t2=stack(shown, "sagittal"),
                     axial_t2=stack(shown, "axial", count=21))
    rows = []
    for number, target in enumerate(TARGETS):
        x_mm = {"midline": 0.0, "left": 8.0, "right": -8.0}[target.side] + 0.3 * (number % 3) * (-1 if turn else 1)
        point = (x_mm, 2.0, 18.0 - 8 * list(Level).index(target.level))
        plane = ANNOTATED_PLANE[target.condition]
        place = location(study, point, condition=target.condition, side=target.side, series_id=SERIES[plane])
        rows.append({"study_id": 7, **place, "level": target.level, "x_px": 1.0, "y_px": 1.0, "confidence": 0.9,
                     "found_by": "detector", "fold": 0})
    return study, LOCATIONS.frame(rows)


@pytest.mark.parametrize("mirror_right", [True, False])
@pytest.mark.parametrize("overrides", [(), EVERYTHING], ids=["one view", "everything"])
def test_a_study_seen_in_a_mirror_gets_the_mirrored_grades(settings, priors, overrides, mirror_right):
    chosen = settings(*overrides, "crops.size_mm={canal: 20, foraminal: 20, subarticular: 20}",
                      f"crops.mirror_right={str(mirror_right).lower()}", "classifier.flip_at_test=true")
    grader = the_grader(chosen)
    study, places = mirrored_study(waves)
    other, there = mirrored_study(waves, turn=True)
    # the same offsets from the middle on both sides, so that each target has its exact counterpart
    there[["x_mm"]] = -places.set_index(["condition", "side", "level"]).loc[
        [(one.condition, OPPOSITE[one.side], one.level) for one in TARGETS], ["x_mm"]].to_numpy()
    there["slice_index"] = [other.by_id(row.series_id).series.nearest_slice(np.array([row.x_mm, row.y_mm, row.z_mm]))[0]
                            for row in there.itertuples()]
    straight = grader.rows(study, places, priors)
    turned = grader.rows(other, there, priors)
    assert straight["fallback"].isna().all()
    swap = [TARGETS.index(one._replace(side=OPPOSITE[one.side])) for one in TARGETS]
    assert np.abs(values(straight) - values(straight)[swap]).max() > 1e-4
    assert np.allclose(values(turned), values(straight)[swap], atol=2e-4)


def test_a_missing_plane_is_graded_from_the_other(settings, priors):
    grader = the_grader(settings(*EVERYTHING))
    study, places = mirrored_study(waves)
    without = Study(study.study_id, study.series[:2], ())
    axial = places["condition"] == "subarticular"
    places.loc[axial, ["series_id", "found_by"]] = [2, "projected"]
    places.loc[axial, "slice_index"] = [
        without.by_id(2).series.nearest_slice(np.array([row.x_mm, row.y_mm, row.z_mm]))[0]
        for row in places[axial].itertuples()]
    rows = grader.rows(without, places, priors)
    assert rows["fallback"].isna().all()
    alone = the_grader(settings("crops.slices=3")).rows(without, places, priors)
    assert alone["fallback"].notna().sum() == 10
    assert set(alone["fallback"].dropna()) == {"no axial_t2 series"}


@pytest.mark.parametrize("batch_size", [1, 7, 64])
def test_the_batch_size_does_not_matter_to_any_network(settings, priors, batch_size):
    trained = the_grader(settings(*EVERYTHING)).trained
    study, places = mirrored_study(waves)
    one, two = (values(Grader(trained, batch_size=size).rows(study, places, priors)) for size in (25, batch_size))
    assert np.abs(one - two).max() < 1e-5
