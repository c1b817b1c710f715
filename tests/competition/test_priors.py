import numpy as np
import pandas as pd
import pytest

from lsdc.competition.priors import prior_predictions, prior_table, read_priors, uniform_table, write_priors
from lsdc.errors import TableError
from lsdc.tables import GRADES
from lsdc.taxonomy import SEVERITY_COLUMNS, TARGETS

CANAL_L1 = "spinal_canal_stenosis_l1_l2"


def grades_of(severities: list[str | None], condition: str | None = None) -> pd.DataFrame:
    """Study i has severities[i] at every target (of a condition, normal elsewhere)."""
    return GRADES.frame([
        {"study_id": study, "condition": t.condition, "side": t.side, "level": t.level,
         "severity": severity if condition in (None, t.condition) else "normal_mild"}
        for study, severity in enumerate(severities, 1) for t in TARGETS
    ])


def test_exact_priors_are_weighted_rates():
    priors = prior_table(grades_of(["normal_mild"] * 6 + ["moderate", "severe", None]), smoothing=0)
    assert priors.index.tolist() == [target.column for target in TARGETS]
    np.testing.assert_allclose(priors.to_numpy(), np.tile([6 / 12, 2 / 12, 4 / 12], (25, 1)))  # 6x1, 1x2, 1x4


def test_smoothing_pulls_towards_the_rates_of_the_condition():
    grades = grades_of(["normal_mild"] * 3)
    at = (grades["study_id"] == 1) & (grades["condition"] == "canal") & (grades["level"] == "l5_s1")
    grades.loc[at, "severity"] = "severe"
    # canal: 15 labels, 14 normal and 1 severe, so q = 15/18, 1/18, 2/18; L1/L2 has 3 normal
    weighted = np.array([3 + 2 * 15 / 18, 2 * 2 * 1 / 18, 4 * 2 * 2 / 18])
    np.testing.assert_allclose(prior_table(grades, smoothing=2).loc[CANAL_L1], weighted / weighted.sum())
    # the other conditions do not feel it: 30 normal labels
    weighted = np.array([3 + 2 * 31 / 33, 2 * 2 / 33, 4 * 2 / 33])
    np.testing.assert_allclose(prior_table(grades, smoothing=2).loc["left_subarticular_stenosis_l1_l2"],
                               weighted / weighted.sum())


def test_nothing_is_zero_even_when_a_severity_was_never_seen():
    priors = prior_table(grades_of(["normal_mild"]))
    assert (priors > 0).all(axis=None)
    np.testing.assert_allclose(priors.sum(axis=1), 1)


def test_a_target_without_labels_has_the_rates_of_its_condition():
    grades = grades_of(["normal_mild", "severe"])
    grades.loc[(grades["condition"] == "canal") & (grades["level"] == "l1_l2"), "severity"] = pd.NA
    # 8 canal labels: 4 normal, 4 severe, so q = 5/11, 1/11, 5/11
    np.testing.assert_allclose(prior_table(grades, smoothing=0).loc[CANAL_L1], np.array([5, 2, 20]) / 27)


def test_predictions_repeat_the_table_for_each_study():
    priors = prior_table(grades_of(["normal_mild", "severe"]))
    rows = prior_predictions(priors, [12, 4_003_253]).set_index("row_id")
    assert len(rows) == 50
    for target in TARGETS:
        np.testing.assert_array_equal(rows.loc[f"4003253_{target.column}"], priors.loc[target.column])


def test_uniform_is_a_third():
    assert uniform_table().shape == (25, 3)
    np.testing.assert_allclose(uniform_table(), 1 / 3)


def test_written_and_read_again(tmp_path):
    priors = prior_table(grades_of(["normal_mild", "moderate", "severe"]))
    write_priors(priors, tmp_path / "priors.csv")
    pd.testing.assert_frame_equal(read_priors(tmp_path / "priors.csv"), priors, rtol=1e-14)


def test_every_fault_of_a_priors_file_is_told_at_once(tmp_path):
    path = tmp_path / "priors.csv"
    write_priors(prior_table(grades_of(["normal_mild"])), path)
    rows = pd.read_csv(path).iloc[1:]
    rows.loc[3, list(SEVERITY_COLUMNS)] = [0.5, 0.5, 0.5]
    rows.to_csv(path, index=False)
    with pytest.raises(TableError, match=rf"no row for {CANAL_L1}(.|\n)*l4_l5: sums to 1.5"):
        read_priors(path)
