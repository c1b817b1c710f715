import pandas as pd
import pytest

from lsdc.errors import TableError
from lsdc.submit import write_submission

SAMPLE = ["3_b", "1_a", "2_c"]


def predictions(**changed) -> pd.DataFrame:
    frame = pd.DataFrame({"row_id": ["1_a", "2_c", "3_b"], "normal_mild": [0.5, 0.2, 1.0], "moderate": [0.3, 0.3, 0.0],
                          "severe": [0.2, 0.5, 0.0], "fold": 0})
    return frame.assign(**changed)


def test_rows_of_the_sample_in_its_order(tmp_path):
    write_submission(predictions(), SAMPLE, tmp_path / "submission.csv")
    assert (tmp_path / "submission.csv").read_text() == (
        "row_id,normal_mild,moderate,severe\n3_b,1.0,0.0,0.0\n1_a,0.5,0.3,0.2\n2_c,0.2,0.3,0.5\n")


@pytest.mark.parametrize(("changed", "message"), [
    ({"row_id": ["1_a", "2_c", "9_x"]}, r"1 rows of the sample have no prediction: 3_b\n +1 rows are not in"),
    ({"row_id": ["1_a", "1_a", "3_b"]}, "2 rows share their key"),
    ({"severe": [0.2, float("nan"), 0.0]}, "1 values are missing"),
    ({"severe": [0.2, float("inf"), 0.0]}, "not finite"),
    ({"severe": [0.7, 0.5, 0.0], "moderate": [-0.2, 0.3, 0.0]}, "1 rows are negative: 1_a"),
    ({"severe": [0.2, 0.6, 0.0]}, "1 rows do not sum to 1: 2_c"),
])
def test_nothing_invalid_is_written(tmp_path, changed, message):
    with pytest.raises(TableError, match=message):
        write_submission(predictions(**changed), SAMPLE, tmp_path / "submission.csv")
    assert list(tmp_path.iterdir()) == []
