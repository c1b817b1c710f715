"""Tables from csv files and run folders, and everything that makes one dishonest."""

import pandas as pd
import pytest

from lsdc.blend.sources import read_source, stack_sources
from lsdc.errors import DataError, FoldError
from lsdc.runs import RunFolder
from lsdc.tables import FOLDS, GRADES, LOCATIONS, PREDICTIONS
from lsdc.taxonomy import TARGETS, row_id

STUDIES = (11, 12, 13, 14)
FOLDS_TABLE = FOLDS.frame([{"study_id": study, "fold": study % 2} for study in STUDIES])
GRADES_TABLE = GRADES.frame([{"study_id": study, **target._asdict(), "severity": "normal_mild"}
                             for study in STUDIES for target in TARGETS])


def table(*studies: int, **columns) -> pd.DataFrame:
    rows = [{"row_id": row_id(study, target), "normal_mild": 0.5, "moderate": 0.25, "severe": 0.25, "fold": study % 2,
             "model": "net", "fallback": None} for study in studies or STUDIES for target in TARGETS]
    return pd.DataFrame(rows).assign(**columns)


def csv(folder, frame: pd.DataFrame, name: str = "m.csv"):
    frame.to_csv(folder / name, index=False)
    return read_source(str(folder / name), folder)


def stacked(*sources):
    return stack_sources(sources, FOLDS_TABLE, GRADES_TABLE, where="folds.csv")


def write_run(root, name: str = "mine", locations_fold: int | None = None) -> RunFolder:
    run = RunFolder(root / name)
    run.path.mkdir()
    run.config.write_text("a: 1\n")
    for fold in (0, 1):
        studies = [study for study in STUDIES if study % 2 == fold]
        PREDICTIONS.write(table(*studies), run.fold(fold).predictions)
        rows = [{"study_id": study, **target._asdict(), "confidence": 0.0, "found_by": "prior",
                 "fold": fold if locations_fold is None else locations_fold} for study in studies for target in TARGETS]
        LOCATIONS.write(LOCATIONS.frame([dict.fromkeys(LOCATIONS.columns) | row for row in rows]),
                        run.fold(fold).locations)
    return run


def test_a_csv_file_and_a_run_side_by_side(tmp_path):
    write_run(tmp_path)
    some = table().drop(columns=["model", "fallback"]).iloc[3:]
    both = stacked(csv(tmp_path, some), read_source("mine", tmp_path))
    assert both.models == ("m", "mine")
    assert both.fold.tolist() == [1, 0, 1, 0]
    assert both.answers.present[:, 0].sum(1).tolist() == [22, 25, 25, 25]
    assert both.answers.plain[0, 0, 0].tolist() == [0, 0, 0]
    assert both.answers.plain[1, 1, 0] == pytest.approx([8 / 11, 2 / 11, 1 / 11])  # the metric's weights are off
    assert (both.severity == 0).all()


def test_rows_that_priors_answered_are_missing(tmp_path):
    one = stacked(csv(tmp_path, table(fallback=["not located"] * 30 + [None] * 70)))
    assert one.answers.present[:, 0].sum(1).tolist() == [0, 20, 25, 25]


def test_a_model_of_a_run_names_run_folds_and_hashes(tmp_path):
    member = read_source("other=mine", write_run(tmp_path).path.parent).member
    assert (member.name, member.run, member.folds, sorted(member.tables)) == ("other", "mine", (0, 1),
                                                                              ["fold0", "fold1"])


@pytest.mark.parametrize(("frame", "message"), [
    (table().assign(fold=lambda t: t.fold.where(~t.row_id.str.startswith("13_"), 0)),
     r"m: 1 studies are of another fold than the folds file says, so their model may have seen them: "
     r"13 \(fold 0, not 1\)"),
    (table(11, 12, 21, 22), "m: 2 studies are not in the folds file: 21, 22"),
    (table(11, 13), "m: no prediction of fold 0"),
    (table().iloc[:0], "m: the table is empty"),
    (table(severe=0.5), "m: 100 rows do not sum to 1"),
    (table(severe=-0.25, moderate=0.75), "m: 100 rows are negative"),
    (table().assign(row_id=lambda t: t.row_id.str.replace("canal", "kanal")), "m: 20 rows are of no target"),
])
def test_what_is_not_out_of_fold_is_refused(tmp_path, frame, message):
    with pytest.raises(FoldError, match=f"cannot be blended(.|\n)*{message}(.|\n)*to do"):
        stacked(csv(tmp_path, frame))


def test_all_faults_are_told_at_once(tmp_path):
    bad = [csv(tmp_path, table(11, 21), "m.csv"), csv(tmp_path, table(11, 13), "m.csv")]
    with pytest.raises(FoldError, match=r"\(4 faults\)(.|\n)*two models have the name m(.|\n)*not in the folds"):
        stacked(*bad)


@pytest.mark.parametrize(("spoil", "message"), [
    (lambda run: None, r"mine: locations in fold0 are of fold 1"),
    (lambda run: run.fold(0).locations.unlink(), "fold0 has no locations.csv"),
    (lambda run: PREDICTIONS.write(table(11), run.fold(0).predictions), "25 rows are predicted by several folds"),
])
def test_a_run_whose_detector_saw_the_study_is_refused(tmp_path, spoil, message):
    run = write_run(tmp_path, locations_fold=1)
    spoil(run)
    with pytest.raises(FoldError, match=message):
        stacked(read_source("mine", tmp_path))


def test_what_is_no_model(tmp_path):
    write_run(tmp_path)
    with pytest.raises(DataError, match=r"no model to blend(.|\n)*got: +yours(.|\n)*name one of: mine"):
        read_source("yours", tmp_path)
    with pytest.raises(DataError, match=r"no out-of-fold table(.|\n)*it lacks fold(.|\n)*add the column fold"):
        csv(tmp_path, table().drop(columns="fold"))
    with pytest.raises(DataError, match="a csv file is missing"):
        read_source(str(tmp_path / "nothing.csv"), tmp_path)
