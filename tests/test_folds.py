import numpy as np
import pandas as pd
import pytest

from lsdc.config import FoldSettings
from lsdc.errors import FoldError, TableError
from lsdc.folds import (
    held_out_studies,
    make_folds,
    read_folds,
    split_tuning,
    training_studies,
    write_or_read_folds,
)
from lsdc.seeding import generator
from lsdc.tables import FOLDS, GRADES
from lsdc.taxonomy import SEVERITY_COLUMNS, TARGETS


def settings(**changes) -> FoldSettings:
    return FoldSettings(**{"count": 5, "seed": 5, "file": None, "tuning_share": 0.15, **changes})


def made_grades(studies: int, seed: int = 0) -> pd.DataFrame:
    rng = generator(seed, "grades")
    rows = [
        {"study_id": 1000 + 7 * number, "condition": t.condition, "side": t.side, "level": t.level,
         "severity": rng.choice([*SEVERITY_COLUMNS, None], p=[0.72, 0.15, 0.1, 0.03])}
        for number in range(studies) for t in TARGETS
    ]
    return GRADES.frame(rows)


def test_each_study_is_in_one_fold_and_sizes_are_alike():
    grades = made_grades(60)
    folds = make_folds(grades, settings())
    assert folds["study_id"].tolist() == sorted(grades["study_id"].unique())
    assert folds["fold"].value_counts().reindex(range(5)).between(10, 14).all()


def test_rare_severities_are_spread_more_evenly_than_by_chance():
    grades = made_grades(100)
    target = (grades["condition"] == "canal") & (grades["level"] == "l4_l5") & (grades["severity"] == "severe")
    severe = set(grades.loc[target, "study_id"])
    spread = {}
    for seed in range(5):
        folds = make_folds(grades, settings(seed=seed))
        by_fold = folds[folds["study_id"].isin(severe)].groupby("fold").size().reindex(range(5), fill_value=0)
        spread[seed] = by_fold.max() - by_fold.min()
    assert np.mean(list(spread.values())) <= 2  # multinomial chance gives about 5 for some 12 studies


def test_the_same_seed_gives_the_same_folds_whatever_the_order_of_rows():
    grades = made_grades(30)
    folds = make_folds(grades, settings())
    pd.testing.assert_frame_equal(folds, make_folds(grades.sample(frac=1, random_state=1), settings()))
    assert not folds.equals(make_folds(grades, settings(seed=6)))


def test_grades_that_are_all_missing_or_normal_still_divide():
    grades = made_grades(10)
    for value in (pd.NA, "normal_mild"):
        same = grades.assign(severity=value).astype({"severity": "string"})
        assert make_folds(same, settings())["fold"].nunique() == 5


def test_too_few_studies_for_the_folds():
    with pytest.raises(FoldError, match=r"too few studies for the folds\n.*5 folds\n.*3 studies"):
        make_folds(made_grades(3), settings())


def test_written_once_then_only_read(tmp_path):
    path, grades = tmp_path / "folds.csv", made_grades(20)
    first = write_or_read_folds(path, grades, settings())
    turned = first.assign(fold=(first["fold"] + 1) % 5)
    FOLDS.write(turned, path)
    pd.testing.assert_frame_equal(write_or_read_folds(path, grades, settings(seed=99)), turned)


def test_another_number_of_folds_in_the_same_run_is_refused(tmp_path):
    path, grades = tmp_path / "folds.csv", made_grades(20)
    write_or_read_folds(path, grades, settings())
    with pytest.raises(FoldError, match=r"wanted: 4 folds\n  got:    5 folds"):
        write_or_read_folds(path, grades, settings(count=4))


def test_an_own_file_is_used_and_kept_with_the_run(tmp_path):
    grades = made_grades(4)
    own = pd.DataFrame({"study_id": grades["study_id"].unique(), "fold": [0, 0, 7, 7]})
    FOLDS.write(own, tmp_path / "own.csv")
    path = tmp_path / "run" / "folds.csv"
    folds = write_or_read_folds(path, grades, settings(file=tmp_path / "own.csv"))
    assert held_out_studies(folds, 7) == own["study_id"].tolist()[2:]
    pd.testing.assert_frame_equal(FOLDS.read(path), folds)
    FOLDS.write(own.assign(fold=[0, 7, 0, 7]), tmp_path / "own.csv")
    with pytest.raises(FoldError, match="folds of this run are not those of the settings"):
        write_or_read_folds(path, grades, settings(file=tmp_path / "own.csv"))


def test_every_fault_of_a_folds_file_is_told_at_once(tmp_path):
    path = tmp_path / "folds.csv"
    path.write_text("study_id,fold\n1000,0\n1000,3\n1007,1\n55,1\n")
    with pytest.raises(FoldError) as caught:
        write_or_read_folds(path, made_grades(3), settings())
    for fault in ("study 1000 stands in it 2 times: folds 0, 3", "1 studies of the training data are missing: 1014",
                  "1 studies are not in the training data: 55"):
        assert fault in str(caught.value)


@pytest.mark.parametrize(("text", "kind", "match"), [
    ("study_id,fold\n1,0\n2,0\n", FoldError, "only 1 fold"),
    ("study_id,fold\n1,0\n2,-1\n", FoldError, "negative folds: -1"),
    ("study_id\n1\n", TableError, "columns missing: fold"),
    ("study_id,fold\n1,a\n", TableError, "not finite int64"),
])
def test_a_folds_file_that_cannot_be_used(tmp_path, text, kind, match):
    path = tmp_path / "folds.csv"
    path.write_text(text)
    with pytest.raises(kind, match=match):
        read_folds(path)


def test_training_and_held_out_studies_divide_the_whole():
    folds = make_folds(made_grades(20), settings())
    for fold in range(5):
        held_out, training = held_out_studies(folds, fold), training_studies(folds, fold)
        assert not set(held_out) & set(training)
        assert sorted(held_out + training) == folds["study_id"].tolist()


@pytest.mark.parametrize("ask", [training_studies, held_out_studies])
def test_an_unknown_fold_names_those_that_exist(ask):
    folds = make_folds(made_grades(20), settings())
    with pytest.raises(FoldError, match=r"no fold 5\n  wanted: one of the folds 0, 1, 2, 3, 4"):
        ask(folds, 5)


@pytest.mark.parametrize(("count", "share", "tuning"), [(20, 0.15, 3), (2, 0.01, 1), (3, 0.49, 1), (4, 0.9, 3)])
def test_tuning_studies_are_the_share_and_the_rest_is_fitted(count, share, tuning):
    fit, tune = split_tuning(list(range(100, 100 + count)), share, seed=1, fold=0)
    assert len(tune) == tuning
    assert sorted(fit + tune) == list(range(100, 100 + count))


def test_the_tuning_split_depends_on_seed_and_fold_only():
    studies = list(range(50))
    first = split_tuning(studies, 0.2, seed=1, fold=0)
    assert first == split_tuning(studies[::-1], 0.2, seed=1, fold=0)
    assert first != split_tuning(studies, 0.2, seed=1, fold=1)
    assert first != split_tuning(studies, 0.2, seed=2, fold=0)


def test_one_study_cannot_be_split():
    with pytest.raises(FoldError, match=r"too few training studies(.|\n)*fold 3"):
        split_tuning([7], 0.2, seed=1, fold=3)
