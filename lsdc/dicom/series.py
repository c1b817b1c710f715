"""A `Series`: the readable slices of a folder, in order along the normal, with their planes."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from lsdc.dicom.header import SliceHeader, parse_header, read_dataset
from lsdc.dicom.pixels import modality_values, read_pixels
from lsdc.dicom.plane import Orientation, SlicePlane, orientation_of
from lsdc.errors import DataError, DicomError, PassingError

MAX_PIXELS = 2**27  # of a series: 512 slices of 512 x 512
SAME_POSITION_MM = 1e-2
OTHER_ORIENTATION = "another orientation than the series"  # a fault's words
SAME_STACK_DEGREES = 40  # tilted blocks of one axial series stay together, another orientation does not


@dataclass(frozen=True, eq=False)
class Series:
    """Slices ordered along the normal towards the patient's left (sagittal), back (coronal) or head (axial).

    images: (h, w) float32 modality values, high is bright; sizes may differ between slices.
    faults: what was left out or repaired, in words, with file names. unread: how many files could not be
    read for a reason that may pass.
    """

    planes: tuple[SlicePlane, ...]
    images: tuple[np.ndarray, ...]
    instance_numbers: tuple[int | None, ...]
    paths: tuple[Path, ...]
    faults: tuple[str, ...]
    unread: int = 0

    def __len__(self) -> int:
        return len(self.planes)

    @property
    def orientation(self) -> Orientation:
        return orientation_of(self.planes[len(self) // 2])

    @property
    def spacing_mm(self) -> float:
        """Median distance between neighbouring slices along the normal, from positions; nan for one slice."""
        if len(self) < 2:
            return float("nan")
        return float(np.median(np.diff(along_normal(self.planes))))

    def nearest_slice(self, point_mm: np.ndarray) -> tuple[int, float]:
        """Index of the slice nearest to a patient point (3,), and the point's signed mm along that slice's normal.

        Slices whose image holds the point's foot are preferred: tilted blocks cross outside their images.
        """
        best = []
        for index, plane in enumerate(self.planes):
            xy_px, offset_mm = plane.to_pixel(point_mm)
            best.append((not plane.holds(xy_px), abs(float(offset_mm)), index, float(offset_mm)))
        return min(best)[2:]

    def index_of_instance(self, instance_number: int) -> int:
        """Index of the slice whose file is named by this number, else that has this InstanceNumber; or DataError.

        Tables name files, and now and then two slices of a series share an InstanceNumber.
        """
        names = [path.stem for path in self.paths]
        if str(instance_number) in names:
            return names.index(str(instance_number))
        if instance_number not in self.instance_numbers:
            raise DataError("no slice with this instance number", wanted=instance_number, got=self.instance_numbers,
                            where=self.paths[0].parent)
        return self.instance_numbers.index(instance_number)


class Lost(NamedTuple):
    """A file that could not be read: why, with its name, and whether that may pass."""

    why: str
    may_pass: bool


class StoredSlice(NamedTuple):
    """A slice as its file has it: its header, and (h, w) stored values, which `modality_values` turns into an image."""

    header: SliceHeader
    stored: np.ndarray


def read_series(folder: Path) -> Series:
    """Read every file of a series folder; unreadable files are left out and named in `faults`.

    DicomError when the folder is missing or nothing in it can be read.
    """
    return series_of(*read_slices(folder))


def series_of(slices: Sequence[StoredSlice], faults: Sequence[str], lost: Sequence[Lost] = ()) -> Series:
    """The series of slices that are in order; what was left out of them, in words, and files that could not be read."""
    sizes = [one.stored.shape for one in slices]
    # in one block where they are of one size: large blocks come from the system in fewer and larger pages
    images = np.empty((len(sizes), *sizes[0]), np.float32) if len(set(sizes)) == 1 else [None] * len(sizes)
    return Series(
        planes=tuple(one.header.plane for one in slices),
        images=tuple(modality_values(one.stored, one.header, into) for one, into in zip(slices, images, strict=True)),
        instance_numbers=tuple(one.header.instance_number for one in slices),
        paths=tuple(one.header.path for one in slices),
        faults=(*(one.why for one in lost), *faults),
        unread=sum(one.may_pass for one in lost),
    )


def read_slices(folder: Path) -> tuple[list[StoredSlice], list[str], list[Lost]]:
    """The slices of a folder in order; what was left out of them, in words, and files that could not be read.

    DicomError when the folder is missing or nothing in it can be read, PassingError where that may pass.
    """
    slices, lost, room = [], [], _Room()
    for path in series_files(folder):
        try:
            dataset = read_dataset(path, pixels=True)
            header = room.taken(parse_header(dataset, path))
            slices.append(StoredSlice(header, read_pixels(dataset, header)))
        except DicomError as error:
            why = f"{path.name}: {error.problem}" + (f" ({error.got})" if error.got else "")
            lost.append(Lost(why, isinstance(error, PassingError)))
    if not slices:
        kind = PassingError if any(one.may_pass for one in lost) else DicomError
        raise kind("no readable slice in this series", where=folder,
                   got="; ".join(one.why for one in lost[:3]) or "an empty folder")
    kept, faults = _order([one.header for one in slices])
    return [slices[i] for i in kept], faults, lost


def read_planes(folder: Path) -> tuple[SlicePlane, ...]:
    """The planes of a series in the order of `read_series`, from the headers alone; empty where none can be read.

    A slice whose pixels cannot be decoded is in it too.
    """
    headers, room = [], _Room()
    for path in series_files(folder):
        try:
            headers.append(room.taken(parse_header(read_dataset(path, pixels=False), path)))
        except DicomError:
            continue
    return tuple(headers[i].plane for i in _order(headers)[0]) if headers else ()


class _Room:
    """What is left of MAX_PIXELS for the next slices of a series."""

    def __init__(self):
        self.pixels = MAX_PIXELS

    def taken(self, header: SliceHeader) -> SliceHeader:
        """The header; DicomError where its image does not fit any more."""
        rows, columns = header.plane.size_hw
        if rows * columns > self.pixels:
            raise DicomError("beyond the pixels that a series can have", got=f"over {MAX_PIXELS}", where=header.path)
        self.pixels -= rows * columns
        return header


def unreadable_folder(error: OSError, folder: Path) -> DicomError:
    kind = DicomError if isinstance(error, FileNotFoundError | NotADirectoryError) else PassingError
    return kind("a series folder cannot be read", got=error.strerror, where=folder)


def series_files(folder: Path) -> list[Path]:
    """Files of a series folder in the order of their instance numbers; DicomError when there is no folder.

    Links that lead nowhere, and what vanishes meanwhile, are among them: reading them says so.
    """
    try:
        paths = [path for path in Path(folder).iterdir()
                 if not path.name.startswith(".") and (path.is_file() or not path.exists())]
    except OSError as error:
        raise unreadable_folder(error, folder) from error
    return sorted(paths, key=lambda path: (int(path.stem) if path.stem.isdecimal() else -1, path.name))


def _order(headers: Sequence[SliceHeader]) -> tuple[list[int], list[str]]:
    """Indices of the slices of the main orientation, ordered and without duplicates; and the faults."""
    main = main_orientation([header.plane for header in headers])
    faults = [f"{headers[i].path.name}: {OTHER_ORIENTATION}" for i in np.flatnonzero(~main)]
    members = np.flatnonzero(main)
    places = along_normal([headers[i].plane for i in members])
    order, kept = members[np.argsort(places, kind="stable")], []
    for index in order:
        plane = headers[index].plane
        if kept and np.linalg.norm(plane.centre_mm - headers[kept[-1]].plane.centre_mm) < SAME_POSITION_MM:
            faults.append(f"{headers[index].path.name}: same position as {headers[kept[-1]].path.name}")
        else:
            kept.append(int(index))
    return kept, faults


def main_orientation(planes: Sequence[SlicePlane]) -> np.ndarray:
    """(n,) bool: the planes of the largest group that lie alike; the others have another orientation."""
    normals = np.stack([plane.normal for plane in planes])
    alike = np.abs(normals @ normals.T) >= np.cos(np.deg2rad(SAME_STACK_DEGREES))
    return alike[int(np.argmax(alike.sum(axis=1)))]  # the first of the largest group


def along_normal(planes: Sequence[SlicePlane]) -> np.ndarray:
    """Places of the image centres in mm along the mean normal, which points to the patient's left, back or head."""
    normals = np.stack([plane.normal for plane in planes])
    normals *= np.sign(normals @ normals[0])[:, None]  # one hemisphere
    mean = normals.mean(axis=0)
    mean *= np.sign(mean[np.argmax(np.abs(mean))]) / np.linalg.norm(mean)
    return np.stack([plane.centre_mm for plane in planes]) @ mean
