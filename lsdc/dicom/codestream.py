"""What a compressed image says it is: decoders take memory for that, or end the process where it fits no header."""

import struct
from typing import NamedTuple

from pydicom.dataset import Dataset
from pydicom.encaps import generate_frames
from pydicom.uid import JPEG2000TransferSyntaxes, JPEGLSTransferSyntaxes, JPEGTransferSyntaxes

from lsdc.errors import DicomError, shortened

_JPEG = {*JPEGTransferSyntaxes, *JPEGLSTransferSyntaxes}
_JPEG_CELLS = (8, 16)  # BitsAllocated (PS3.5 8.2.1, 8.2.3)
_CODES, _SCAN = 0xC4, 0xDA  # DHT, SOS (T.81 table B.1)
_BASELINE, _JPEG_LS = 0xC0, 0xF7  # SOF of the baseline process, of JPEG-LS (T.87)
_FRAMES = {*range(0xC0, 0xD0), _JPEG_LS} - {_CODES, 0xC8, 0xCC}  # SOF markers
_ALONE = {0x01, *range(0xD0, 0xD9)}  # markers without a length
_STYLE, _STYLE_OF_ONE, _TILE_PART, _DATA = 0xFF52, 0xFF53, 0xFF90, 0xFF93  # COD, COC, SOT, SOD (T.800 table A.2)
MAX_PACKETS, MAX_SEGMENTS, MAX_LEVELS = 2**18, 2**16, 32
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
            "no frame" if frame is None else f"{frame.rows} x {frame.columns} of {frame.samples}"))
    if read is _jpeg and (dataset.BitsAllocated not in _JPEG_CELLS or frame.bits > dataset.BitsAllocated):
        cells = shortened(str(dataset.BitsAllocated))
        raise DicomError("a compressed image of another depth than its header", got=f"{frame.bits} bits in {cells}",
                         wanted=f"cells of {' or '.join(map(str, _JPEG_CELLS))} bits")


def _jpeg(stream: bytes) -> _Frame | None:
    """The first frame header (T.81 B.2.2); None where there is none.

    Nor is there one for us before a scan whose Huffman codes are missing: GDCM ends the process for it. Baseline and
    JPEG-LS need no such look.
    """
    place, frame, coded = 2, None, False
    while place + 10 <= len(stream) and stream[place] == 0xFF:
        marker = stream[place + 1]
        if marker == _SCAN:
            return frame if coded else None
        if marker in _FRAMES and frame is None:
            frame = _Frame(*struct.unpack_from(">BHHB", stream, place + 4))
            if marker in (_BASELINE, _JPEG_LS):
                return frame
        coded |= marker == _CODES and stream[place + 2:place + 4] > b"\0\2"
        if marker == 0xFF or marker in _ALONE:  # a fill byte, or no segment
            place += 1 if marker == 0xFF else 2
        else:
            place += 2 + struct.unpack_from(">H", stream, place + 2)[0]
    return None


def _jpeg_2000(stream: bytes) -> _Frame | None:
    """The reference grid (T.800 A.5.1) of a codestream or the first one of a JP2 file; None where there is none.

    DicomError where it is cut into more packets than an image of ours needs.
    """
    place = 0
    while place + 8 <= len(stream) and not stream.startswith(_START, place):  # boxes of JP2 (T.800 I.4)
        length, kind = struct.unpack_from(">L4s", stream, place)
        place += 8 if kind == b"jp2c" else max(length, 8)
    if not stream.startswith(_START, place) or place + 42 > len(stream):
        return None
    right, bottom, left, top, width, height = struct.unpack_from(">6L", stream, place + 8)
    samples, = struct.unpack_from(">H", stream, place + 40)
    frame = _Frame(0, bottom - top, right - left, samples)
    if (packets := _packets(stream, place + 2, frame, (height, width))) > MAX_PACKETS:
        raise DicomError("a compressed image in too many parts", wanted=f"at most {MAX_PACKETS} packets", got=packets)
    return frame


def _packets(stream: bytes, place: int, frame: _Frame, tile: tuple[int, int]) -> int:
    """How many packets the coding styles (COD, COC: T.800 A.6) from a place on make at most; decoders keep all."""
    parts, layers, tile_part = 0, 1, place
    for _ in range(MAX_SEGMENTS):
        if place + 4 > len(stream):
            break
        marker, length = struct.unpack_from(">HH", stream, place)
        segment = stream[place + 4:place + 2 + length]
        if marker == _TILE_PART:
            tile_part = place + int.from_bytes(segment[2:6])
        elif marker == _STYLE:
            layers = max(layers, int.from_bytes(segment[2:4]))
            parts = max(parts, _precincts(segment[:1], segment[5:], frame, tile))
        elif marker == _STYLE_OF_ONE:
            parts = max(parts, _precincts(segment[1:2], segment[2:], frame, tile))
        if marker == _DATA and tile_part <= place:
            break
        place = tile_part if marker == _DATA else place + 2 + length
    else:
        return MAX_PACKETS + 1
    return parts * layers


def _precincts(style: bytes, coding: bytes, frame: _Frame, tile: tuple[int, int]) -> int:
    """At most so many of all resolutions (T.800 B.6); tile: its rows and columns."""
    levels, total = int.from_bytes(coding[:1]), 0
    sizes = coding[5:] if style and style[0] & 1 else b""
    for level in range(min(levels, MAX_LEVELS) + 1):
        size = sizes[level] if level < len(sizes) else 0xFF
        rows, columns = (-(-pixels >> (levels - level + bits)) + pixels // max(edge, 1) + 1 for pixels, edge, bits in (
            (frame.rows, tile[0], size >> 4), (frame.columns, tile[1], size & 15)))
        total += rows * columns
    return total
