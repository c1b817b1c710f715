import logging

import numpy as np
import pytest

from lsdc.competition import open_folder
from lsdc.evaluate.annotated import annotated_truths
from tests.builders import write_competition


@pytest.fixture
def folder(tmp_path):
    return write_competition(tmp_path)


def test_points_are_placed_by_the_header_of_their_slice(folder):
    """Canal points of the builder: (3.5, 2.25) px on slice 2, which lies 4 mm to the left of the origin."""
    truths = annotated_truths(open_folder(folder), [1002])
    assert truths["study_id"].tolist() == [1002] * 5
    first = truths.iloc[0]
    assert (first["condition"], first["side"], first["level"]) == ("canal", "midline", "l1_l2")
    np.testing.assert_allclose(first[["x_mm", "y_mm", "z_mm"]].astype(float), [4, 3.5, -2.25])


def test_points_without_a_place_are_left_out_and_counted(folder, caplog):
    points = folder / "train_label_coordinates.csv"
    lines = points.read_text().splitlines()
    lines[1] = lines[1].replace("10012,2", "10011,2")  # a canal point on the sagittal T1
    lines[2] = lines[2].replace("10012,2", "10012,9")  # an instance that is not there
    points.write_text("\n".join(lines) + "\n")
    (folder / "train_images" / "1002" / "10022" / "2.dcm").write_bytes(b"")
    with caplog.at_level(logging.WARNING, "lsdc"):
        truths = annotated_truths(open_folder(folder), [1001, 1002])
    assert truths["study_id"].tolist() == [1001] * 3
    assert "7 of 10 annotated points have no place" in caplog.text
