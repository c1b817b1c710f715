"""A whole evaluation of a hand-made run: two folds of four studies, with the phantom's truth beside the folder."""

import json

import numpy as np
import pandas as pd
import pytest

from lsdc.competition import open_folder
from lsdc.competition.priors import prior_predictions, prior_table, write_priors
from lsdc.errors import FoldError, TableError
from lsdc.evaluate import evaluate_run
from lsdc.files import file_hash
from lsdc.report.records import EvaluationRecord
from lsdc.runs import RunFolder
from lsdc.tables import FOLDS, KEYPOINTS, LATENTS, LOCATIONS, PREDICTIONS
from lsdc.taxonomy import SEVERITY_COLUMNS, TARGETS, Severity, row_id
from tests.builders import write_competition

STUDIES = (11, 12, 13, 14)


def severity(study, target):
    return Severity((study + list(TARGETS).index(target)) % 3)


@pytest.fixture
def folder(tmp_path):
    """Competition folder with truth: P is .8 for the grade read; keypoints of the canal where the builder has them."""
    folder = open_folder(write_competition(tmp_path / "competition", studies=STUDIES, severity=severity))
    latents = [{"row_id": row_id(study, t), "z": 0.0, **dict.fromkeys(SEVERITY_COLUMNS, 0.1),
                SEVERITY_COLUMNS[severity(study, t)]: 0.8} for study in STUDIES for t in TARGETS]
    LATENTS.write(LATENTS.frame(latents), tmp_path / "truth" / "latents.csv")
    keypoints = [{"study_id": study, "structure": "canal", "level": t.level, "side": "midline",
                  "x_mm": 4.0, "y_mm": 30.0 * i, "z_mm": 0.0} for study in STUDIES for i, t in enumerate(TARGETS[:5])]
    KEYPOINTS.write(KEYPOINTS.frame(keypoints), tmp_path / "truth" / "keypoints.csv")
    return folder


@pytest.fixture
def run(tmp_path, folder):
    run = RunFolder(tmp_path / "run")
    folds = FOLDS.frame([{"study_id": study, "fold": study % 2} for study in STUDIES])
    FOLDS.write(folds, run.folds)
    for fold in (0, 1):
        write_fold(run, folder, fold, [study for study in STUDIES if study % 2 == fold])
    return run


def write_fold(run, folder, fold, studies):
    here = run.fold(fold)
    priors = prior_table(folder.grades[~folder.grades["study_id"].isin(studies)])
    write_priors(priors, here.priors)
    predictions = prior_predictions(priors, studies).assign(fold=fold, model="m", fallback="nothing was trained")
    PREDICTIONS.write(predictions, here.predictions)
    locations = [{"study_id": study, "condition": t.condition, "side": t.side, "level": t.level, "series_id": 1,
                  "slice_index": 0, "x_px": 0.0, "y_px": 0.0, "x_mm": 4.0, "y_mm": 30.0 * i + 3, "z_mm": 4.0,
                  "confidence": 0.5, "found_by": "detector", "fold": fold}
                 for study in studies for i, t in enumerate(TARGETS)]
    LOCATIONS.write(LOCATIONS.frame(locations), here.locations)


def test_a_run_is_scored_as_one_table(run, folder, settings):
    result = evaluate_run(run, folder, settings, all_folds=True)
    figures = result.figures
    assert (figures["folds"], figures["all_folds"], figures["studies"], figures["rows"]) == ([0, 1], True, 4, 100)
    rows = {row["name"]: row for row in figures["scores"]}
    assert rows["model"]["total"] == rows["priors"]["total"]  # these predictions are the priors
    assert figures["share_of_way"]["value"] == 0
    assert figures["fallback"]["causes"] == [{"cause": "nothing was trained", "rows": 100, "studies": 4}]
    # the floor: P is .8 for the truth and .1 for the others, times 1, 2, 4
    wanted = [-np.log(0.8 * w / (0.8 * w + 0.1 * (7 - w))) for w in (1, 2, 4)]
    severities = [severity(study, t) for study in STUDIES for t in TARGETS[:5]]
    assert rows["floor"]["canal"] == pytest.approx(
        sum(s.weight * wanted[s] for s in severities) / sum(s.weight for s in severities))
    keypoints = next(one for one in figures["locations"] if one["truth"] == "true keypoints")
    assert keypoints["rows"][0]["id_rate"] == 1
    assert keypoints["rows"][0]["mean_mm"] == pytest.approx(5)
    assert json.loads(json.dumps(figures, allow_nan=False)) == figures
    assert figures["predictions"] == {f"fold{fold}": file_hash(run.fold(fold).predictions) for fold in (0, 1)}
    assert EvaluationRecord.model_validate(figures).score("floor").total == rows["floor"]["total"]  # reports read it
    assert [one["fold"] for one in figures["between_folds"]["folds"]] == [0, 1]
    for words in ("run: fold 0, 1, 4 studies", "Between folds", "against annotated points", "against true keypoints"):
        assert words in result.text


def test_one_fold_is_scored_on_its_own_studies(run, folder, settings):
    run.fold(1).predictions.unlink()
    figures = evaluate_run(run, folder, settings).figures
    assert (figures["folds"], figures["all_folds"], figures["rows"]) == ([0], False, 50)
    assert figures["between_folds"] is None
    with pytest.raises(FoldError, match="no predictions of fold 1"):
        evaluate_run(run, folder, settings, all_folds=True)


def test_without_truth_there_is_no_floor(run, folder, settings, tmp_path):
    (tmp_path / "truth" / "latents.csv").unlink()
    result = evaluate_run(run, folder, settings)
    assert result.figures["share_of_way"] is None
    assert not result.figures["phantom"]
    assert [one["truth"] for one in result.figures["locations"]] == ["annotated points"]


def test_a_missing_row_is_named_with_its_run(run, folder, settings):
    path = run.fold(0).predictions
    PREDICTIONS.write(PREDICTIONS.read(path).iloc[1:], path)
    with pytest.raises(TableError, match=r"1 rows are missing: 12_spinal_canal_stenosis_l1_l2(.|\n)*run"):
        evaluate_run(run, folder, settings)


def test_folds_of_other_data_are_refused(run, folder, settings):
    FOLDS.write(pd.concat([FOLDS.read(run.folds), FOLDS.frame([{"study_id": 99, "fold": 0}])]), run.folds)
    with pytest.raises(FoldError, match="1 studies are not in the training data: 99"):
        evaluate_run(run, folder, settings)
