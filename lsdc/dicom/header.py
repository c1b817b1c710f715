"""Headers of single MR slices: what places, orders and scales an image, or why it cannot be used."""

import logging
import warnings
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.tag import BaseTag, Tag

from lsdc.dicom.bounded import BoundedFile, parse
from lsdc.dicom.plane import SlicePlane
from lsdc.dicom.telling import kind_of, named, rough, rough_all
from lsdc.errors import DicomError, PassingError

# what pydicom says of a file while it reads it, tracebacks included, is told by our errors and faults
logging.getLogger("pydicom").setLevel(logging.CRITICAL)
warnings.filterwarnings("ignore", module=r"pydicom\.")

MAX_PIXELS = 4096 * 4096  # larger than any MR slice; keeps absurd sizes from asking for memory
# beyond these a number in a header is a fault, and would leave no finite number or no way back from mm to pixels
MAX_POSITION_MM, MIN_SPACING_MM, MAX_SPACING_MM = 1e5, 1e-3, 1e3
MAX_RESCALE = 1e15
MAX_BITS = 64
LONGEST_TEXT = 64  # characters of the elements that are read as text (VR CS, LO, UI; PS3.5 6.2)


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
        with BoundedFile(path) as file:
            dataset = parse(file, pixels=pixels)
    except DicomError:
        raise
    except InvalidDicomError:
        raise DicomError("not a DICOM file", where=path) from None
    except FileNotFoundError:
        raise DicomError("the file is missing", where=path) from None
    except Exception as error:  # pydicom raises what the bytes lead it to: struct, value, key, attribute errors
        if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno is not None):
            raise PassingError("the file cannot be read", got=getattr(error, "strerror", "out of memory"), where=path
                               ) from error
        raise DicomError("a DICOM file that cannot be parsed", got=named(error), where=path) from error
    if "Rows" not in dataset or "Columns" not in dataset:  # a truncated file reads as a nearly empty data set
        raise DicomError("no image in this file (truncated?)", wanted="Rows and Columns", where=path)
    return dataset


def parse_header(dataset: Dataset, path: Path) -> SliceHeader:
    """The header of one slice; DicomError naming the tag that is missing or unusable."""
    size_hw = size_of(dataset, path)
    check_single(dataset, path)
    plane = plane_of(position_of(dataset, path), cosines_of(dataset, path), spacing_of(dataset, path), size_hw)
    slope = rescale_of(dataset, "RescaleSlope", path, 1.0)
    return SliceHeader(
        path=Path(path), plane=plane,
        instance_number=_instance_number(dataset, path),
        slope=slope if slope != 0 else 1.0,
        intercept=rescale_of(dataset, "RescaleIntercept", path, 0.0),
        inverted=text_of(dataset, "PhotometricInterpretation") == "MONOCHROME1",
        bits_stored=bits_stored_of(dataset, path, 16),
        signed=number_of(dataset, "PixelRepresentation", path, 0) == 1,
    )


def size_of(dataset: Dataset, path: Path) -> tuple[int, int]:
    """Rows, columns; DicomError when they are missing, unusable, or more than MAX_PIXELS together."""
    rows, columns = (int(number_of(dataset, tag, path)) for tag in ("Rows", "Columns"))
    if min(rows, columns) <= 0 or rows * columns > MAX_PIXELS:
        raise DicomError(f"absurd image size {rough(rows)} x {rough(columns)}", where=path,
                         wanted=f"1 to {MAX_PIXELS} pixels")
    return rows, columns


def check_single(dataset: Dataset, path: Path) -> None:
    """DicomError unless the file is of one frame and one sample per pixel."""
    if (frames := number_of(dataset, "NumberOfFrames", path, 1)) != 1:
        raise DicomError("a multi-frame file", wanted="one slice per file", got=f"{rough(frames)} frames", where=path)
    if (samples := number_of(dataset, "SamplesPerPixel", path, 1)) != 1:
        raise DicomError("a colour image", wanted="one sample per pixel", got=rough(samples), where=path)


def position_of(dataset: Dataset, path: Path) -> np.ndarray:
    """(3,) centre of the first pixel, patient mm; DicomError when it is missing or unusable."""
    position = _vector(dataset, "ImagePositionPatient", 3, path)
    if np.abs(position).max() > MAX_POSITION_MM:
        raise DicomError("ImagePositionPatient is absurdly far away", got=rough_all(position), where=path)
    return position


def cosines_of(dataset: Dataset, path: Path) -> np.ndarray:
    """(2, 3) unit vectors along x and along y of the image; DicomError when they are missing or unusable."""
    cosines = _vector(dataset, "ImageOrientationPatient", 6, path).reshape(2, 3)
    lengths = np.linalg.norm(cosines, axis=1)
    if np.abs(lengths - 1).max() > 0.01 or abs(cosines[0] @ cosines[1]) > 0.01:
        raise DicomError("ImageOrientationPatient is no pair of unit vectors at right angles", got=rough_all(cosines),
                         where=path)
    return cosines / lengths[:, None]


def spacing_of(dataset: Dataset, path: Path) -> np.ndarray:
    """(2,) mm between rows (y), between columns (x); DicomError when it is missing or unusable."""
    spacing = _vector(dataset, "PixelSpacing", 2, path)
    if spacing.min() <= 0:
        raise DicomError("PixelSpacing is not positive", got=rough_all(spacing), where=path)
    if not MIN_SPACING_MM <= spacing.min() <= spacing.max() <= MAX_SPACING_MM:
        raise DicomError("PixelSpacing is absurd", wanted=f"{MIN_SPACING_MM:g} to {MAX_SPACING_MM:g} mm",
                         got=rough_all(spacing), where=path)
    return spacing


def plane_of(position: np.ndarray, cosines: np.ndarray, spacing: np.ndarray, size_hw: tuple[int, int]) -> SlicePlane:
    """The plane of what `position_of`, `cosines_of` and `spacing_of` return."""
    return SlicePlane(position, cosines[0] * spacing[1], cosines[1] * spacing[0], size_hw)


def rescale_of(dataset: Dataset, tag: str, path: Path, default: float) -> float:
    """RescaleSlope or RescaleIntercept; DicomError for what would leave pixels that are no finite numbers."""
    number = number_of(dataset, tag, path, default)
    if abs(number) > MAX_RESCALE:
        raise DicomError(f"{tag} is absurdly large", got=rough(number), where=path)
    return number


def bits_stored_of(dataset: Dataset, path: Path, default: int) -> int:
    """BitsStored; DicomError outside of 1 to MAX_BITS."""
    bits = number_of(dataset, "BitsStored", path, default)
    if not 1 <= bits <= MAX_BITS:
        raise DicomError("BitsStored is absurd", wanted=f"1 to {MAX_BITS}", got=rough(bits), where=path)
    return int(bits)


def instance_number_of(dataset: Dataset, path: Path) -> int:
    """InstanceNumber; DicomError when it is missing, or no number of VR IS (PS3.5 6.2)."""
    number = number_of(dataset, "InstanceNumber", path)
    if not -(2**31) <= number < 2**31:
        raise DicomError("InstanceNumber is no number of 32 bits", got=rough(number), where=path)
    return int(number)


def text_of(dataset: Dataset, tag: str) -> str:
    """An element as text of at most LONGEST_TEXT characters, "" where it is absent or cannot be read."""
    try:
        return str(value_of(dataset, tag) or "")[:LONGEST_TEXT]
    except Exception:  # pydicom raises what the bytes lead it to
        return ""


def value_of(dataset: Dataset, keyword: str) -> object:
    """The value of an element, None where it is absent. An attribute says the same in twice the time."""
    tag = _tag(keyword)
    return dataset[tag].value if tag in dataset else None


def element_of(dataset: Dataset, tag: str, path: Path) -> object:
    """`value_of`; DicomError where its bytes are no such value."""
    try:
        return value_of(dataset, tag)
    except Exception as error:  # bytes become a value only now, and raise what they lead pydicom to
        raise DicomError(f"{tag} cannot be read", got=named(error), where=path) from error


@cache
def _tag(keyword: str) -> BaseTag:
    return Tag(tag_for_keyword(keyword))


def number_of(dataset: Dataset, tag: str, path: Path, *default):
    """A finite number, or the default where it is absent or empty; DicomError otherwise."""
    value = element_of(dataset, tag, path)
    if value is None or value == "":
        if default:
            return default[0]
        raise DicomError(f"{tag} is missing", where=path)
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        number = float("nan")
    if not np.isfinite(number):
        raise DicomError(f"{tag} is not a number", got=kind_of(value), where=path)
    return number


def _instance_number(dataset: Dataset, path: Path) -> int | None:
    try:
        return instance_number_of(dataset, path)
    except DicomError:  # it places nothing: a slice must not be lost for it
        return None


def _vector(dataset, tag, length, path) -> np.ndarray:
    value = element_of(dataset, tag, path)
    if value is None or value == "":
        raise DicomError(f"{tag} is missing", where=path)
    try:
        vector = np.array([float(part) for part in value])
    except (TypeError, ValueError, OverflowError):
        vector = np.array([np.nan])
    if vector.shape != (length,) or not np.isfinite(vector).all():
        raise DicomError(f"{tag} is not {length} numbers", got=kind_of(value), where=path)
    return vector
