"""No name in a table, a blend file or on the command line leads out of the folder that it is a name in."""

import json

import pytest
from click.testing import CliRunner

from lsdc.blend.saved import FORMAT, VERSION, read_blend
from lsdc.cli.commands import lsdc
from lsdc.cli.data import plain_name
from lsdc.competition import open_folder
from lsdc.crops import open_store
from lsdc.crops.store import _checksum
from lsdc.dicom import read_series
from lsdc.errors import ConfigError, DataError, DicomError, LsdcError, StorageError
from lsdc.files import content_hash, write_json
from lsdc.kernel.manifest import read_manifest, write_manifest
from tests.builders import write_competition
from tests.conftest import ROOT
from tests.grade.conftest import settings  # noqa: F401 (a fixture)
from tests.kernel.tiny_run import write_run

LEADING_OUT = ("../x", "..", "/etc/passwd", "a/b", "a\\b", "a\0b", "")


@pytest.mark.parametrize("name", LEADING_OUT)
def test_names_of_runs_and_submissions(name):
    with pytest.raises(ConfigError, match="not a name"):
        plain_name(name)


@pytest.mark.parametrize("name", LEADING_OUT)
def test_a_run_that_a_blend_names(tmp_path, name):
    content = {"format": FORMAT, "version": VERSION, "steps": [], "record": {},
               "models": [{"name": "one", "run": name, "folds": [0], "tables": {}}]}
    write_json(tmp_path / "blend.json", content | {"sha256": content_hash(content)})
    with pytest.raises(StorageError, match="outside of the folder of runs"):
        read_blend(tmp_path / "blend.json")


@pytest.mark.parametrize("place", ["../x", "/etc/x", "runs/../../x", "runs/a\0b", ""])
def test_a_place_in_the_manifest_of_a_bundle(tmp_path, place):
    files = {"wheel.whl": {"sha256": "0", "size": 1}, "a": {"sha256": "0", "size": 1, "place": place}}
    write_manifest(tmp_path, {"files": files, "runs": {"one": {"folds": [0]}}, "wheel": "wheel.whl"})
    with pytest.raises(DataError, match="not one that `lsdc bundle` writes"):
        read_manifest(tmp_path)


@pytest.mark.parametrize("name", ["train_series_descriptions.csv", "test_series_descriptions.csv",
                                  "train_label_coordinates.csv", "train.csv", "sample_submission.csv"])
@pytest.mark.parametrize("hostile", ["../../1001", "/etc", "1001/..", "1001\0"])
def test_ids_in_the_tables_of_a_folder(tmp_path, name, hostile):
    """A study is a whole number: a path is none."""
    root = write_competition(tmp_path / "data")
    study = "2001" if name.startswith(("test", "sample")) else "1001"
    text = (root / name).read_text()
    (root / name).write_text(text.replace(study, hostile, 1))
    with pytest.raises(DataError):
        open_folder(root)


def test_a_file_that_the_rows_of_stored_crops_name(tmp_path, settings):  # noqa: F811
    folder = open_folder(write_competition(tmp_path / "data"))
    kept = open_store(folder, folder.points, settings().crops, tmp_path / "crops")
    (tmp_path / "secret").write_bytes(b"\7" * 10**5)
    described = json.loads((kept.folder / "1001.json").read_text())
    described["rows"][1] |= {"file": "../../secret", "offset": 0}
    described["checksum"] = _checksum(kept.folder, described["rows"], described["faults"])
    write_json(kept.folder / "1001.json", described)
    again = open_store(folder, folder.points, settings().crops, tmp_path / "crops")
    with pytest.raises(FileNotFoundError):
        again.image(again.rows.file[1], again.rows.offset[1])


@pytest.mark.parametrize("words", [
    "train-fold --fold 0 --config {smoke} --run ../x", "train --config {smoke} --run ../x",
    "train-detector --fold 0 --config {smoke} --run ../x", "evaluate --run ../x", "summary --run ../x",
    "report --run ../x", "submit --run ../x", "submit --run one --name ../x --data {data}", "bundle make ../x",
    "runs ../x",
    "predict --run ../x --data {data} --out out.csv",
])
def test_names_on_the_command_line(tmp_path, monkeypatch, words):
    """`x` is a whole run beside the folder of runs: nothing of it is read, and nothing is written into it."""
    write_run(tmp_path / "x")
    write_run(tmp_path / "runs" / "one")
    data = write_competition(tmp_path / "data")
    monkeypatch.setenv("LSDC_RUNS", str(tmp_path / "runs"))
    monkeypatch.chdir(tmp_path)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "x").rglob("*")}
    told = CliRunner().invoke(lsdc, words.format(smoke=ROOT / "configs" / "smoke.yaml", data=data).split())
    assert isinstance(told.exception, LsdcError), told.output
    assert str(told.exception).startswith(("this is not a name", "there is no run of this name"))
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "x").rglob("*")} == before


def test_a_link_among_images_tells_nothing_of_where_it_leads(tmp_path):
    """Links in a data folder are followed, since large folders are often made of them; other files are no images."""
    (tmp_path / "secret.txt").write_text("ZQSECRET " * 500)
    for name, target in (("1.dcm", "secret.txt"), ("2.dcm", "."), ("3.dcm", "nowhere")):
        folder = tmp_path / "series"
        folder.mkdir(exist_ok=True)
        (folder / name).symlink_to(tmp_path / target)
    with pytest.raises(DicomError, match="no readable slice") as told:
        read_series(folder)
    assert "not a DICOM file" in str(told.value)
    assert "ZQSECRET" not in str(told.value)
