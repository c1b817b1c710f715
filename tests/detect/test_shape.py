import numpy as np
import pytest

from lsdc.detect.shape import SpineShape, fit_shape, target_positions
from lsdc.errors import DataError
from lsdc.taxonomy import TARGETS
from tests.detect.toy import toy_positions


def spines(count, seed=0):
    generator = np.random.default_rng(seed)
    drawn = [toy_positions(generator) for _ in range(count)]
    return [np.array([one[target] for target in TARGETS]) for one in drawn]


def test_a_missing_target_follows_from_the_others_wherever_the_patient_lies():
    shape = fit_shape(spines(40))
    truth = spines(1, seed=9)[0] + [30, -20, 100]
    seen = truth.copy()
    seen[3] = np.nan  # canal L4/L5
    seen[20:] = np.nan  # right recesses
    expected = shape.expect(seen, np.full((25, 3), 0.5))
    np.testing.assert_allclose(expected, truth, atol=1.0)  # the toy has one free number besides the shift


def test_studies_that_each_miss_others_still_teach_the_mean():
    known = spines(30)
    generator = np.random.default_rng(1)
    for one in known:
        one[generator.random(25) < 0.3] = np.nan
    shape = fit_shape(known)
    whole = fit_shape(spines(30))
    between = [shape.mean_mm[i] - shape.mean_mm[0] for i in range(25)]
    np.testing.assert_allclose(between, [whole.mean_mm[i] - whole.mean_mm[0] for i in range(25)], atol=1.0)


def test_one_study_gives_a_shape_without_modes():
    (only,) = spines(1)
    shape = fit_shape([only])
    assert shape.modes_mm.shape == (0, 25, 3)
    np.testing.assert_allclose(shape.offset(TARGETS[0], TARGETS[4]), only[4] - only[0])
    assert np.linalg.eigvalsh(shape.offset_covariance(TARGETS[0], TARGETS[4])).min() > 0


def test_record_round_trip():
    shape = fit_shape(spines(20))
    again = SpineShape.from_json(shape.to_json())
    np.testing.assert_allclose(again.modes_mm, shape.modes_mm, atol=1e-3)
    none = fit_shape(spines(1))
    assert SpineShape.from_json(none.to_json()).modes_mm.shape == (0, 25, 3)


def test_a_target_that_no_study_shows_is_named():
    known = spines(3)
    for one in known:
        one[0] = np.nan
    with pytest.raises(DataError, match="spinal_canal_stenosis_l1_l2"):
        fit_shape(known)
    with pytest.raises(DataError, match="targets without any annotated point"):
        fit_shape([target_positions([])])
