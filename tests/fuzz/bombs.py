"""Little data that claim, or unpack to, far more than there is."""

import struct
import zlib
from functools import cache

MEGABYTE = 2**20
ITEM, END = (struct.pack("<HHL", 0xFFFE, kind, 0) for kind in (0xE000, 0xE0DD))  # an empty item; where a sequence ends
SOF = (0xC0, 0xC1, 0xC3, 0xF7)  # start of frame of the JPEG and JPEG-LS streams that are written here


@cache
def _packed_megabyte() -> bytes:
    """A megabyte of zeros as deflate blocks that end at a byte and need nothing before them."""
    packer = zlib.compressobj(9, wbits=-15)
    return packer.compress(b"\0" * MEGABYTE) + packer.flush(zlib.Z_FULL_FLUSH)


def deflated(data: bytes, megabytes: int) -> bytes:
    """Raw deflate of some bytes and then megabytes of zeros."""
    packer = zlib.compressobj(9, wbits=-15)
    start = packer.compress(data) + packer.flush(zlib.Z_FULL_FLUSH)
    return start + _packed_megabyte() * megabytes + zlib.compressobj(wbits=-15).flush()


def claiming(pixels: bytes, rows: int, columns: int) -> bytes:
    """Encapsulated JPEG, JPEG-LS or JPEG 2000 pixel data whose stream claims another size; others as they were."""
    data = bytearray(pixels)
    if (start := pixels.find(b"\xff\x4f\xff\x51")) >= 0:  # JPEG 2000: SIZ follows at once
        struct.pack_into(">LL", data, start + 8, columns, rows)
        struct.pack_into(">LL", data, start + 24, columns, rows)  # one tile
    else:
        for marker in SOF:
            if (start := pixels.find(bytes([0xFF, marker]))) >= 0:
                struct.pack_into(">HH", data, start + 5, rows, columns)
                break
    return bytes(data)


def precincts(edge: int, size: int) -> bytes:
    """A JPEG 2000 codestream without data of an image of edge x edge in precincts of 2**size x 2**size pixels."""
    grid = struct.pack(">H8LH3B", 0, edge, edge, 0, 0, edge, edge, 0, 0, 1, 15, 1, 1)
    style = bytes([1, 0, 0, 1, 0, 0, 4, 4, 0, 1, size * 17])  # 1: precincts are given; no decomposition
    part = struct.pack(">HLBB", 0, 14, 0, 1)
    return b"\xff\x4f" + b"".join(bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body for marker, body in (
        (0x51, grid), (0x52, style), (0x5C, bytes([0x40, 0x40])), (0x90, part))) + b"\xff\x93\xff\xd9"


def rle(segments: int, runs: int) -> bytes:
    """Encapsulated RLE of one frame: each segment is runs of 128 equal bytes, which all take 2 bytes."""
    body = b"\x81\0" * runs
    offsets = [64 + i * len(body) for i in range(segments)]
    frame = struct.pack("<16L", segments, *offsets, *[0] * (15 - segments)) + body * segments
    return (struct.pack("<HHL", 0xFFFE, 0xE000, 0) + struct.pack("<HHL", 0xFFFE, 0xE000, len(frame)) + frame
            + struct.pack("<HHL", 0xFFFE, 0xE0DD, 0))
