"""What every reader of DICOM files must do with any file: read it rightly, or say what is wrong with it."""

import re
from functools import cache
from pathlib import Path

import numpy as np

from lsdc.audit.series import look_at
from lsdc.dicom import Series, SeriesStore, pixel_range, read_facts, read_planes, read_scanner, read_series
from lsdc.errors import LsdcError
from lsdc.taxonomy import Plane
from tests.fuzz.limits import MEMORY, Look, in_time
from tests.fuzz.mutants import mutant
from tests.fuzz.seeds import file_bytes, seeds, slice_of

LONGEST = 3000  # characters that may be said of one file
HEALTHY = ("2.dcm", "3.dcm")


def make_look(folder: Path) -> Look:
    """A look at mutants, each as the first slice of a series whose two other files are healthy."""
    for place, name in enumerate(HEALTHY, start=1):
        (folder / name).write_bytes(file_bytes(slice_of(place)))
    path = folder / "1.dcm"
    for name, data in seeds().items():
        path.write_bytes(data)
        outcome = look_at_file(path)
        assert outcome == ("a multi-frame file" if name == "frames" else "read"), f"{name}: {outcome}"

    def look(number: int) -> str:
        story, data = mutant(number)
        path.write_bytes(data)
        try:
            return look_at_file(path)
        except Exception as error:
            error.args = (f"{story}: {error}",)
            raise

    return look


def look_at_file(path: Path) -> str:
    """Every reader on a file in a series with HEALTHY: "read", or what is wrong with it in the reader's words."""
    folder = path.parent
    with in_time():
        series = read_series(folder)
    check_series(series)
    names = [one.name for one in series.paths]
    faults = {fault.partition(": ")[0]: fault.partition(": ")[2] for fault in series.faults}
    assert {*names, *faults} == {path.name, *HEALTHY}
    for name in HEALTHY:
        assert name in names or faults[name] == f"same position as {path.name}", f"{name} is lost: {faults[name]}"
    said(" ".join(series.faults))
    if path.name in names:
        with in_time():
            again = [_store(folder.parent / "kept").read(folder) for _ in ("kept", "loaded")]
        for other in again:
            assert other.instance_numbers == series.instance_numbers
            assert all(map(np.array_equal, other.images, series.images))
    with in_time():
        planes = read_planes(folder)
    assert len(planes) >= len(HEALTHY)
    for plane in planes:
        check_plane(plane)
    with in_time():
        facts = read_facts(path)
    said(f"{facts.problem} {facts.unusable}")
    if facts.plane is not None:
        check_plane(facts.plane)
    assert np.isfinite([facts.slope, facts.intercept, float(facts.bits_stored), float(facts.frames)]).all()
    with in_time():
        look = look_at(folder, 71, Plane.SAGITTAL_T2, pixels=True)
        order = look.order()
    assert order in ("left", "right", "mixed", None)
    said(" ".join(detail for _, _, detail in look.found))
    with in_time():
        said("".join(read_scanner(folder)))
    try:
        with in_time():
            low, high = pixel_range(path)
    except LsdcError as error:
        said(str(error))
    else:
        assert np.isfinite([low, high]).all()
    return "read" if path.name in names else re.sub(r"\d+", "N", faults[path.name].partition(" (")[0])


@cache
def _store(root: Path) -> SeriesStore:
    return SeriesStore(root, gigabytes=0.002)


def check_series(series: Series) -> None:
    assert len(series) == len(series.images) == len(series.paths) == len(series.instance_numbers) > 0
    for plane, image, number in zip(series.planes, series.images, series.instance_numbers, strict=True):
        check_plane(plane)
        assert image.dtype == np.float32
        assert image.shape == plane.size_hw
        assert np.isfinite(image).all(), "an image with values that are no numbers"
        assert number is None or abs(number) < 2**63
    assert len(series) == 1 or np.isfinite(series.spacing_mm)


def check_plane(plane) -> None:
    numbers = np.concatenate([plane.origin_mm, plane.step_x_mm, plane.step_y_mm, plane.normal, plane.centre_mm])
    assert np.isfinite(numbers).all(), f"geometry that is no numbers: {numbers}"
    assert min(plane.spacing_xy_mm) > 0
    assert abs(np.linalg.norm(plane.normal) - 1) < 1e-6
    assert min(plane.size_hw) > 0
    back, offset = plane.to_pixel(plane.to_patient([3, 2]))
    assert np.allclose(back, [3, 2], atol=1e-3), f"no round trip: {back}"
    assert abs(offset) < 1e-3


def said(text: str) -> None:
    assert len(text) < LONGEST, f"{len(text)} characters of words: {text[:200]}"
    assert not MEMORY.search(text), f"memory ran out: {text[:300]}"
