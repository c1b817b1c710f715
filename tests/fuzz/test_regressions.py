"""What the fuzzers found stays mended. Each case is looked at as they do: with its limits, beside healthy files."""

import gc
import tracemalloc
from pathlib import Path

import pytest

from lsdc.dicom import bounded, read_facts, read_series
from lsdc.dicom.bounded import BoundedFile
from lsdc.errors import DicomError
from tests.fuzz.limits import Look, look_at_all
from tests.fuzz.readers import HEALTHY, look_at_file
from tests.fuzz.regressions.recipes import recipes
from tests.fuzz.seeds import file_bytes, slice_of


def make_look(folder: Path) -> Look:
    for place, name in enumerate(HEALTHY, start=1):
        (folder / name).write_bytes(file_bytes(slice_of(place)))
    made = list(recipes().items())

    def look(number: int) -> str:
        name, (data, _) = made[number]
        (folder / "1.dcm").write_bytes(data)
        return f"{name}: {look_at_file(folder / '1.dcm')}"

    return look


def test_each_is_read_or_named_within_limits(tmp_path):
    wanted = recipes()
    told = look_at_all(make_look, tmp_path / "work", range(len(wanted)))
    assert not told.failures, told
    assert sorted(told.outcomes) == sorted(f"{name}: {fault}" for name, (_, fault) in wanted.items())


def test_what_was_refused_stays_in_no_memory(tmp_path):
    """An error that holds its file, and by it what was unpacked, leaves only with the next collection of cycles."""
    (tmp_path / "1.dcm").write_bytes(recipes()["three gigabytes, packed"][0])
    gc.collect()
    gc.disable()
    tracemalloc.start()
    try:
        assert read_facts(tmp_path / "1.dcm").fault is not None
        with pytest.raises(DicomError, match="no readable slice"):
            read_series(tmp_path)
        left, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
        gc.enable()
    assert left < 20e6


def test_stored_files_are_small():
    assert all(path.stat().st_size < 20_000 for path in (Path(__file__).parent / "regressions").iterdir()
               if path.is_file())


def test_a_file_gives_no_more_than_a_slice_needs(tmp_path, monkeypatch):
    monkeypatch.setattr(bounded, "MAX_BYTES", 1000)
    (tmp_path / "large").write_bytes(b"x" * 3000)
    with BoundedFile(tmp_path / "large") as file:
        assert file.read(900) == b"x" * 900
        with pytest.raises(DicomError, match="more bytes than one slice can have"):
            file.read(900)
    with BoundedFile(tmp_path / "large") as file, pytest.raises(DicomError, match="more bytes"):
        file.read()
