"""Reading: headers, decoding for the first time, and from the store, each against loops over pydicom."""

import numpy as np

from lsdc.bench.stages.ground import Ground
from lsdc.bench.stages.plain_dicom import itk_values, itk_volume, plain_headers, plain_volume
from lsdc.bench.stages.race import Race, Rival
from lsdc.dicom import read_planes, read_series

PYDICOM = "pydicom, file by file"


def headers(ground: Ground) -> Race:
    return Race(lambda: [read_planes(folder) for folder in ground.series_folders], "study", "Python (parsing)", (
        Rival("pydicom, stop_before_pixels", lambda: plain_headers(ground.files)),
    ), bound=lambda: _bytes(ground))


def first_read(ground: Ground) -> Race:
    return Race(lambda: [read_series(folder) for folder in ground.series_folders], "study",
                "Python (parsing), then file reads", (
        Rival(PYDICOM, lambda: _plain(ground), goal=1, agrees=same_volumes),
    ), bound=lambda: _floats(ground))


def first_read_itk(ground: Ground) -> Race:
    itk_volume(ground.series_folders[0])  # says so where it is not installed
    return Race(lambda: [read_series(folder) for folder in ground.series_folders], "study",
                "Python (parsing), then file reads", (
        Rival("SimpleITK's series reader", lambda: [itk_volume(folder) for folder in ground.series_folders],
              agrees=same_stacks),
    ), bound=lambda: _floats(ground))


def store(ground: Ground) -> Race:
    def read() -> list:
        return [ground.store.read(folder) for folder in ground.series_folders]

    read()  # what is not there yet is kept
    return Race(read, "study", "memory: bytes to floats", (
        Rival(PYDICOM, lambda: _plain(ground), goal=3, agrees=same_volumes),),
                bound=lambda: _floats(ground, parsed=True))


def same_volumes(ours: list, plain: list) -> bool:
    """Whether series and `plain_volume`s have the same values at the same places."""
    return len(ours) == len(plain) and all(
        _same_stack(np.stack(one.images), other.images)
        and _same_stack(np.stack([plane.origin_mm for plane in one.planes]), other.positions)
        for one, other in zip(ours, plain, strict=True))


def same_stacks(ours: list, stacks: list) -> bool:
    """Whether series and SimpleITK's images have the same values."""
    return len(ours) == len(stacks) and all(
        _same_stack(np.stack(one.images), itk_values(other))
        for one, other in zip(ours, stacks, strict=True))


def _same_stack(ours: np.ndarray, other: np.ndarray) -> bool:
    """Whether they are equal, from whichever end they are counted."""
    return np.array_equal(ours, other) or np.array_equal(ours, other[::-1])


def _plain(ground: Ground) -> list:
    return [plain_volume(folder) for folder in ground.series_folders]


def _bytes(ground: Ground) -> int:
    """The bytes of every file, read and let go."""
    return sum(len(path.read_bytes()) for path in ground.files)


def _floats(ground: Ground, *, parsed: bool = False) -> list[np.ndarray]:
    """As many 16-bit values as the study has made floats; the files are read too, unless they are parsed already."""
    if not parsed:
        _bytes(ground)
    return [np.full(len(one) * one.images[0].size, 7, np.uint16).astype(np.float32)
            for one in (one.series for one in ground.study.series)]
