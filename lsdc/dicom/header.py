"""Headers of single MR slices: what places, orders and scales an image, or why it cannot be used."""

import logging
import warnings
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pydicom
from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.tag import BaseTag, Tag

from lsdc.dicom.plane import SlicePlane
from lsdc.errors import DicomError

# what pydicom says of a file while it reads it, tracebacks included, is told by our errors and faults
logging.getLogger("pydicom").setLevel(logging.CRITICAL)
warnings.filterwarnings("ignore", module=r"pydicom\.")

MAX_PIXELS = 4096 * 4096  # larger than any MR slice; keeps absurd sizes from asking for memory


@dataclass(frozen=True, eq=False)
class SliceHeader:
    """One file's place and scale; instance_number is None where the file has none."""

    path: Path
    instance_number: int | None
    plane: SlicePlane
    slope: float
    intercept: float
    inverted: bool  # MONOCHROME1: low values are bright
    bits_stored: int
    signed: bool


def read_dataset(path: Path, *, pixels: bool) -> Dataset:
    """A pydicom data set, of the header alone or with pixels; DicomError when the file is no DICOM image."""
    try:
        dataset = pydicom.dcmread(path, stop_before_pixels=not pixels)
    except InvalidDicomError:
        raise DicomError("not a DICOM file", where=path) from None
    except FileNotFoundError:
        raise DicomError("the file is missing", where=path) from None
    except Exception as error:  # pydicom raises what the bytes lead it to: struct, value, key, attribute errors
        raise DicomError("a DICOM file that cannot be parsed", got=f"{type(error).__name__}: {error}",
                         where=path) from error
    if "Rows" not in dataset or "Columns" not in dataset:  # a truncated file reads as a nearly empty data set
        raise DicomError("no image in this file (truncated?)", wanted="Rows and Columns", where=path)
    return dataset


def parse_header(dataset: Dataset, path: Path) -> SliceHeader:
    """The header of one slice; DicomError naming the tag that is missing or unusable."""
    rows, columns = (int(number_of(dataset, tag, path)) for tag in ("Rows", "Columns"))
    if not 0 < rows * columns <= MAX_PIXELS:
        raise DicomError("absurd image size", wanted=f"1 to {MAX_PIXELS} pixels", got=f"{rows} x {columns}", where=path)
    if (frames := number_of(dataset, "NumberOfFrames", path, 1)) != 1:
        raise DicomError("a multi-frame file", wanted="one slice per file", got=f"{frames:.0f} frames", where=path)
    if (samples := number_of(dataset, "SamplesPerPixel", path, 1)) != 1:
        raise DicomError("a colour image", wanted="one sample per pixel", got=f"{samples:.0f}", where=path)
    plane = plane_of(position_of(dataset, path), cosines_of(dataset, path), spacing_of(dataset, path), (rows, columns))
    number = number_of(dataset, "InstanceNumber", path, None)
    slope = number_of(dataset, "RescaleSlope", path, 1.0)
    return SliceHeader(
        path=Path(path), plane=plane,
        instance_number=None if number is None else int(number),
        slope=slope if slope != 0 else 1.0,
        intercept=number_of(dataset, "RescaleIntercept", path, 0.0),
        inverted=value_of(dataset, "PhotometricInterpretation") == "MONOCHROME1",
        bits_stored=int(number_of(dataset, "BitsStored", path, 16)),
        signed=number_of(dataset, "PixelRepresentation", path, 0) == 1,
    )


def position_of(dataset: Dataset, path: Path) -> np.ndarray:
    """(3,) centre of the first pixel, patient mm; DicomError when it is missing or unusable."""
    return _vector(dataset, "ImagePositionPatient", 3, path)


def cosines_of(dataset: Dataset, path: Path) -> np.ndarray:
    """(2, 3) unit vectors along x and along y of the image; DicomError when they are missing or unusable."""
    cosines = _vector(dataset, "ImageOrientationPatient", 6, path).reshape(2, 3)
    lengths = np.linalg.norm(cosines, axis=1)
    if np.abs(lengths - 1).max() > 0.01 or abs(cosines[0] @ cosines[1]) > 0.01:
        raise DicomError("ImageOrientationPatient is no pair of unit vectors at right angles", got=cosines.tolist(),
                         where=path)
    return cosines / lengths[:, None]


def spacing_of(dataset: Dataset, path: Path) -> np.ndarray:
    """(2,) mm between rows (y), between columns (x); DicomError when it is missing or unusable."""
    spacing = _vector(dataset, "PixelSpacing", 2, path)
    if spacing.min() <= 0:
        raise DicomError("PixelSpacing is not positive", got=spacing.tolist(), where=path)
    return spacing


def plane_of(position: np.ndarray, cosines: np.ndarray, spacing: np.ndarray, size_hw: tuple[int, int]) -> SlicePlane:
    """The plane of what `position_of`, `cosines_of` and `spacing_of` return."""
    return SlicePlane(position, cosines[0] * spacing[1], cosines[1] * spacing[0], size_hw)


def value_of(dataset: Dataset, keyword: str) -> object:
    """The value of an element, None where it is absent. An attribute says the same in twice the time."""
    tag = _tag(keyword)
    return dataset[tag].value if tag in dataset else None


@cache
def _tag(keyword: str) -> BaseTag:
    return Tag(tag_for_keyword(keyword))


def number_of(dataset: Dataset, tag: str, path: Path, *default):
    """A finite number, or the default where it is absent or empty; DicomError otherwise."""
    value = value_of(dataset, tag)
    if value is None or value == "":
        if default:
            return default[0]
        raise DicomError(f"{tag} is missing", where=path)
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = float("nan")
    if not np.isfinite(number):
        raise DicomError(f"{tag} is not a number", got=repr(value), where=path)
    return number


def _vector(dataset, tag, length, path) -> np.ndarray:
    value = value_of(dataset, tag)
    if value is None or value == "":
        raise DicomError(f"{tag} is missing", where=path)
    try:
        vector = np.array([float(part) for part in value])
    except (TypeError, ValueError):
        vector = np.array([np.nan])
    if vector.shape != (length,) or not np.isfinite(vector).all():
        raise DicomError(f"{tag} is not {length} numbers", got=repr(value), where=path)
    return vector
