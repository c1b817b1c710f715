"""What a compressed image says it is: decoders take memory for that, or end the process where it fits no header."""

import struct
from typing import NamedTuple

from pydicom.dataset import Dataset
from pydicom.encaps import generate_frames
from pydicom.uid import JPEG2000TransferSyntaxes, JPEGLSTransferSyntaxes, JPEGTransferSyntaxes

from lsdc.errors import DicomError, shortened

_JPEG = {*JPEGTransferSyntaxes, *JPEGLSTransferSyntaxes}
_JPEG_CELLS = (8, 16)  # BitsAllocated (PS3.5 8.2.1, 8.2.3)
_FRAMES = {*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC}  # SOF markers (T.81 table B.1, T.87)
_ALONE = {0x01, *range(0xD0, 0xD9)}  # markers without a length
_START = b"\xff\x4f\xff\x51"  # SOC and SIZ of JPEG 2000


class _Frame(NamedTuple):
    """bits: of a sample; 0 where they do not matter."""

    bits: int
    rows: int
    columns: int
    samples: int


def check_stream(dataset: Dataset) -> None:
    """DicomError where the stream of a grey JPEG, JPEG-LS or JPEG 2000 image of one frame does not fit its header.

    Nothing for other transfer syntaxes; a stream without a size is an error.
    """
    syntax = dataset.file_meta.get("TransferSyntaxUID")
    read = _jpeg if syntax in _JPEG else _jpeg_2000 if syntax in JPEG2000TransferSyntaxes else None
    if read is None:
        return
    for name in ("ExtendedOffsetTable", "ExtendedOffsetTableLengths"):  # of frames, of which there is one
        dataset.pop(name, None)
    frame = read(next(generate_frames(dataset.PixelData, number_of_frames=1)))
    wanted = f"{dataset.Rows} x {dataset.Columns} of 1 sample"
    if frame is None or frame[1:] != (dataset.Rows, dataset.Columns, 1):
        raise DicomError("a compressed image of another size than its header", wanted=wanted, got=(
            "no size" if frame is None else f"{frame.rows} x {frame.columns} of {frame.samples}"))
    if read is _jpeg and (dataset.BitsAllocated not in _JPEG_CELLS or frame.bits > dataset.BitsAllocated):
        cells = shortened(str(dataset.BitsAllocated))
        raise DicomError("a compressed image of another depth than its header", got=f"{frame.bits} bits in {cells}",
                         wanted=f"cells of {' or '.join(map(str, _JPEG_CELLS))} bits")


def _jpeg(stream: bytes) -> _Frame | None:
    """The first frame header (T.81 B.2.2); None where there is none."""
    place = 2
    while place + 10 <= len(stream) and stream[place] == 0xFF:
        marker = stream[place + 1]
        if marker in _FRAMES:
            return _Frame(*struct.unpack_from(">BHHB", stream, place + 4))
        if marker == 0xFF or marker in _ALONE:  # a fill byte, or no segment
            place += 1 if marker == 0xFF else 2
        else:
            place += 2 + struct.unpack_from(">H", stream, place + 2)[0]
    return None


def _jpeg_2000(stream: bytes) -> _Frame | None:
    """The reference grid (T.800 A.5.1) of a codestream or the first one of a JP2 file; None where there is none."""
    place = 0
    while place + 8 <= len(stream) and not stream.startswith(_START, place):  # boxes of JP2 (T.800 I.4)
        length, kind = struct.unpack_from(">L4s", stream, place)
        place += 8 if kind == b"jp2c" else max(length, 8)
    if not stream.startswith(_START, place) or place + 42 > len(stream):
        return None
    right, bottom, left, top = struct.unpack_from(">4L", stream, place + 8)
    samples, = struct.unpack_from(">H", stream, place + 40)
    return _Frame(0, bottom - top, right - left, samples)
