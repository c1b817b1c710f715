"""The store gives what the files give: at first, again, after damage, from several processes, and within its bound."""

import logging
import os
import random
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pydicom
import pytest
from filelock import FileLock

from lsdc.dicom import SeriesStore, read_series, store
from lsdc.errors import DicomError
from lsdc.files import alone
from lsdc.phantom.encode import compress
from tests.builders import write_series, write_slice
from tests.conftest import mounted

RANDOM = np.random.default_rng(4)


def equal(one, other):
    assert one.instance_numbers == other.instance_numbers
    assert one.paths == other.paths
    assert one.faults == other.faults
    for image, wanted in zip(one.images, other.images, strict=True):
        assert image.dtype == np.float32
        np.testing.assert_array_equal(image, wanted)
    for plane, wanted in zip(one.planes, other.planes, strict=True):
        assert plane.size_hw == wanted.size_hw
        for name in ("origin_mm", "step_x_mm", "step_y_mm"):
            np.testing.assert_array_equal(getattr(plane, name), getattr(wanted, name))


def entries(root):
    return sorted(root.glob("*/*.safetensors"))


@pytest.fixture
def folder(tmp_path):
    """Slices of several sizes, kinds of numbers, scales and encodings, one of them twice at its place."""
    made = tmp_path / "series"
    for number, (image, elements) in enumerate([
        (RANDOM.integers(0, 4096, (16, 12)).astype(np.uint16), {}),
        (RANDOM.integers(-2048, 2048, (16, 12)).astype(np.int16), {"RescaleSlope": 1.5, "RescaleIntercept": -3}),
        (RANDOM.integers(0, 256, (9, 14)).astype(np.uint8),
         {"PhotometricInterpretation": "MONOCHROME1", "BitsStored": 8, "HighBit": 7}),
        (RANDOM.integers(0, 65536, (16, 12)).astype(np.uint16), {"BitsStored": 16, "HighBit": 15}),
        (RANDOM.integers(0, 65536, (16, 12)).astype(np.uint16), {"BitsStored": 16, "HighBit": 15}),
    ], start=1):
        path = write_slice(made / f"{number}.dcm", image, position=(4.0 * min(number, 4), 0, 0), number=number,
                           **elements)
    dataset = pydicom.dcmread(path)
    compress(dataset, "jpeg_2000")
    dataset.save_as(path)
    return made


@pytest.fixture
def never_decoded(monkeypatch):
    def fail(folder):
        raise AssertionError(f"{folder} was decoded")

    return lambda: monkeypatch.setattr(store, "read_slices", fail)


def test_the_same_series_at_first_and_again(tmp_path, folder, never_decoded):
    wanted, root = read_series(folder), tmp_path / "store"
    assert wanted.faults == ("5.dcm: same position as 4.dcm",)
    equal(SeriesStore(root, 1).read(folder), wanted)
    never_decoded()
    again = SeriesStore(root, 1).read(folder)
    equal(again, wanted)
    again.images[0][0, 0] = 1  # a caller may draw in it
    equal(SeriesStore(root, 1).read(folder), wanted)


def test_another_file_is_another_series(tmp_path, folder):
    kept = SeriesStore(tmp_path / "store", 1)
    kept.read(folder)
    path = folder / "4.dcm"
    before = path.stat()
    path.write_bytes(path.read_bytes().replace(bytes(path.read_bytes()[-8:]), bytes(8)))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))  # of the same size and date
    equal(kept.read(folder), read_series(folder))
    (folder / "1.dcm").unlink()
    assert len(kept.read(folder)) == 3
    shutil.copytree(folder, tmp_path / "moved")
    assert kept.read(tmp_path / "moved").paths[0].parent == tmp_path / "moved"
    assert len(entries(tmp_path / "store")) == 4


@pytest.mark.parametrize("damage", ["empty", "short", "a value", "the header", "a number", "a name"])
def test_a_damaged_entry_is_made_anew(tmp_path, folder, damage, never_decoded):
    wanted, root = read_series(folder), tmp_path / "store"
    SeriesStore(root, 1).read(folder)
    [entry] = entries(root)
    whole = entry.read_bytes()
    damaged = {
        "empty": b"", "short": whole[:-100], "a value": whole[:-7] + bytes([whole[-7] ^ 1]) + whole[-6:],
        "the header": whole[:30] + b"\xff" + whole[31:], "a number": whole.replace(b"-3.0", b"-2.0"),
        "a name": whole.replace(b"step_x_mm", b"step_z_mm"),
    }[damage]
    assert damaged != whole
    entry.write_bytes(damaged)
    equal(SeriesStore(root, 1).read(folder), wanted)
    never_decoded()
    equal(SeriesStore(root, 1).read(folder), wanted)


def test_what_could_not_be_read_is_not_kept(tmp_path, folder):
    (folder / "9.dcm").write_bytes(b"not an image")
    kept = SeriesStore(tmp_path / "store", 1)
    equal(kept.read(folder), read_series(folder))
    assert "9.dcm: not a DICOM file" in kept.read(folder).faults
    assert not entries(tmp_path / "store")
    with pytest.raises(DicomError, match="a series folder cannot be read"):
        kept.read(tmp_path / "nowhere")
    (tmp_path / "void").mkdir()
    with pytest.raises(DicomError, match="no readable slice"):
        kept.read(tmp_path / "void")


def test_those_not_asked_for_leave_first(tmp_path):
    folders = [write_series(tmp_path / f"s{number}", count=2, size=(100, 100)) for number in range(6)]
    root, size = tmp_path / "store", 40_000  # each, and a header
    kept = SeriesStore(root, 4.5 * size / 1e9)
    for folder in folders[:4]:
        kept.read(folder)
    kept.read(folders[0])  # asked for again: now the second is the oldest
    first, second = (kept._entry(folder) for folder in folders[:2])
    kept.read(folders[4])
    assert first.exists()
    assert not second.exists()
    abandoned = second.parent / ".killed.abc"
    abandoned.mkdir(parents=True, exist_ok=True)
    os.utime(abandoned, (time.time() - 2 * store.ABANDONED_S,) * 2)
    kept.read(folders[5])
    assert not abandoned.exists()
    assert sum(path.stat().st_size for path in entries(root)) <= kept.bound
    equal(kept.read(folders[1]), read_series(folders[1]))


def test_while_another_makes_room_it_is_looked_at_again_the_next_time(tmp_path, monkeypatch):
    monkeypatch.setattr(store, "LOOKS", 1)
    folders = [write_series(tmp_path / f"s{number}", count=2, size=(100, 100)) for number in range(4)]
    root, gigabytes = tmp_path / "store", 2.5 * 41_000 / 1e9
    for folder in folders[:2]:
        SeriesStore(root, gigabytes).read(folder)
    kept = SeriesStore(root, gigabytes)
    with FileLock(root / ".lock"):
        kept.read(folders[2])
    assert len(entries(root)) == 3
    kept.read(folders[3])
    assert sum(path.stat().st_size for path in entries(root)) <= kept.bound


def test_a_store_on_a_disk_that_is_only_read_is_used(tmp_path, folder, never_decoded):
    with mounted(tmp_path / "disk", "size=3g") as disk:
        wanted = SeriesStore(disk, 1).read(folder)
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        never_decoded()
        equal(SeriesStore(disk, 1).read(folder), wanted)
        assert len(entries(disk)) == 1


def test_an_entry_that_cannot_be_opened_now_is_left(tmp_path, folder, monkeypatch, caplog):
    """Too many open files, an error of the disk: the entry may be whole."""
    root = tmp_path / "store"
    wanted = SeriesStore(root, 1).read(folder)
    (entry,) = entries(root)
    whole = entry.read_bytes()
    real = type(entry).open

    def failing(self, *words, **more):
        if self == entry:
            raise OSError(24, "Too many open files")
        return real(self, *words, **more)

    monkeypatch.setattr(type(entry), "open", failing)
    monkeypatch.setattr(SeriesStore, "_keep", lambda *words: None)
    equal(SeriesStore(root, 1).read(folder), wanted)
    monkeypatch.undo()
    assert entry.read_bytes() == whole
    assert "damaged" not in caplog.text


def test_a_series_larger_than_the_store_is_not_kept(tmp_path, folder):
    equal(SeriesStore(tmp_path / "store", 1e-6).read(folder), read_series(folder))
    assert not entries(tmp_path / "store")


def test_what_a_killed_writer_left_leaves_when_the_series_is_asked_for_again(tmp_path, folder, never_decoded):
    kept = SeriesStore(tmp_path / "store", 1)
    entry = kept._entry(folder)
    left = entry.parent / f".{entry.name}.abc.aside"
    left.mkdir(parents=True)
    (left / entry.name).write_bytes(b"half")
    equal(kept.read(folder), read_series(folder))
    assert list(entry.parent.iterdir()) == [entry]
    never_decoded()
    equal(kept.read(folder), read_series(folder))


def test_an_entry_that_another_process_writes_is_not_waited_for(tmp_path, folder, caplog):
    kept = SeriesStore(tmp_path / "store", 1)
    entry = kept._entry(folder)
    with alone(entry):
        (entry.parent / f".{entry.name}.abc.aside").mkdir()
        equal(kept.read(folder), read_series(folder))
        assert (entry.parent / f".{entry.name}.abc.aside").is_dir()
    assert not entries(tmp_path / "store")
    equal(kept.read(folder), read_series(folder))
    assert entries(tmp_path / "store") == [entry]
    assert not caplog.text


@pytest.mark.skipif(os.geteuid() != 0, reason="becomes another user")
def test_entries_of_another_user_are_used_and_left_alone(tmp_path, folder, never_decoded, caplog):
    for place in (tmp_path, *tmp_path.parents):  # pytest's own folders are closed to others
        if place.stat().st_uid == os.geteuid() and place.stat().st_mode & 0o055 == 0:
            place.chmod(0o755)
    kept = SeriesStore(tmp_path / "store", 1)
    wanted = kept.read(folder)
    [entry] = entries(tmp_path / "store")
    assert entry.stat().st_mode & 0o444 == 0o444
    never_decoded()
    os.seteuid(65534)
    try:
        equal(SeriesStore(tmp_path / "store", 1).read(folder), wanted)
        os.seteuid(0)
        entry.chmod(0o600)
        os.seteuid(65534)
        with pytest.raises(AssertionError, match="was decoded"):  # it cannot be read, so it is not used
            SeriesStore(tmp_path / "store", 1).read(folder)
    finally:
        os.seteuid(0)
    assert entry.exists()
    assert not caplog.text


def test_a_full_disk_costs_nothing_but_the_store(small_disk, folder, caplog):
    kept = SeriesStore(small_disk / "store", 1)
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            equal(kept.read(folder), read_series(folder))
    assert caplog.text.count("decoded series are not kept: the disk is nearly full") == 1
    assert not entries(small_disk / "store")


def test_several_writers_killed_at_any_moment(tmp_path, never_decoded):
    folders = [write_series(tmp_path / f"s{number}", count=3, size=(200, 200)) for number in range(8)]
    root, draw = tmp_path / "store", random.Random(8)  # noqa: S311
    program = ("import sys, random; from pathlib import Path; from lsdc.dicom import SeriesStore\n"
               "print('ready', flush=True)\n"
               f"while True: SeriesStore(Path({str(root)!r}), .0007).read(Path(random.choice(sys.argv[1:])))")
    for _ in range(3):
        there = [subprocess.Popen([sys.executable, "-c", program, *map(str, folders)], stdout=subprocess.PIPE)
                 for _ in range(2)]
        for process in there:
            process.stdout.readline()
        time.sleep(draw.uniform(0.05, 0.5))
        for process in there:
            process.send_signal(signal.SIGKILL)
            process.wait()
            process.stdout.close()
    assert entries(root)
    wanted = {path: read_series(path) for path in folders}
    kept = SeriesStore(root, 1)
    for path in folders:
        equal(kept.read(path), wanted[path])
    never_decoded()
    for path in folders:
        equal(kept.read(path), wanted[path])
