"""How each file is made, and what must be said of it: "read", or the fault."""

import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from pydicom.encaps import encapsulate
from pydicom.uid import DeflatedExplicitVRLittleEndian

from tests.fuzz import bombs
from tests.fuzz.elements import UNDEFINED, Element, joined, nested, split
from tests.fuzz.seeds import SIZE_HW, file_bytes, seeds, slice_of

PIXELS, ROWS, COLUMNS, FRAMES = 0x7FE00010, 0x00280010, 0x00280011, 0x00280008
BITS_ALLOCATED, BITS_STORED = 0x00280100, 0x00280101
POSITION, SPACING, NUMBER, SLOPE, BODY_PART = 0x00200032, 0x00280030, 0x00200013, 0x00281053, 0x00180015
SYNTAX = 0x00020010


def recipes() -> dict[str, tuple[bytes, str]]:
    """name: (bytes, what is wrong with them, numbers as N)."""
    other_size = "a compressed image of another size than its header"
    streams = {f"{name} that claims 30000 x 30000": (_changed(name, {PIXELS: lambda value: bombs.claiming(
        value, 30000, 30000)}), other_size) for name in ("jpeg_lossless", "jpeg_ls", "jpeg_2000", "jpeg_baseline")}
    damaged = {path.stem: (path.read_bytes(), "read") for path in sorted(Path(__file__).parent.glob("*.dcm"))}
    return streams | damaged | {
        "three gigabytes, packed": (_deflated(lambda data: bombs.deflated(data, 3000)),
                                    "a packed file that unpacks to more bytes than one slice can have"),
        "an element of four gigabytes": (_with(Element(BODY_PART, "UN", b"x" * 99, 0xFFFFFFFE)),
                                         "no image in this file"),
        "ten million frames": (_with(Element(FRAMES, "IS", b"10000000")), "a multi-frame file"),
        "65535 x 65535": (_with(*(Element(tag, "US", b"\xff\xff") for tag in (ROWS, COLUMNS)), name="rle"),
                          "absurd image size N x N"),
        "negative sizes": (_with(*(Element(tag, "SL", struct.pack("<l", -9)) for tag in (ROWS, COLUMNS))),
                           "absurd image size -N x -N"),
        "bits that are no number": (_with(Element(BITS_STORED, "IS", b"99999999999 ")), "BitsStored is absurd"),
        "a spacing of half a float": (_with(Element(SPACING, "FL", b"1e400 ")), "PixelSpacing cannot be read"),
        "a spacing of nearly nothing": (_with(Element(SPACING, "DS", rb"1e-30\1e-30 ")), "PixelSpacing is absurd"),
        "a spacing beyond the patient": (_with(Element(SPACING, "DS", rb"1e30\1e30 ")), "PixelSpacing is absurd"),
        "a place beyond the earth": (_with(Element(POSITION, "DS", rb"1e300\0\0 ")),
                                     "ImagePositionPatient is absurdly far away"),
        "a place of 400 digits": (_with(Element(POSITION, "IS", b"\\".join([b"9" * 400] * 3))),
                                  "ImagePositionPatient is not N numbers"),
        "an instance number of 40 digits": (_with(Element(NUMBER, "IS", b"9" * 40)), "read"),
        "an instance number of 400 digits": (_with(Element(NUMBER, "IS", b"9" * 400)), "read"),
        "an instance number that is none": (_with(Element(NUMBER, "IS", b"abc ")), "read"),
        "a slope without end": (_with(Element(SLOPE, "DS", b"1e300 ")), "RescaleSlope is absurdly large"),
        "pixels that are no numbers": (_float_pixels(np.nan), "stored values that are no finite numbers"),
        "pixels beyond float32": (_float_pixels(1e30), "stored values that are no finite numbers"),
        "rows in 200,000 characters": (_with(Element(ROWS, "UT", b"9" * 200_000)), "Rows is not a number"),
        "rows of 100,000 values": (_with(Element(ROWS, "UN", b"\x14\0" * 100_000)), "Rows is not a number"),
        "rows in bytes, times columns by the billion": (_with(
            Element(ROWS, "OB", b"\x14\0"), Element(COLUMNS, "UL", b"\xff\xff\xff\xff")), "Rows is not a number"),
        "a body part of 30,000 characters": (_with(Element(BODY_PART, "UT", b"LSPINE" * 5000)), "read"),
        "a syntax of 5000 digits": (_changed("plain", {SYNTAX: lambda value: b"9" * 5000}),
                                    "pixels that cannot be decoded"),
        "JPEG lossless in cells of 32 bits": (_with(Element(BITS_ALLOCATED, "US", b" \0"), name="jpeg_lossless"),
                                              "a compressed image of another depth than its header"),
        "JPEG lossless without codes": (_changed("jpeg_lossless", {PIXELS: lambda value: value.replace(
            b"\xff\xc4", b"\0\xc4", 1)}), other_size),
        "JPEG lossless with another segment for its codes": (_changed("jpeg_lossless", {PIXELS: lambda value: (
            value.replace(b"\xff\xc4", b"\xff\xfe", 1))}), other_size),
        "JPEG 2000 in a precinct a pixel": (_precincts(), "a compressed image in too many parts"),
        "a sequence of a million items": (_with(Element(0x00081140, "SQ", bombs.ITEM * 10**6 + bombs.END, UNDEFINED)),
                                          "more elements than one slice can have"),
        "the same, packed": (_deflated(lambda data: zlib.compress(data, wbits=-15), Element(
            0x00080001, "SQ", bombs.ITEM * 10**6 + bombs.END, UNDEFINED)), "more elements than one slice can have"),
        "a million copies of an element, packed": (_deflated(
            lambda data: zlib.compress(data, wbits=-15), *[Element(0x00080008, "CS", b"")] * 10**6),
            "more elements than one slice can have"),
        "20,000 sequences in each other": (_with(Element(0x00081140, "SQ", nested(20_000, undefined=True), UNDEFINED)),
                                           "a DICOM file that cannot be parsed"),
        "20,000 sequences of known length": (_with(Element(0x00081140, "SQ", nested(20_000, undefined=False))), "read"),
    }


def _changed(name: str, values: dict) -> bytes:
    """A seed with values of elements changed."""
    meta, body = split(seeds()[name])
    meta, body = ([one if one.tag not in values else Element(one.tag, one.vr, values[one.tag](one.value), one.length)
                   for one in elements] for elements in (meta, body))
    return b"\0" * 128 + b"DICM" + joined(meta) + joined(body)


def _with(*new: Element, name: str = "plain") -> bytes:
    """A seed with elements in the place of those of their tags."""
    meta, body = split(seeds()[name])
    tags = {one.tag for one in new}
    body = sorted([*(one for one in body if one.tag not in tags), *new], key=lambda one: one.tag)
    return b"\0" * 128 + b"DICM" + joined(meta) + joined(body)


def _deflated(packed: Callable[[bytes], bytes], *new: Element) -> bytes:
    """The plain seed, whose elements, with new ones before them, are packed."""
    meta, body = split(seeds()["plain"])
    meta = [one.with_value(DeflatedExplicitVRLittleEndian.encode()) if one.tag == SYNTAX else one for one in meta]
    return b"\0" * 128 + b"DICM" + joined(meta) + packed(joined([*new, *body]))


def _precincts() -> bytes:
    data = slice_of(0, "jpeg_2000")
    data.PixelData = encapsulate([bombs.precincts(4096, 0)])
    data.Rows = data.Columns = 4096
    return file_bytes(data)


def _float_pixels(value: float) -> bytes:
    data = slice_of(0)
    del data.PixelData
    data.FloatPixelData = np.full(SIZE_HW, value, np.float32).tobytes()
    data.BitsAllocated = 32
    return file_bytes(data)
