import errno
import inspect
import json
import os

import numpy as np
import pytest

from lsdc.competition import open_folder, read_study
from lsdc.config import load_settings
from lsdc.config.sections import CropSettings, PerCondition
from lsdc.crops import cut, open_store, point_locations
from lsdc.dicom.bounded import BoundedFile
from lsdc.errors import DataError, StorageError
from tests.builders import write_competition

SETTINGS = CropSettings(size_px=8, size_mm=PerCondition(canal=6, foraminal=6, subarticular=6), slices=3, views="own",
                        intensity="percentile", mirror_right=True)


@pytest.fixture
def folder(tmp_path):
    return open_folder(write_competition(tmp_path / "data", studies=(1001, 1002)))


def written(root):
    return {path.name: path.stat().st_mtime_ns for path in sorted(root.glob("*/*"))}


def test_a_store_holds_the_crops_of_the_points_in_their_order(folder, tmp_path):
    store = open_store(folder, folder.points, SETTINGS, tmp_path / "store")
    assert len(store) == len(folder.points) == 10
    assert store.rows[["study_id", "level"]].to_numpy().tolist() == folder.points[["study_id", "level"]
                                                                                  ].to_numpy().tolist()
    study = read_study(folder, 1002)
    places, _ = point_locations(study, folder.points[folder.points.study_id == 1002])
    row = store.rows.iloc[7]
    stored, fresh = store.image(row.file, row.offset), cut(study, places[2], SETTINGS)
    assert np.abs(stored[0] / 255 - fresh.image).max() <= 0.5 / 255 + 1e-6
    assert (row.seen, row.valid) == ([True], [fresh.valid.tolist()])
    assert row.mm_per_px == [pytest.approx(0.75)]
    assert row.slice_mm == [pytest.approx(4.0)]


def test_it_is_cut_once(folder, tmp_path):
    open_store(folder, folder.points, SETTINGS, tmp_path / "store")
    before = written(tmp_path / "store")
    open_store(folder, folder.points, SETTINGS, tmp_path / "store")
    assert written(tmp_path / "store") == before


def change_file(folder, store):
    os.utime(folder.series_folder("train", 1001, 10012) / "2.dcm", ns=(1, 1))


def change_point(folder, store):
    folder.points.loc[0, "x_px"] += 1


def damage(folder, store):
    path = next(store.glob("*/1001.*.npy"))
    path.write_bytes(path.read_bytes()[:-9])


def flip_a_bit(folder, store):
    path = next(store.glob("*/1001.*.npy"))
    changed = bytearray(path.read_bytes())
    changed[-9] ^= 1
    path.write_bytes(changed)


def move_an_offset(folder, store):
    path = next(store.glob("*/1001.json"))
    told = json.loads(path.read_text())
    told["rows"][1]["offset"] = told["rows"][0]["offset"]
    path.write_text(json.dumps(told))


def leave_half(folder, store):
    next(store.glob("*/1001.json")).unlink()


def leave_a_list(folder, store):
    next(store.glob("*/1001.json")).write_text("[]")


@pytest.mark.parametrize("change", [
    change_file, change_point, damage, flip_a_bit, move_an_offset, leave_half, leave_a_list])
def test_what_is_stale_or_damaged_is_cut_again_and_nothing_else(folder, tmp_path, change):
    root = tmp_path / "store"
    open_store(folder, folder.points, SETTINGS, root)
    before = written(root)
    change(folder, root)
    store = open_store(folder, folder.points, SETTINGS, root)
    after = written(root)
    assert after.get("1001.json") != before["1001.json"]
    for name in before:
        if name.startswith("1002"):
            assert after[name] == before[name]
    assert store.image(store.rows.file[4], store.rows.offset[4]).shape == (1, 3, 8, 8)


def test_other_settings_have_another_store(folder, tmp_path):
    one = open_store(folder, folder.points, SETTINGS, tmp_path)
    other = open_store(folder, folder.points, SETTINGS.model_copy(update={"slices": 1}), tmp_path)
    assert one.folder != other.folder


def test_another_data_folder_with_the_same_studies_has_another_store(folder, tmp_path):
    """Two trainings at once, one on corrected points: neither may be shown the other's crops."""
    one = open_store(folder, folder.points, SETTINGS, tmp_path / "store")
    before = [one.image(row.file, row.offset) for row in one.rows.itertuples()]
    corrected = open_folder(write_competition(tmp_path / "corrected", studies=(1001, 1002)))
    corrected.points["x_px"] += 3.0
    two = open_store(corrected, corrected.points, SETTINGS, tmp_path / "store")
    after = [one.image(row.file, row.offset) for row in one.rows.itertuples()]
    assert np.array_equal(before, after)
    assert not np.array_equal(before, [two.image(row.file, row.offset) for row in two.rows.itertuples()])


def test_a_point_that_cannot_be_cut_is_left_out_and_named(folder, tmp_path, caplog):
    folder.points.loc[3, "x_px"] = 500.0
    store = open_store(folder, folder.points, SETTINGS, tmp_path)
    assert len(store) == 9
    assert "no crop: study 1001, canal l4_l5: the location lies outside the image" in caplog.text


@pytest.fixture
def failing(monkeypatch):
    """Files that the disk fails to read, until there are none."""
    paths = set()

    def opened(path):
        if path in paths:
            raise OSError(errno.EIO, "Input/output error")
        return BoundedFile(path)

    monkeypatch.setattr("lsdc.dicom.header.BoundedFile", opened)
    return paths


def test_what_could_not_be_read_is_cut_again_when_it_can_be(folder, tmp_path, caplog, failing):
    failing.add(folder.series_folder("train", 1001, 10012) / "2.dcm")
    first = open_store(folder, folder.points, SETTINGS, tmp_path / "store")
    shown = [first.image(row.file, row.offset) for row in first.rows.itertuples()]
    assert len(first) == len(folder.points) - 5
    assert "no crop: study 1001, canal midline l1_l2: " in caplog.text
    failing.clear()
    store = open_store(folder, folder.points, SETTINGS, tmp_path / "store")
    assert len(store) == len(folder.points)
    before = written(tmp_path / "store")
    open_store(folder, folder.points, SETTINGS, tmp_path / "store")
    assert written(tmp_path / "store") == before
    # who opened the store before still finds its own
    assert np.array_equal(shown, [first.image(row.file, row.offset) for row in first.rows.itertuples()])


def test_former_crops_leave_a_week_after_others_took_their_place(folder, tmp_path):
    points = [folder.points]

    def cut_again(day: int) -> list[str]:
        """So many days later, since a point is gone."""
        for path in (tmp_path / "store").glob("*/1001.*.npy"):
            os.utime(path, (path.stat().st_mtime - 86400 * day,) * 2)
        points.append(points[-1].iloc[1:])
        return sorted(set(open_store(folder, points[-1], SETTINGS, tmp_path / "store").rows.file) - others)

    others = {one for one in open_store(folder, folder.points, SETTINGS, tmp_path / "store").rows.file
              if one.startswith("1002")}
    (first,) = {path.name for path in (tmp_path / "store").glob("*/1001.*.npy")}
    second = cut_again(30)  # the first was in use until now
    there = {path.name for path in (tmp_path / "store").glob("*/1001.*.npy")}
    assert there == {first, *second}
    third = cut_again(6)
    assert {path.name for path in (tmp_path / "store").glob("*/1001.*.npy")} == {first, *second, *third}
    cut_again(2)
    assert first not in {path.name for path in (tmp_path / "store").glob("*/1001.*.npy")}


def test_a_folder_or_memory_that_fails_once_is_tried_again(folder, tmp_path, monkeypatch):
    """Through the store of series too, between the key and the reading."""
    folder = folder.keeping(load_settings("configs/smoke.yaml", ["compute.store_gigabytes=1"]).compute)
    real, failed = os.scandir, []

    def scandir(path="."):
        if str(path).endswith("10012") and len(failed) < 1 and stack_has("_entry"):
            failed.append(path)
            raise OSError(errno.EIO, "Input/output error")
        return real(path)

    def stack_has(name: str) -> bool:
        return any(frame.function == name for frame in inspect.stack(0))

    monkeypatch.setattr("lsdc.dicom.store.os.scandir", scandir)
    assert len(open_store(folder, folder.points, SETTINGS, tmp_path / "store")) == len(folder.points) - 5
    assert len(open_store(folder, folder.points, SETTINGS, tmp_path / "store")) == len(folder.points)
    assert failed


@pytest.mark.parametrize("error", [MemoryError(), OSError(errno.EACCES, "Permission denied")])
def test_only_what_may_pass_is_called_that(folder, monkeypatch, error):
    path = folder.series_folder("train", 1001, 10012) / "2.dcm"
    whole = path.read_bytes()
    place = whole.index(b"1.2.840.10008.1.2.1")
    path.write_bytes(whole[:place] + b"1.2.840.10008\\1.2.1" + whole[place + 19:])  # two texts instead of a UID
    assert not read_study(folder, 1001).passing
    path.write_bytes(whole)

    def fails(*words, **more):
        raise error

    monkeypatch.setattr("lsdc.dicom.header.parse", fails)
    assert read_study(folder, 1001).passing >= {10012}


@pytest.mark.parametrize("place", ["a series with points", "another series"])
def test_what_will_never_be_an_image_is_looked_at_once(folder, tmp_path, failing, place):
    series = folder.series_folder("train", 1001, 10012)
    if place == "a series with points":
        (series / "Thumbs.db").write_bytes(b"of a file browser")
        (series / "9.dcm").write_bytes(b"")
    else:
        failing |= set(folder.series_folder("train", 1001, 10011).iterdir())
        assert failing
    open_store(folder, folder.points, SETTINGS, tmp_path / "store")
    before = written(tmp_path / "store")
    assert len(open_store(folder, folder.points, SETTINGS, tmp_path / "store")) == len(folder.points)
    assert written(tmp_path / "store") == before


def test_room_around_a_crop_may_lie_outside_of_the_image(folder, tmp_path):
    """As predicted it is on it: the crop is kept, and its share is that of what is shown."""
    folder.points["y_px"] = 0.5
    wide = SETTINGS.model_copy(update={"size_px": 24, "size_mm": PerCondition(canal=18, foraminal=18, subarticular=18)})
    kept = open_store(folder, folder.points, wide, tmp_path / "store", shown=SETTINGS)
    assert len(kept) == len(folder.points)
    assert all(0.5 < share < 0.7 for (share,) in kept.rows.covered)


def test_a_series_that_cannot_be_read_is_told_as_that(folder, tmp_path, caplog):
    for path in folder.series_folder("train", 1001, 10012).iterdir():
        path.write_bytes(b"not an image")
    assert len(open_store(folder, folder.points, SETTINGS, tmp_path / "store")) == 5
    assert "canal midline l1_l2: a series that cannot be read (no readable slice in this series)" in caplog.text


def test_nothing_to_cut_is_an_error(folder, tmp_path):
    folder.points["x_px"] = 500.0
    with pytest.raises(DataError, match="not one annotated point can be cut"):
        open_store(folder, folder.points, SETTINGS, tmp_path)


def test_a_file_cut_short_behind_our_back_is_an_error(folder, tmp_path):
    store = open_store(folder, folder.points, SETTINGS, tmp_path)
    damage(folder, tmp_path)
    with pytest.raises(StorageError, match="cut short"):
        store.image(store.rows.file[4], store.rows.offset[4])


def test_processes_cut_the_same_crops(tmp_path, monkeypatch):
    monkeypatch.setattr("lsdc.crops.store.FEW_STUDIES", 1)
    folder = open_folder(write_competition(tmp_path / "data", studies=(1001, 1002, 1003)))
    one = open_store(folder, folder.points, SETTINGS, tmp_path / "one", workers=1)
    two = open_store(folder, folder.points, SETTINGS, tmp_path / "two", workers=2)
    assert one.rows.equals(two.rows)
    for name in set(one.rows.file):
        assert (one.folder / name).read_bytes() == (two.folder / name).read_bytes()
