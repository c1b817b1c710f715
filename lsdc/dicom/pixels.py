"""Stored values to float: rescale slope and intercept, MONOCHROME1 inverted."""

from functools import cache
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset
from pydicom.pixels import get_decoder
from pydicom.pixels.decoders.base import Decoder
from pydicom.uid import (
    UID,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000TransferSyntaxes,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
)

from lsdc.dicom.codestream import check_stream
from lsdc.dicom.header import SliceHeader, element_of
from lsdc.dicom.telling import named
from lsdc.errors import DicomError, PassingError

MAX_STORED = 1e20  # of float pixel data; with MAX_RESCALE it stays finite in float32
_PLAIN = (ExplicitVRLittleEndian, ImplicitVRLittleEndian)
# decoded by pillow alone, which notebooks have anyway: over some damaged streams of these GDCM ends the process
_PILLOW = (JPEGBaseline8Bit, JPEGExtended12Bit, *JPEG2000TransferSyntaxes)


def read_pixels(dataset: Dataset, header: SliceHeader) -> np.ndarray:
    """(h, w) of the values that are stored, bits beyond BitsStored aside; DicomError when they cannot be decoded."""
    stored = _plain(dataset, header)
    if stored is None:
        stored = stored_values(dataset, header.path)
    if stored.shape != header.plane.size_hw:
        raise DicomError("pixels do not fit the header", wanted=header.plane.size_hw, got=stored.shape,
                         where=header.path)
    if stored.dtype.kind == "f" and not np.abs(stored).max() < MAX_STORED:  # or not a number
        raise DicomError("stored values that are no finite numbers", where=header.path)
    return stored


def modality_values(stored: np.ndarray, header: SliceHeader, into: np.ndarray | None = None) -> np.ndarray:
    """(h, w) of stored values -> (h, w) float32 of modality values, high is bright; written `into` an array if given.

    MONOCHROME1 is mirrored in the range of stored values, so all slices of a series stay comparable
    (PS3.3 C.7.6.3.1.2); then value = stored * slope + intercept (PS3.3 C.11.1.1.2).
    """
    values = np.empty(stored.shape, np.float32) if into is None else into
    values[:] = stored
    if header.inverted:
        lowest = -(2 ** (header.bits_stored - 1)) if header.signed else 0
        np.subtract(np.float32(2 * lowest + 2**header.bits_stored - 1), values, out=values)
    if (header.slope, header.intercept) != (1, 0):
        values *= np.float32(header.slope)
        values += np.float32(header.intercept)
    return values


def stored_values(dataset: Dataset, path: Path, *, unused_bits: bool = False) -> np.ndarray:
    """The array of stored values as the file has them; DicomError when the pixels cannot be decoded.

    unused_bits: with what bits beyond BitsStored hold, which is no part of the image.
    """
    options = {"correct_unused_bits": False} if unused_bits else {}
    if dataset.file_meta.get("TransferSyntaxUID") in _PILLOW:
        options["decoding_plugin"] = "pillow"
    try:
        check_stream(dataset)
        dataset.pixel_array_options(**options)
        return dataset.pixel_array
    except DicomError as error:
        raise DicomError(error.problem, wanted=error.wanted, got=error.got, where=path) from None
    except Exception as error:  # decoders raise what the bytes lead them to
        syntax = dataset.file_meta.get("TransferSyntaxUID")
        decoder = decoder_of(syntax) if isinstance(syntax, UID) else None  # else it is several, or damaged
        lacking = decoder is not None and not decoder.is_available
        kind = PassingError if lacking or isinstance(error, MemoryError) else DicomError
        raise kind("pixels that cannot be decoded", where=path,
                   got=f"no decoder for {syntax.name} is installed" if lacking else named(error),
                   remedy="for JPEG lossless and JPEG-LS install python-gdcm") from error


@cache
def decoder_of(syntax: UID) -> Decoder | None:
    """What decodes pixels of this kind, whether it is installed (`is_available`) or not; None where nothing does."""
    try:
        return get_decoder(syntax)
    except NotImplementedError:
        return None


def _plain(dataset: Dataset, header: SliceHeader) -> np.ndarray | None:
    """The array of an image as most files hold it, 16 bits little endian without compression; None for any other.

    It is what `stored_values` says of such a file, without the half of a millisecond that preparing a decoder takes.
    """
    if (dataset.file_meta.get("TransferSyntaxUID") not in _PLAIN or not 1 <= header.bits_stored <= 16
            or element_of(dataset, "BitsAllocated", header.path) != 16):
        return None
    data = element_of(dataset, "PixelData", header.path)
    if not isinstance(data, bytes) or len(data) != 2 * np.prod(header.plane.size_hw):
        return None
    stored = np.frombuffer(data, "<i2" if header.signed else "<u2").reshape(header.plane.size_hw)
    if (unused := 16 - header.bits_stored) > 0:
        stored = (stored << unused) >> unused  # keeps the sign
    return stored
