import pytest

from lsdc.errors import DataError, TableError
from lsdc.kernel import check_submission

HEADER = "row_id,normal_mild,moderate,severe"
SAMPLE = [HEADER, "3_b,0.3,0.3,0.4", "1_a,0.3,0.3,0.4", "2_c,0.3,0.3,0.4"]
GOOD = [HEADER, "3_b,1.0,0.0,0.0", "1_a,0.5,0.3,0.2", "2_c,0.2,0.3,0.5"]


@pytest.fixture
def check(tmp_path):
    def check(lines, sample=SAMPLE):
        (tmp_path / "sample.csv").write_text("\n".join(sample) + "\n")
        (tmp_path / "submission.csv").write_text("\n".join(lines) + "\n")
        return check_submission(tmp_path / "submission.csv", tmp_path / "sample.csv")
    return check


def test_a_valid_submission(check):
    assert check(GOOD) == {"rows": 3, "studies": 3}


@pytest.mark.parametrize("change", [
    lambda lines: ["\ufeff" + lines[0], *lines[1:]],
    lambda lines: [f"{line}\r" for line in lines],
    lambda lines: [f"{line},more" for line in lines],
    lambda lines: [",".join(reversed(line.split(","))) for line in lines],
    lambda lines: [",".join(f'"{cell}"' for cell in line.split(",")) for line in lines],
    lambda lines: [line.split(",")[0] for line in lines],
])
def test_of_the_sample_only_its_row_ids_matter(check, change):
    assert check(GOOD, change(SAMPLE)) == {"rows": 3, "studies": 3}
    with pytest.raises(TableError, match="not in the sample's order"):
        check([GOOD[0], *GOOD[2:], GOOD[1]], change(SAMPLE))


@pytest.mark.parametrize(("lines", "message"), [
    ([GOOD[0], *GOOD[2:], GOOD[1]], "not in the sample's order"),
    (GOOD[:3], "1 rows of the sample are missing: 2_c"),
    ([*GOOD, "9_x,1,0,0"], "1 rows are not in the sample: 9_x"),
    ([*GOOD, GOOD[1]], "1 rows stand more than once: 3_b"),
    ([*GOOD[:3], "2_c,nan,0.5,0.5"], "1 rows are not three finite probabilities that sum to 1: 2_c"),
    ([*GOOD[:3], "2_c,1.1,-0.1,0"], "1 rows are not three"),
    ([*GOOD[:3], "2_c,0.5,0.5,0.1"], "1 rows are not three"),
    ([*GOOD[:3], "2_c,0.5,0.5"], "1 rows are not three"),
    ([*GOOD[:3], "2_c,a,b,c"], "1 rows are not three"),
    (["," + GOOD[0], *(f"{i},{line}" for i, line in enumerate(GOOD[1:]))], "columns , row_id"),
    ([HEADER], "3 rows of the sample are missing"),
])
def test_what_the_site_would_refuse(check, lines, message):
    with pytest.raises(TableError, match=message):
        check(lines)


def test_a_file_that_is_not_there_and_a_sample_without_rows(check, tmp_path):
    with pytest.raises(TableError, match="the sample itself has 0 rows"):
        check([HEADER], [HEADER])
    with pytest.raises(DataError, match="this file is not there"):
        check_submission(tmp_path / "none.csv", tmp_path / "sample.csv")
