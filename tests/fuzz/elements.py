"""A DICOM file as a list of elements that may be anything, and back to bytes: what no writer would write."""

import struct
from dataclasses import dataclass, replace

START = 132  # preamble and DICM
UNDEFINED = 0xFFFFFFFF
LONG = {"OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"}  # lengths of 32 bits (PS3.5 7.1)
SHORT = ("AE", "AS", "AT", "CS", "DA", "DS", "DT", "FD", "FL", "IS", "LO", "LT", "PN", "SH", "SL", "SS", "ST", "TM",
         "UI", "UL", "US")
WORDS = {"US": "H", "SS": "H", "OW": "H", "AT": "H", "UL": "I", "SL": "I", "FL": "I", "OF": "I", "OL": "I", "FD": "Q",
         "OD": "Q"}
ITEM, ITEM_END, END = (struct.pack("<HHL", 0xFFFE, number, 0) for number in (0xE000, 0xE00D, 0xE0DD))


@dataclass(frozen=True)
class Element:
    """tag: group << 16 | number. value: as in a little endian file. length: the field, None for that of the value."""

    tag: int
    vr: str
    value: bytes
    length: int | None = None

    def with_value(self, value: bytes) -> "Element":
        return replace(self, value=value + b" " * (len(value) % 2), length=None)


def split(data: bytes) -> tuple[list[Element], list[Element]]:
    """Elements of the file meta group and of the data set of an Explicit VR Little Endian file without sequences.

    Pixel data of undefined length are one element that holds all that follows.
    """
    elements, place = [], START
    while place < len(data):
        group, number, vr = *struct.unpack_from("<HH", data, place), data[place + 4:place + 6].decode()
        length, = struct.unpack_from("<L", data, place + 8) if vr in LONG else struct.unpack_from("<H", data, place + 6)
        place += 12 if vr in LONG else 8
        end = len(data) if length == UNDEFINED else place + length
        elements.append(Element(group << 16 | number, vr, data[place:end], UNDEFINED if length == UNDEFINED else None))
        place = end
    return [one for one in elements if one.tag >> 16 == 2], [one for one in elements if one.tag >> 16 != 2]


def joined(elements: list[Element], *, implicit: bool = False, big: bool = False) -> bytes:
    order = ">" if big else "<"
    return b"".join(_one(element, order, implicit) for element in elements)


def _one(element: Element, order: str, implicit: bool) -> bytes:
    value, word = element.value, WORDS.get(element.vr)
    if order == ">" and word and len(value) % (size := struct.calcsize(word)) == 0:
        value = struct.pack(f">{len(value) // size}{word}", *struct.unpack(f"<{len(value) // size}{word}", value))
    length = len(value) if element.length is None else element.length
    tag = struct.pack(order + "HH", element.tag >> 16, element.tag & 0xFFFF)
    if implicit:
        return tag + struct.pack(order + "L", length & UNDEFINED) + value
    if element.vr in LONG:
        return tag + element.vr.encode() + b"\0\0" + struct.pack(order + "L", length & UNDEFINED) + value
    return tag + element.vr.encode() + struct.pack(order + "H", length & 0xFFFF) + value


def nested(levels: int, *, undefined: bool, closed: bool = True) -> bytes:
    """The value of a sequence whose only item holds such a sequence, and so on, Explicit VR Little Endian.

    undefined: all lengths are. closed: whether what was opened is ended; what has a length always is.
    """
    head = struct.pack("<HH2sH", 0x0008, 0x1140, b"SQ", 0)
    if undefined:
        start = ITEM[:4] + struct.pack("<L", UNDEFINED) + head + struct.pack("<L", UNDEFINED)
        return start * levels + ((END + ITEM_END) * levels + END) * closed
    lengths = [20 * level for level in range(levels)]  # item head 8, element head 12
    return b"".join(ITEM[:4] + struct.pack("<L", 12 + inner) + head + struct.pack("<L", inner)
                    for inner in reversed(lengths))
