"""A data folder made of symbolic links, at any depth: read as the folder that they lead to, and never written to."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from lsdc.audit import audit_folder
from lsdc.competition import open_folder
from lsdc.config import load_settings
from lsdc.crops import open_store
from lsdc.dicom import read_series
from lsdc.show import draw_studies
from lsdc.submit import Recipe, Terms, predict_test_part
from lsdc.submit.hands import Here
from tests.audit.folders import write_clean
from tests.conftest import ROOT
from tests.submit.bare import COMPUTE, bare_run
from tests.submit.standins import Brightness

DEPTHS = {"tables and images": "*", "studies": "*/*", "series": "*/*/*", "files": "*/*/*/*"}


@pytest.fixture(params=DEPTHS)
def linked(request, tmp_path) -> tuple[Path, Path]:
    """A folder, and one of links to what lies so deep in it; tables are links too."""
    real, links = write_clean(tmp_path / "elsewhere" / "real"), tmp_path / "links"
    for path in sorted(real.rglob("*")):
        if path in {*real.glob("*.csv"), *real.glob(DEPTHS[request.param])}:
            place = links / path.relative_to(real)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.symlink_to(path)
    return real, links


def tree(root: Path) -> dict[str, tuple]:
    """Every name below a folder with what it is, links as links."""
    return {path.relative_to(root).as_posix(): (
        told.st_mode, told.st_mtime_ns, told.st_ino, os.readlink(path) if path.is_symlink() else
        path.read_bytes() if path.is_file() else None)
        for path in root.rglob("*") if (told := path.lstat())}


def made_of(root: Path, out: Path) -> tuple:
    """What the kit makes of a folder: faults, images, crops, a picture, a submission."""
    settings = load_settings(ROOT / "configs" / "smoke.yaml")
    audit = audit_folder(root, workers=1, pixels=True)
    audit.write_table(out / "faults.csv")
    folder = open_folder(root).keeping(COMPUTE.model_copy(update={"store_gigabytes": 0.1}))
    rows = [(part, *row) for part in ("train", "test") for row in
            folder.series[part][["study_id", "series_id"]].itertuples(index=False)]
    images = [np.stack(reader(folder.series_folder(*row)).images) for row in rows
              for reader in (read_series, folder.store.read, folder.store.read)]
    crops = open_store(folder, folder.points, settings.crops, out / "crops")
    draw_studies(folder, folder.study_ids("train")[:1], out / "picture.png", box_mm=settings.detector.box_mm)
    terms = Terms(out / "submission.csv", out / "work")
    predict_test_part(root, Recipe.of_run(bare_run(out / "run")), COMPUTE, terms,
                      hire=lambda crew: Here(crew.works[0], Brightness(out)))
    return (audit.sizes, (out / "faults.csv").read_text(), images,
            [crops.image(file, offset) for file, offset in zip(crops.rows.file, crops.rows.offset, strict=True)],
            (out / "picture.png").read_bytes(), (out / "submission.csv").read_bytes())


def test_it_is_the_same_folder_and_nothing_is_written_through_it(linked, tmp_path, monkeypatch):
    before = [tree(root) for root in linked]
    made = []
    for root in linked:
        out = tmp_path / f"out of {root.name}"
        out.mkdir()
        monkeypatch.setenv("LSDC_CACHE", str(out / "cache"))
        made.append(made_of(root, out))
    assert (len(made[0][2]), len(made[0][3])) == (3 * 9, 2 * 25)  # thrice each series; each point
    np.testing.assert_equal(made[1], made[0])
    assert [tree(root) for root in linked] == before
    shutil.rmtree(tmp_path / "links")
    assert tree(linked[0]) == before[0]
