"""Files that vanish while they are read: what is left is used, and what is lost is told."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest

from lsdc.competition import open_folder, read_study
from lsdc.config import load_settings
from lsdc.crops import open_store
from lsdc.dicom import SeriesStore, read_series
from lsdc.submit import Recipe, Terms, predict_test_part
from lsdc.submit.hands import Here
from tests.builders import write_competition
from tests.submit.bare import COMPUTE, bare_run
from tests.submit.standins import Brightness

FIRST, SLICE, SERIES, STUDY = 2001, 2002, 2003, 2004


@dataclass(frozen=True)
class Taking(Brightness):
    """While the first study is graded, a slice, a series and a study of the others go."""

    images: Path = Path()

    def rows(self, study, effort, lap) -> pd.DataFrame:
        if study.study_id == FIRST:
            (self.images / f"{SLICE}" / f"{SLICE}1" / "1.dcm").unlink()
            shutil.rmtree(self.images / f"{SERIES}" / f"{SERIES}2")
            shutil.rmtree(self.images / f"{STUDY}")
        return super().rows(study, effort, lap)


def test_images_that_go_while_others_are_graded(tmp_path):
    data = write_competition(tmp_path / "data", test_studies=(FIRST, SLICE, SERIES, STUDY))
    run = bare_run(tmp_path / "run")
    models = Taking(tmp_path, images=data / "test_images")

    outcome = predict_test_part(data, Recipe.of_run(run), COMPUTE, Terms(
        tmp_path / "made.csv", tmp_path / "work", strict=False), hire=lambda crew: Here(crew.works[0], models))
    answers = pd.read_csv(tmp_path / "made.csv").assign(study=lambda rows: rows.row_id.str[:4].astype(int))
    by_priors = answers[answers.normal_mild.eq(1 / 3)].study.unique().tolist()
    assert by_priors == [STUDY]
    assert outcome.figures["fallback_rows"] == 25
    assert "nothing to see" in str(outcome.figures["fallbacks"])
    told = (tmp_path / "work").glob("*/2003.json")
    assert "a series folder cannot be read" in next(told).read_text()


@pytest.fixture
def dangling(tmp_path) -> Path:
    """A folder in which a fourth slice of each series is listed and cannot be opened any more."""
    data = write_competition(tmp_path / "data")
    for series in data.glob("*_images/*/*"):
        (series / "4.dcm").symlink_to(tmp_path / "gone.dcm")
    return data


def test_a_slice_that_is_listed_and_gone_costs_itself_alone(dangling, tmp_path):
    folder = next(dangling.glob("train_images/*/*"))
    for series in (read_series(folder), SeriesStore(tmp_path / "store", 1).read(folder)):
        assert [path.name for path in series.paths] == ["1.dcm", "2.dcm", "3.dcm"]
        assert series.faults == ("4.dcm: the file is missing",)
    study = read_study(open_folder(dangling).keeping(COMPUTE), 1001, "train")
    assert [len(one.series.images) for one in study.series] == [3, 3, 3]
    assert len(study.faults) == 3


def test_crops_of_a_series_with_a_slice_gone(dangling, tmp_path):
    folder = open_folder(dangling)
    settings = load_settings("configs/smoke.yaml").crops
    canal = folder.points[folder.points["condition"] == "canal"]
    assert len(open_store(folder, canal, settings, tmp_path / "crops")) == len(canal)
