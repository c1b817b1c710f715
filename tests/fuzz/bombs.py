"""Little data that claim, or unpack to, far more than there is."""

import struct
import zlib
from functools import cache

MEGABYTE = 2**20
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


def rle(segments: int, runs: int) -> bytes:
    """Encapsulated RLE of one frame: each segment is runs of 128 equal bytes, which all take 2 bytes."""
    body = b"\x81\0" * runs
    offsets = [64 + i * len(body) for i in range(segments)]
    frame = struct.pack("<16L", segments, *offsets, *[0] * (15 - segments)) + body * segments
    return (struct.pack("<HHL", 0xFFFE, 0xE000, 0) + struct.pack("<HHL", 0xFFFE, 0xE000, len(frame)) + frame
            + struct.pack("<HHL", 0xFFFE, 0xE0DD, 0))
