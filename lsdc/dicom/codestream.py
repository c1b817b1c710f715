"""The size that a compressed image says it has, which a decoder takes memory for before the header's is compared."""

import struct

from pydicom.dataset import Dataset
from pydicom.encaps import generate_frames
from pydicom.uid import JPEG2000TransferSyntaxes, JPEGLSTransferSyntaxes, JPEGTransferSyntaxes

from lsdc.errors import DicomError

_JPEG = {*JPEGTransferSyntaxes, *JPEGLSTransferSyntaxes}
_FRAMES = {*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC}  # SOF markers (T.81 table B.1, T.87)
_ALONE = {0x01, *range(0xD0, 0xD9)}  # markers without a length
_START = b"\xff\x4f\xff\x51"  # SOC and SIZ of JPEG 2000


def check_size(dataset: Dataset) -> None:
    """DicomError where the stream of a grey JPEG, JPEG-LS or JPEG 2000 image of one frame has not its header's size.

    Nothing for other transfer syntaxes; a stream without a size is an error.
    """
    syntax = dataset.file_meta.get("TransferSyntaxUID")
    size_of = _jpeg_size if syntax in _JPEG else _jpeg_2000_size if syntax in JPEG2000TransferSyntaxes else None
    if size_of is None:
        return
    for name in ("ExtendedOffsetTable", "ExtendedOffsetTableLengths"):  # of frames, of which there is one
        dataset.pop(name, None)
    stream = next(generate_frames(dataset.PixelData, number_of_frames=1))
    said, wanted = size_of(stream), (dataset.Rows, dataset.Columns, 1)
    if said != wanted:
        raise DicomError("a compressed image of another size than its header", wanted=_words(wanted),
                         got="no size" if said is None else _words(said))


def _words(size: tuple[int, int, int]) -> str:
    return "{} x {} of {} samples".format(*size)


def _jpeg_size(stream: bytes) -> tuple[int, int, int] | None:
    """Rows, columns, samples of the first frame header (T.81 B.2.2); None where there is none."""
    place = 2
    while place + 10 <= len(stream) and stream[place] == 0xFF:
        marker = stream[place + 1]
        if marker in _FRAMES:
            return struct.unpack_from(">HHB", stream, place + 5)
        if marker == 0xFF or marker in _ALONE:  # a fill byte, or no segment
            place += 1 if marker == 0xFF else 2
        else:
            place += 2 + struct.unpack_from(">H", stream, place + 2)[0]
    return None


def _jpeg_2000_size(stream: bytes) -> tuple[int, int, int] | None:
    """Rows, columns, samples of the reference grid (T.800 A.5.1), of a codestream or the first one of a JP2 file."""
    place = 0
    while place + 8 <= len(stream) and not stream.startswith(_START, place):  # boxes of JP2 (T.800 I.4)
        length, kind = struct.unpack_from(">L4s", stream, place)
        place += 8 if kind == b"jp2c" else max(length, 8)
    if not stream.startswith(_START, place) or place + 42 > len(stream):
        return None
    right, bottom, left, top = struct.unpack_from(">4L", stream, place + 8)
    samples, = struct.unpack_from(">H", stream, place + 40)
    return bottom - top, right - left, samples
