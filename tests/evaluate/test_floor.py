import numpy as np
import pandas as pd
import pytest

from lsdc.errors import TableError
from lsdc.evaluate.floor import floor_predictions, read_floor, truth_folder
from lsdc.evaluate.metric import score
from lsdc.phantom.latents import draw_labels, latent_rows
from lsdc.tables import GRADES, LATENTS
from lsdc.taxonomy import SEVERITY_COLUMNS, TARGETS, row_id


def latents_of(studies: list[int], probabilities: list[float]) -> pd.DataFrame:
    rows = [{"row_id": row_id(study, target), "z": 0.0, **dict(zip(SEVERITY_COLUMNS, probabilities, strict=True))}
            for study in studies for target in TARGETS]
    return LATENTS.frame(rows)


def test_probabilities_are_multiplied_by_the_weights():
    floor = floor_predictions(latents_of([1, 2], [0.6, 0.3, 0.1]), [2])
    assert floor["row_id"].tolist() == [row_id(2, target) for target in TARGETS]
    np.testing.assert_allclose(floor[list(SEVERITY_COLUMNS)], np.tile([0.375, 0.375, 0.25], (25, 1)))


def test_a_study_that_the_truth_lacks():
    with pytest.raises(TableError, match="25 are missing: 3_"):
        floor_predictions(latents_of([1, 2], [0.6, 0.3, 0.1]), [2, 3])


def test_truth_lies_beside_the_competition_folder(tmp_path):
    (tmp_path / "competition").mkdir()
    assert read_floor(tmp_path / "competition", [1]) is None
    LATENTS.write(latents_of([1], [0.6, 0.3, 0.1]), tmp_path / "truth" / "latents.csv")
    assert truth_folder(tmp_path / "competition") == tmp_path / "truth"
    assert len(read_floor(tmp_path / "competition", [1])) == 25


def test_nothing_near_the_floor_scores_better_and_its_value_is_known():
    """On 1,500 phantom studies: floor .369 +- .02 (PHANTOM.md), and every distortion of it is worse."""
    studies = range(1, 1501)
    labels = [draw_labels(7, "train", study) for study in studies]
    grades = GRADES.frame([
        {"study_id": study, "condition": t.condition, "side": t.side, "level": t.level, "severity": SEVERITY_COLUMNS[s]}
        for study, label in zip(studies, labels, strict=True) for t, s in zip(TARGETS, label.severity, strict=True)
    ])
    pairs = list(zip(studies, labels, strict=True))
    floor = floor_predictions(pd.concat([latent_rows(study, label) for study, label in pairs]), studies)
    best = score(grades, floor)
    assert best.total == pytest.approx(0.369, abs=0.02)
    for change in (lambda p: p**0.8, lambda p: p**1.25, lambda p: p * [1, 0.5, 0.25], lambda p: p + 0.02):
        values = change(floor[list(SEVERITY_COLUMNS)].to_numpy())
        worse = floor.copy()
        worse[list(SEVERITY_COLUMNS)] = values / values.sum(axis=1, keepdims=True)
        assert score(grades, worse).total > best.total
