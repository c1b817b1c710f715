"""No name in a table, a blend file or on the command line leads out of the folder that it is a name in."""

import json

import pytest

from lsdc.blend.saved import FORMAT, VERSION, read_blend
from lsdc.cli.data import plain_name
from lsdc.competition import open_folder
from lsdc.crops import open_store
from lsdc.errors import ConfigError, DataError, StorageError
from lsdc.files import content_hash, write_json
from lsdc.kernel.manifest import read_manifest, write_manifest
from tests.builders import write_competition
from tests.grade.conftest import settings  # noqa: F401 (a fixture)

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
    described["rows"][0] |= {"file": "../../secret", "offset": 0}
    write_json(kept.folder / "1001.json", described)
    again = open_store(folder, folder.points, settings().crops, tmp_path / "crops")
    with pytest.raises(FileNotFoundError):
        again.image(again.rows.file[0], again.rows.offset[0])
