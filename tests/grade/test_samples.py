import pandas as pd
import pytest

from lsdc.errors import DataError
from lsdc.grade.samples import graded_points


def test_graded_and_annotated_targets_only(folder):
    samples = graded_points(folder, [1001, 1002])
    assert len(samples) == 9  # five canal points each, one grade missing
    assert samples.loc[samples.study_id == 1002, "severity"].tolist() == [0, 1, 2, 0, 1]  # 1002 is 0 modulo 3
    assert samples.loc[samples.study_id == 1001, "level"].tolist() == ["l2_l3", "l3_l4", "l4_l5", "l5_s1"]


def test_of_several_points_the_one_on_the_conditions_own_plane(folder):
    more = folder.points.iloc[[0]].assign(series_id=10021, x_px=99.0)  # sagittal T1, lower series_id
    more = pd.concat([more, folder.points.iloc[[5]].assign(instance_number=3, x_px=98.0)])
    points = pd.concat([more, folder.points])
    changed = type(folder)(folder.root, folder.grades, points, folder.series, folder.sample,
                           _studies=folder._studies)
    samples = graded_points(changed, [1002])
    assert (samples.series_id == 10022).all()
    assert samples.x_px.max() < 90


def test_an_unknown_study_is_an_error(folder):
    with pytest.raises(DataError, match=r"(?s)1 studies are not in train\.csv.*7777"):
        graded_points(folder, [1001, 7777])
