"""`predict_test_part` on folders that are not as they should be, with this process grading; and what is kept."""

import os
import shutil
import stat
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from lsdc.competition.asked import open_test_part, read_asked
from lsdc.competition.priors import prior_table, read_priors, write_priors
from lsdc.errors import DataError, StorageError, TableError, WeightsError
from lsdc.files import read_json
from lsdc.submit import Recipe, Terms, predict_test_part
from lsdc.submit import books as books_module
from lsdc.submit.books import UNKNOWN, Books
from lsdc.submit.effort import Pace
from lsdc.submit.growing import STRANGE, GrowingSubmission
from lsdc.submit.hands import Here
from lsdc.submit.parts import Part, Parts, files_of
from lsdc.submit.writer import check_submission
from lsdc.tables import SUBMISSION
from lsdc.taxonomy import SEVERITY_COLUMNS, TARGETS, row_id
from tests.builders import write_competition
from tests.conftest import fill
from tests.submit.bare import COMPUTE, bare_run, here
from tests.submit.standins import Brightness

STUDIES = (2001, 2002, 2003)


@pytest.fixture
def data(tmp_path):
    return write_competition(tmp_path / "competition", test_studies=STUDIES)


@pytest.fixture
def run(tmp_path, data):
    from lsdc.competition import open_folder

    run = bare_run(tmp_path / "run", (0, 1))
    for fold in (0, 1):
        write_priors(prior_table(open_folder(data).grades, smoothing=1.0 + fold), run.fold(fold).priors)
    return run


class Asked(Here):
    """Here, with a list of the studies that it was given."""

    def __init__(self, work, models):
        super().__init__(work, models)
        self.given = []

    def give(self, job):
        self.given.append(job.study_id)
        super().give(job)


@pytest.fixture
def predict(tmp_path, data, run):
    """predict(**terms) -> outcome; predict.given: the studies that a model looked at."""
    def predict(acts=None, **terms):
        def hire(crew):
            hands = Asked(crew.works[0], Brightness(tmp_path, acts or {}))
            predict.given = hands.given
            return hands

        predict.given = []
        terms = Terms(**{"out": tmp_path / "submission.csv", "work": tmp_path / "work", **terms})
        return predict_test_part(data, Recipe.of_run(run), COMPUTE, terms, hire=hire)

    return predict


def answers(tmp_path) -> pd.DataFrame:
    return SUBMISSION.read(tmp_path / "submission.csv").set_index("row_id")


def spoil(path, change) -> None:
    path.write_text(change(path.read_text()))


def test_all_rows_in_the_order_of_a_shuffled_sample(predict, data, tmp_path):
    sample = pd.read_csv(data / "sample_submission.csv").sample(frac=1, random_state=3)
    sample.to_csv(data / "sample_submission.csv", index=False)
    outcome = predict()
    outcome.demand()
    check_submission(tmp_path / "submission.csv", sample.row_id.tolist())
    assert outcome.figures["fallback_rows"] == 0
    assert outcome.figures == read_json(tmp_path / "work" / "summary.json")
    assert "75 rows of 3 studies, 0 (0.0 %) from priors" in outcome.text
    assert "seconds per study, median: read 0." in outcome.text


def test_what_a_kill_at_the_end_left_leaves_with_the_next_run(predict, tmp_path):
    left = tmp_path / "work" / ".summary.json.abc.aside"
    left.mkdir(parents=True)
    predict().demand()
    assert not list((tmp_path / "work").glob(".*"))
    assert (tmp_path / "work" / "summary.json").exists()


def test_part_of_a_studys_rows_may_be_asked_for(predict, data, tmp_path):
    spoil(data / "sample_submission.csv", lambda text: "\n".join(text.splitlines()[:31]) + "\n")
    predict().demand()
    assert len(answers(tmp_path)) == 30


def test_unknown_ids_get_priors_and_are_told(predict, data, run, tmp_path):
    spoil(data / "sample_submission.csv", lambda text: text + "9999_left_subarticular_stenosis_l1_l2,.3,.3,.4\n"
          "2001_somewhere_else,.3,.3,.4\n02001_spinal_canal_stenosis_l1_l2,.3,.3,.4\n")
    outcome = predict(strict=False)
    outcome.demand()
    assert outcome.figures["fallbacks"] == {STRANGE: 2, UNKNOWN: 1}
    told = "\n".join(outcome.figures["data_faults"])
    assert "2 rows are not <study_id>_<condition>_<level>: 2001_somewhere_else, 02001_spinal_canal" in told
    assert "1 studies have no usable series in test_series_descriptions.csv: 9999" in told
    values = answers(tmp_path)
    plain = [read_priors(run.fold(fold).priors).loc["left_subarticular_stenosis_l1_l2"] / [1, 2, 4] for fold in (0, 1)]
    mean = sum(one / one.sum() for one in plain) * [1, 2, 4]
    assert values.loc["9999_left_subarticular_stenosis_l1_l2"].tolist() == pytest.approx((mean / mean.sum()).tolist())
    assert values.loc["2001_somewhere_else"].sum() == pytest.approx(1)
    with pytest.raises(DataError, match=r"2 faults(.|\n)*are not <study_id>(.|\n)*9999(.|\n)*--lenient"):
        predict(work=tmp_path / "other")
    assert len(answers(tmp_path)) == 78  # valid all the same


@pytest.mark.parametrize(("change", "message"), [
    (lambda text: text.splitlines()[0] + "\n", "no rows"),
    (lambda text: text + text.splitlines()[1] + "\n", "2 rows share their key"),
    (lambda text: text.replace("row_id", "id"), "columns missing: row_id"),
    (lambda text: "", "cannot be read as csv"),
])
def test_a_sample_that_cannot_be_answered(predict, data, tmp_path, change, message):
    spoil(data / "sample_submission.csv", change)
    with pytest.raises(TableError, match=message):
        predict(strict=False)
    assert not (tmp_path / "submission.csv").exists()


def test_a_sample_of_ids_alone_is_answered_and_told(predict, data, tmp_path):
    spoil(data / "sample_submission.csv", lambda text: "\n".join(line.split(",")[0] for line in text.splitlines()))
    outcome = predict()
    outcome.demand()
    assert outcome.figures["fallback_rows"] == 0
    assert list(pd.read_csv(tmp_path / "submission.csv")) == ["row_id", *SEVERITY_COLUMNS]
    assert "sample_submission.csv has no columns normal_mild, moderate, severe: they are known" in outcome.text


def test_without_the_list_of_series_all_is_priors(predict, data, tmp_path):
    (data / "test_series_descriptions.csv").unlink()
    outcome = predict(strict=False)
    assert outcome.figures["fallbacks"] == {UNKNOWN: 75}
    assert any("test_series_descriptions.csv: a csv file is missing" in one for one in outcome.figures["data_faults"])
    assert predict.given == []
    with pytest.raises(DataError, match="a csv file is missing"):
        predict()


def test_series_rows_that_cannot_be_used_cost_only_themselves(predict, data):
    spoil(data / "test_series_descriptions.csv", lambda text: text + "2001,x,Sagittal T1\n,5,Axial T2\n"
          + text.splitlines()[1] + "\n")
    outcome = predict(strict=False)
    assert outcome.figures["fallback_rows"] == 0
    assert len(outcome.figures["data_faults"]) >= 2


def test_a_file_of_another_run_does_not_pass_for_one_that_failed(predict, data, run, tmp_path):
    predict().demand()
    before = (tmp_path / "submission.csv").read_bytes()
    (data / "test_series_descriptions.csv").unlink()
    with pytest.raises(DataError, match=r"submission\.csv is valid and holds priors only"):
        predict(work=tmp_path / "other")
    assert (tmp_path / "submission.csv").read_bytes() != before
    values = answers(tmp_path)
    of = np.stack([values.loc[row_id(2001, target)].to_numpy() for target in TARGETS])
    assert np.allclose(of, Recipe.of_run(run).priors())


def test_failed_studies_are_counted_and_a_strict_run_does_not_accept_them(predict, tmp_path):
    acts = {2001: "nan", 2002: "raise", 2003: "far too large"}
    outcome = predict(acts, strict=False)
    outcome.demand()
    assert outcome.figures["failed_studies"] == {"ZeroDivisionError: a fault of the code": [2002],
                                                 "out of memory": [2003],
                                                 "the models' answer is not 25 times three probabilities": [2001]}
    assert outcome.figures["fallback_share"] == 1
    outcome = predict(acts, work=tmp_path / "other")
    with pytest.raises(DataError, match=r"1 studies failed: Zero(.|\n)*75 of 75 rows \(100\.0 %\) are priors"):
        outcome.demand()
    assert len(answers(tmp_path)) == 75


def test_too_many_priors(predict, data, tmp_path):
    shutil.rmtree(data / "test_images" / "2003")
    predict(fallback_limit=0.34).demand()
    outcome = predict(fallback_limit=0.33, work=tmp_path / "other")
    assert outcome.figures["fallbacks"] == {"nothing to see": 25}
    with pytest.raises(DataError, match=r"at most 33 %(.|\n)*25 of 75 rows \(33\.3 %\)(.|\n)*nothing to see"):
        outcome.demand()


def test_what_is_finished_is_not_done_again(predict, data, run, tmp_path):
    first = predict({2002: "raise"}, strict=False)
    assert predict.given == list(STUDIES)
    again = predict()
    assert predict.given == [2002]  # what failed is tried again
    assert (first.figures["from_parts"], again.figures["from_parts"]) == (0, 2)
    before = (tmp_path / "submission.csv").read_bytes()
    predict()
    assert predict.given == []
    assert (tmp_path / "submission.csv").read_bytes() == before
    predict(work=tmp_path / "other")
    assert predict.given == list(STUDIES)
    assert (tmp_path / "submission.csv").read_bytes() == before


def test_stale_or_damaged_parts_are_not_used(predict, data, run, tmp_path):
    predict()
    slice_file = next((data / "test_images" / "2001").rglob("*.dcm"))
    os.utime(slice_file, ns=(1, 1))
    next((tmp_path / "work").glob("*/2003.json")).write_text('{"study_id": 2003}')
    predict()
    assert predict.given == [2001, 2003]
    spoil(data / "test_series_descriptions.csv",
          lambda text: text.replace("2002,20021,Sagittal T1", "2002,20021,Sagittal T2/STIR"))
    predict()
    assert predict.given == [2002]
    (run.fold(1).classifier / "classifier.json").write_text('{"classifier": {"flip_at_test": false}, "sha256": "b"}')
    predict()
    assert predict.given == list(STUDIES)  # other models


def test_priors_are_there_before_anything_can_fail(predict, run, tmp_path, monkeypatch):
    def fail(*_):
        raise RuntimeError("no device")

    monkeypatch.setattr("lsdc.submit.pipeline.open_test_part", fail)
    with pytest.raises(RuntimeError, match="no device"):
        predict()
    values = answers(tmp_path)
    assert len(values) == 75
    of = np.stack([values.loc[row_id(2001, target)].to_numpy() for target in TARGETS])
    assert np.allclose(of, Recipe.of_run(run).priors())


def test_models_that_cannot_be_loaded(data, run, tmp_path):
    """The run's records are there and its networks are not: an error, or priors everywhere in a lenient run."""
    def predicted(strict):
        return predict_test_part(data, Recipe.of_run(run), COMPUTE,
                                 Terms(tmp_path / "submission.csv", tmp_path / "work", strict=strict), hire=here)

    with pytest.raises(WeightsError, match="a detector of another kit"):
        predicted(strict=True)
    assert len(answers(tmp_path)) == 75
    outcome = predicted(strict=False)
    outcome.demand()
    assert outcome.figures["failed_studies"] == {"a detector of another kit or version": list(STUDIES)}
    (run.fold(1).classifier / "classifier.json").write_text("[]")
    assert predicted(strict=False).figures["failed_studies"] == outcome.figures["failed_studies"]


def test_a_full_disk(predict, small_disk):
    predict(out=small_disk / "submission.csv").demand()
    before = (small_disk / "submission.csv").read_bytes()
    (small_disk / "other").write_bytes(bytes(4096))
    fill(small_disk / "filler")
    with pytest.raises(StorageError, match=r"the disk is full(.|\n)*disk/submission\.csv(.|\n)*is whole"):
        predict(out=small_disk / "submission.csv")
    assert (small_disk / "submission.csv").read_bytes() == before
    (small_disk / "other").unlink()
    with pytest.raises(StorageError, match="the disk is full"):
        predict(work=small_disk / "work")
    outcome = predict(work=small_disk / "work", strict=False)
    assert "studies could not be kept" in outcome.text
    assert outcome.figures["fallback_rows"] == 0


def test_what_is_no_file_is_not_replaced(predict, tmp_path):
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    for name, got in (("folder", "a folder"), ("pipe", "something else")):
        with pytest.raises(StorageError, match="the submission is to be a file") as raised:
            predict(out=tmp_path / name, strict=False)
        assert got in raised.value.got
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)


def test_the_competitions_own_files_are_not_written(predict, data):
    before = (data / "sample_submission.csv").read_bytes()
    with pytest.raises(StorageError, match="take the place of a file of the competition"):
        predict(out=data / "test_images" / ".." / "sample_submission.csv", strict=False)
    assert (data / "sample_submission.csv").read_bytes() == before


def test_a_place_where_nothing_can_be_kept_costs_a_lenient_run_only_the_resumption(predict, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="this place cannot be written"):
        predict(work=tmp_path / "file")
    outcome = predict(work=tmp_path / "file", strict=False)
    assert "3 studies could not be kept" in outcome.text
    assert outcome.figures["fallback_rows"] == 0


def test_only_named_folds_of_those_that_are_trained(run):
    from lsdc.errors import FoldError

    assert [fold.number for fold in Recipe.of_run(run, (1,)).folds["run"]] == [1]
    with pytest.raises(FoldError, match=r"not trained\n  wanted: 0, 1\n  got:    4"):
        Recipe.of_run(run, (1, 4))
    assert Recipe.of_run(run, (1,)).key() != Recipe.of_run(run).key()
    assert list(SEVERITY_COLUMNS) == ["normal_mild", "moderate", "severe"]


def test_what_is_noted_of_a_study_does_not_hold_its_answers(data, run, tmp_path):
    terms = Terms(tmp_path / "submission.csv", tmp_path / "work")
    asked = read_asked(data)
    folder, _ = open_test_part(data, asked)
    recipe = Recipe.of_run(run)
    books = Books(GrowingSubmission(terms.out, asked, recipe.priors()), terms)
    pace = Pace(recipe.efforts(), None, 1, terms.clock, terms.began)
    assert books.take_up(folder, Parts(terms.work, "key"), pace) == list(STUDIES)
    values = [[0.5, 0.25, 0.25]] * 25
    for study in STUDIES:
        books.enter(Part(study, values, [None] * 25, pace.effort, None, [], {}, files_of(folder, study), "cpu"))
    assert [(part.study_id, part.values, part.fallback, part.files) for part in books.ledger.graded] == [
        (study, [], [], []) for study in STUDIES]
    assert books.submission.rows()[list(SEVERITY_COLUMNS)].to_numpy().tolist() == values * len(STUDIES)
    kept = list(Parts(terms.work, "key").of(folder))
    assert [(part.values, len(part.files)) for part in kept] == [(values, 3)] * len(STUDIES)


def test_what_is_left_to_do_is_put_together_once(data, run, tmp_path, monkeypatch):
    terms, asked, recipe = Terms(tmp_path / "submission.csv", tmp_path / "work"), read_asked(data), Recipe.of_run(run)
    folder, _ = open_test_part(data, asked)
    made = []

    class CountedSet(set):
        def __init__(self, *values):
            made.append(values)
            super().__init__(*values)

        def __sub__(self, other):
            return CountedSet(super().__sub__(other))

    monkeypatch.setattr(books_module, "set", CountedSet, raising=False)
    counts = []
    for count in (1, len(STUDIES)):
        made.clear()
        submission = GrowingSubmission(terms.out, replace(asked, studies=STUDIES[:count]), recipe.priors())
        pace = Pace(recipe.efforts(), None, 1, terms.clock, terms.began)
        todo = Books(submission, terms).take_up(folder, Parts(terms.work, "key"), pace)
        assert todo == list(STUDIES[:count])
        counts.append(len(made))
    assert counts[0] == counts[1] > 0
