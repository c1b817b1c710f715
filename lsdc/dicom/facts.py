"""What the header of a file says, whatever is missing in it: to look at a folder, where `header` is to use it."""

import logging
import math
import os
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import BinaryIO

import numpy as np
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian

from lsdc.dicom.bounded import UNDEFINED, BoundedFile, parse
from lsdc.dicom.header import (
    bits_stored_of,
    check_single,
    cosines_of,
    instance_number_of,
    number_of,
    plane_of,
    position_of,
    read_dataset,
    rescale_of,
    size_of,
    spacing_of,
    text_of,
)
from lsdc.dicom.pixels import decoder_of, stored_values
from lsdc.dicom.plane import SlicePlane
from lsdc.dicom.telling import named
from lsdc.errors import DicomError

WANTED_NUMBERS = ("InstanceNumber", "SliceThickness", "SpacingBetweenSlices")
_GEOMETRY = {"ImagePositionPatient": position_of, "ImageOrientationPatient": cosines_of, "PixelSpacing": spacing_of}
_READERS = {**_GEOMETRY, "InstanceNumber": instance_number_of}
_PIXEL_DATA, _ITEM, _END = (0x7FE0, 0x0010), (0xFFFE, 0xE000), (0xFFFE, 0xE0DD)


class FileFault(StrEnum):
    """Why a file tells nothing."""

    ZERO_BYTES = "zero bytes"
    NOT_DICOM = "not DICOM"
    TRUNCATED = "shorter than its header promises"
    UNREADABLE = "cannot be parsed"


@dataclass(frozen=True, eq=False)
class SliceFacts:
    """One file. With a `fault` the rest is unknown; `problem` tells more of it.

    plane: None where one of its three elements is unusable. unusable: elements of the plane, and of WANTED_NUMBERS,
    that are absent, empty or senseless, each with the reason. syntax: name of the transfer syntax.
    """

    path: Path
    fault: FileFault | None = None
    problem: str = ""
    plane: SlicePlane | None = None
    unusable: dict[str, str] = field(default_factory=dict)
    instance_number: int | None = None
    frames: int = 1
    samples: int = 1
    bits_allocated: int = 16
    bits_stored: int = 16
    signed: bool = False
    inverted: bool = False
    slope: float = 1.0
    intercept: float = 0.0
    syntax: str = ""
    compressed: bool = False
    decodable: bool = True
    modality: str = field(default="", repr=False)  # what may hold a name or an id is compared, not told
    body_part: str = field(default="", repr=False)
    frame_of_reference: str = field(default="", repr=False)
    study_uid: str = field(default="", repr=False)
    series_uid: str = field(default="", repr=False)
    instance_uid: str = field(default="", repr=False)


def read_facts(path: Path) -> SliceFacts:
    """Facts of one file, from its header and its length; what is wrong with it is told, never raised."""
    path = Path(path)
    try:
        with BoundedFile(path) as file, _quiet():
            if os.fstat(file.fileno()).st_size == 0:
                return SliceFacts(path, FileFault.ZERO_BYTES)
            dataset = parse(file, pixels=False)
            if "Rows" not in dataset or "Columns" not in dataset or _is_cut(file, dataset, path):
                return SliceFacts(path, FileFault.TRUNCATED)
            return _facts(dataset, path)
    except InvalidDicomError:
        return SliceFacts(path, FileFault.NOT_DICOM)
    except FileNotFoundError:
        return SliceFacts(path, FileFault.UNREADABLE, "the file is missing")
    except Exception as error:  # pydicom raises what the bytes lead it to: struct, value, key, attribute errors
        problem = error.problem if isinstance(error, DicomError) else named(error)
        return SliceFacts(path, FileFault.UNREADABLE, problem)


def pixel_range(path: Path) -> tuple[float, float]:
    """Lowest and highest stored value, with bits beyond BitsStored.

    DicomError when the pixels cannot be decoded, are no numbers, or are of several frames or samples.
    """
    with _quiet():
        dataset = read_dataset(path, pixels=True)
        size_of(dataset, path)
        check_single(dataset, path)
        values = stored_values(dataset, path, unused_bits=True)
    low, high = float(values.min()), float(values.max())
    if not np.isfinite([low, high]).all():
        raise DicomError("stored values that are no finite numbers", got=f"{low} to {high}", where=path)
    return low, high


@contextmanager
def _quiet() -> Iterator[None]:
    """pydicom's own words on a damaged file are not needed: the facts tell it."""
    log = logging.getLogger("pydicom")
    before, log.disabled = log.disabled, True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.disabled = before


def _facts(dataset: Dataset, path: Path) -> SliceFacts:
    size_hw = size_of(dataset, path)
    parts, unusable = {}, {}
    for tag in (*_GEOMETRY, *WANTED_NUMBERS):
        try:
            parts[tag] = _READERS[tag](dataset, path) if tag in _READERS else number_of(dataset, tag, path)
        except DicomError as error:
            unusable[tag] = error.problem
    placed = [parts[tag] for tag in _GEOMETRY if tag in parts]
    syntax = UID(text_of(dataset.file_meta, "TransferSyntaxUID"))
    return SliceFacts(
        path, plane=plane_of(*placed, size_hw) if len(placed) == len(_GEOMETRY) else None, unusable=unusable,
        instance_number=parts.get("InstanceNumber"),
        frames=int(number_of(dataset, "NumberOfFrames", path, 1)),
        samples=int(number_of(dataset, "SamplesPerPixel", path, 1)),
        bits_allocated=(bits := int(number_of(dataset, "BitsAllocated", path, 16))),
        bits_stored=bits_stored_of(dataset, path, bits),
        signed=number_of(dataset, "PixelRepresentation", path, 0) == 1,
        inverted=text_of(dataset, "PhotometricInterpretation") == "MONOCHROME1",
        slope=rescale_of(dataset, "RescaleSlope", path, 1.0),
        intercept=rescale_of(dataset, "RescaleIntercept", path, 0.0),
        syntax=syntax.name if syntax.is_transfer_syntax else "unknown",
        compressed=_is_compressed(syntax), decodable=_is_decodable(syntax),
        modality=text_of(dataset, "Modality"), body_part=text_of(dataset, "BodyPartExamined"),
        frame_of_reference=text_of(dataset, "FrameOfReferenceUID"), study_uid=text_of(dataset, "StudyInstanceUID"),
        series_uid=text_of(dataset, "SeriesInstanceUID"), instance_uid=text_of(dataset, "SOPInstanceUID"),
    )


@cache
def _is_compressed(syntax: UID) -> bool:
    return syntax.is_transfer_syntax and syntax.is_compressed


@cache
def _is_decodable(syntax: UID) -> bool:
    return (decoder := decoder_of(syntax)) is not None and decoder.is_available


def _is_cut(file: BinaryIO, dataset: Dataset, path: Path) -> bool:
    """Whether the file ends before its pixels do. The file stands at the element of the pixel data (PS3.5 7.1, A.4).

    DicomError where an element that says how many pixels there are is no number.
    """
    syntax = dataset.file_meta.get("TransferSyntaxUID", "")
    if syntax == DeflatedExplicitVRLittleEndian:  # the whole data set is packed: no element to look at
        return False
    implicit, little = dataset.original_encoding
    end = os.fstat(file.fileno()).st_size
    head = file.read(8 if implicit else 12)
    order = "<" if little else ">"
    if len(head) < (8 if implicit else 12) or struct.unpack(order + "HH", head[:4]) != _PIXEL_DATA:
        return True
    length = struct.unpack(order + "L", head[-4:])[0]
    if length == UNDEFINED:
        return _fragments_are_cut(file, end)
    counts = [number_of(dataset, tag, path) for tag in ("Rows", "Columns")]
    counts += [number_of(dataset, tag, path, 1) or 1 for tag in ("NumberOfFrames", "SamplesPerPixel")]
    promised = math.prod(counts) * (number_of(dataset, "BitsAllocated", path, 16) or 16) / 8
    return min(length, end - file.tell()) < promised or file.tell() + length > end


def _fragments_are_cut(file: BinaryIO, end: int) -> bool:
    """Whether the items of encapsulated pixel data (PS3.5 A.4) run past the end of the file."""
    while len(head := file.read(8)) == 8:
        group, element, length = struct.unpack("<HHL", head)
        if (group, element) == _END:
            return False
        if (group, element) != _ITEM or file.tell() + length > end:
            return True
        file.seek(length, os.SEEK_CUR)
    return True
