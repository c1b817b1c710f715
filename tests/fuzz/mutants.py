"""Mutants of DICOM files: the same number gives the same bytes.

`python -m tests.fuzz.mutants NUMBER PATH` writes one to a file, to look at.
"""

import struct
import sys
import zlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from random import Random
from typing import NamedTuple

from pydicom.uid import AllTransferSyntaxes, DeflatedExplicitVRLittleEndian

from tests.fuzz import bombs
from tests.fuzz.elements import LONG, SHORT, START, UNDEFINED, Element, joined, nested, split
from tests.fuzz.seeds import seeds

PIXELS, ROWS, COLUMNS, SYNTAX, GROUP_LENGTH = 0x7FE00010, 0x00280010, 0x00280011, 0x00020010, 0x00020000
WORDS = [struct.pack("<H", word) for word in (0, 1, 2, 3, 7, 8, 12, 13, 14, 16, 17, 20, 32, 64, 4096, 65535)]
NUMBERS = ("", " ", "0", "-1", "1", "1.5", "1e5", "nan", "inf", "-inf", "1e-30", "1e30", "1e-300", "1e300", "1e308",
           "abc", "9" * 40, "9" * 400, "9" * 5000, "1\\2", "1\\2\\3", "0x10", "1,5", "10000000", "2147483648", "-0",
           "\0", "\xb2")
ABSURD: dict[int, tuple[bytes, ...]] = {  # tag: values; other elements get any of these
    **dict.fromkeys((ROWS, COLUMNS, 0x00280002, 0x00280100, 0x00280101, 0x00280102, 0x00280103), tuple(WORDS)),
    0x00280030: tuple(b"\\".join([number.encode("latin-1")] * 2) for number in NUMBERS),
    0x00200032: tuple(b"\\".join([number.encode("latin-1")] * 3) for number in NUMBERS),
    0x00200037: (*(b"\\".join([number.encode("latin-1")] * 6) for number in NUMBERS), b"1\\0\\0\\1\\0\\0",
                 b"1e-9\\0\\0\\0\\1e-9\\0", b"0\\1\\0\\0\\0\\-1.004"),
    0x00280004: (b"", b"RGB", b"YBR_FULL", b"YBR_FULL_422", b"PALETTE COLOR", b"MONOCHROME1", b"MONOCHROME2",
                 b"?" * 99),
    0x00080005: (b"", b"ISO_IR 999", b"\\ISO 2022 IR 87", b"ISO_IR 192", b"GB18030", b"\xff\xfe"),
}
PLAIN = {0x00280008: "IS", 0x00281052: "DS", 0x00281053: "DS", 0x00280006: "US", 0x00080005: "CS", 0x00080008: "CS"}


class Mutant(NamedTuple):
    """story: the seed and what was done to it."""

    story: str
    data: bytes


def mutant(number: int) -> Mutant:
    """The mutant of a number."""
    random = Random(number)  # noqa: S311 (nothing secret)
    name = random.choice(list(seeds()))
    if random.random() < 0.45:
        data, story = seeds()[name], []
    else:
        data, story = _rebuilt(name, random)
    for change in random.choices(BYTES, k=random.choice((1, 1, 1, 2, 4)) if not story else random.random() < 0.15):
        data = change(data, random)
        story.append(change.__name__.strip("_"))
    return Mutant(f"{name}: {', '.join(story)}", data)


@cache
def _elements(name: str) -> tuple[list[Element], list[Element]]:
    """Of a seed; those in another encoding share the elements of the plain one."""
    return split(seeds()[name if name not in ("implicit", "big_endian", "deflated") else "plain"])


def _rebuilt(name: str, random: Random) -> tuple[bytes, list[str]]:
    """A seed with elements changed, written in its own encoding, now and then in another than it says."""
    meta, body = (list(elements) for elements in _elements(name))
    changes = random.choices(ELEMENTS, k=random.choice((1, 1, 1, 2, 3)))
    for change in changes:
        change(meta if random.random() < 0.06 else body, random)
    story = [change.__name__.strip("_") for change in changes]
    syntax = {"implicit": "1.2.840.10008.1.2", "big_endian": "1.2.840.10008.1.2.2",
              "deflated": str(DeflatedExplicitVRLittleEndian)}.get(name)
    if random.random() < 0.05:
        syntax = random.choice([str(uid) for uid in AllTransferSyntaxes] + ["", "1.2.3", "9" * 64, "\xff"])
        story.append(f"syntax {syntax[:24]}")
    if syntax is not None:
        meta = [one.with_value(syntax.encode("latin-1")) if one.tag == SYNTAX else one for one in meta]
    data = joined(body, implicit=name == "implicit", big=name == "big_endian")
    if name == "deflated":
        bomb = random.random() < 0.05
        data = bombs.deflated(data, random.choice((1, 300, 3000))) if bomb else zlib.compress(data, wbits=-15)
        story += ["deflate bomb"] * bomb
    return b"\0" * 128 + b"DICM" + joined(meta) + data, story


def _some(elements: list[Element], random: Random) -> int:
    """The place of an element, more often than not one that an image needs."""
    needed = [i for i, one in enumerate(elements) if one.tag in ABSURD or one.tag >> 16 in (0x28, 0x20, 0x7FE0)]
    return random.choice(needed if needed and random.random() < 0.7 else range(len(elements))) if elements else -1


def _removed(elements: list[Element], random: Random) -> None:
    if elements:
        elements.pop(_some(elements, random))


def _duplicated(elements: list[Element], random: Random) -> None:
    if elements:
        elements.insert(random.randrange(len(elements) + 1), elements[_some(elements, random)])


def _emptied(elements: list[Element], random: Random) -> None:
    if elements:
        elements[i] = elements[i := _some(elements, random)].with_value(b"")


def _absurd(elements: list[Element], random: Random) -> None:
    if elements:
        one = elements[i := _some(elements, random)]
        values = ABSURD.get(one.tag) or (*(number.encode("latin-1") for number in NUMBERS), *WORDS)
        elements[i] = one.with_value(random.choice(values))


def _added(elements: list[Element], random: Random) -> None:
    """An element that was not there, in its place, with any value."""
    tag, vr = random.choice(list(PLAIN.items()))
    value = random.choice(WORDS if vr == "US" else ABSURD.get(tag) or [text.encode("latin-1") for text in NUMBERS])
    elements[:] = sorted([*(one for one in elements if one.tag != tag), Element(tag, vr, b"").with_value(value)],
                         key=lambda one: one.tag)


def _other_vr(elements: list[Element], random: Random) -> None:
    if elements:
        one = elements[i := _some(elements, random)]
        vr = random.choice((*SHORT, *sorted(LONG), "??", "\0\0"))
        value = random.choice((one.value, one.value, b"99999999999 ", b"-7", b"1e400 ", struct.pack("<d", 1e300),
                               struct.pack("<f", -3.7), struct.pack("<l", -5)))
        elements[i] = Element(one.tag, vr, value)


def _wrong_length(elements: list[Element], random: Random) -> None:
    if elements:
        one = elements[i := _some(elements, random)]
        length = random.choice((0, 1, len(one.value) + 1, len(one.value) + 2, len(one.value) - 2, 0xFFFF, 0x7FFFFFFF,
                                0xFFFFFFFE, UNDEFINED, random.getrandbits(32)))
        elements[i] = Element(one.tag, random.choice((one.vr, one.vr, "UN", "OB", "SQ")), one.value, length)


def _random_value(elements: list[Element], random: Random) -> None:
    if elements:
        value = random.randbytes(random.choice((1, 2, 4, 8, 17, 300)))
        elements[i] = elements[i := _some(elements, random)].with_value(value)


def _huge_value(elements: list[Element], random: Random) -> None:
    if elements:
        text = random.choice((b"9", b"A", b"\\", b"1\\", b"\0", b"\xc3")) * random.choice((1000, 30000, 200000))
        one = elements[i := _some(elements, random)]
        elements[i] = Element(one.tag, random.choice((one.vr, "UT", "UN", "UC")), text)


def _sequence(elements: list[Element], random: Random) -> None:
    """Sequences within sequences, or thousands beside each other."""
    levels = random.choice((1, 3, 30, 300, 1000, 3000, 20000))
    undefined = random.random() < 0.6
    value = nested(levels, undefined=undefined, closed=random.random() < 0.7)
    if random.random() < 0.2:
        value = struct.pack("<HHL", 0xFFFE, 0xE000, 0) * levels
    tag = random.choice((0x00081140, 0x00091001, 0x00280009, 0x00286010, ROWS, 0x7FE00001))
    one = Element(tag, random.choice(("SQ", "SQ", "SQ", "UN")), value, UNDEFINED if undefined else None)
    elements[:] = sorted([*elements, one], key=lambda other: other.tag)


def _swapped(elements: list[Element], random: Random) -> None:
    if elements:
        i, j = _some(elements, random), _some(elements, random)
        elements[i], elements[j] = elements[j], elements[i]


def _pixel_bomb(elements: list[Element], random: Random) -> None:
    """Pixel data that claim another size than the header, which may claim the largest that the kit takes."""
    large = random.choice((1, 4096, 4097, 30000, 65535))
    for i, one in enumerate(elements):
        if one.tag == PIXELS:
            bomb = one.length is None or random.random() < 0.2
            value = bombs.rle(random.choice((1, 2, 15)), random.choice((9, 900, 200000))) if bomb else bombs.claiming(
                one.value, large, random.choice((large, 65535, 14)))
            elements[i] = Element(PIXELS, "OB", value, UNDEFINED)
        elif one.tag in (ROWS, COLUMNS) and random.random() < 0.5:
            elements[i] = one.with_value(struct.pack("<H", min(large, 65535)))


def _codestream(elements: list[Element], random: Random) -> None:
    """Bytes changed where a compressed stream says how it is to be decoded."""
    for i, one in enumerate(elements):
        if one.tag == PIXELS and one.length is not None:
            stream = bytearray(one.value)
            for _ in range(random.choice((1, 1, 2, 3))):
                place = 16 + random.randrange(100)  # behind the table of offsets and the head of the first item
                if place < len(stream):
                    stream[place] = random.choice((0, 1, 0xFF, random.randrange(256)))
            elements[i] = Element(PIXELS, one.vr, bytes(stream), one.length)


def _flipped(data: bytes, random: Random) -> bytes:
    changed = bytearray(data)
    for _ in range(random.choice((1, 1, 2, 5, 30))):
        if changed:
            changed[_somewhere(data, random)] ^= 1 << random.randrange(8)
    return bytes(changed)


def _overwritten(data: bytes, random: Random) -> bytes:
    at = _somewhere(data, random)
    new = random.choice((random.randbytes(random.choice((1, 2, 4, 16))), b"\xff" * 4, b"\0" * 4, b"\xff\xd8",
                         b"\xfe\xff\x00\xe0", b"\x7f\xff\xff\xff", b"\xfe\xff\xdd\xe0\0\0\0\0"))
    return data[:at] + new + data[at + len(new):]


def _spliced(data: bytes, random: Random) -> bytes:
    other = random.choice(list(seeds().values()))
    start, at = random.randrange(len(other)), _somewhere(data, random)
    piece = other[start:start + random.choice((1, 8, 64, 500, 5000))]
    return data[:at] + piece + data[at + random.choice((0, len(piece))):]


def _cut_out(data: bytes, random: Random) -> bytes:
    at = _somewhere(data, random)
    return data[:at] + data[at + random.choice((1, 2, 8, 100)):]


def _truncated(data: bytes, random: Random) -> bytes:
    return data[:_somewhere(data, random)]


def _preamble(data: bytes, random: Random) -> bytes:
    """Without preamble, without its word, twice, or without what follows it."""
    return random.choice((data[128:], data[START:], data[:128] + b"dicm" + data[START:],
                          data[:START] * 2 + data[START:], b"\xff" * 128 + data[128:], data[:START], b"\0" + data,
                          data[:128] + data[START:], data[:START] + data[START + 200:]))


def _somewhere(data: bytes, random: Random) -> int:
    """A place in the file: in its head, in its pixels, or anywhere."""
    size = max(len(data), 1)
    return random.choice((random.randrange(size), random.randrange(size),
                          random.randrange(max(size * 2 // 3, 1), size + 1) - 1,
                          min(START + random.randrange(240), size - 1)))


ELEMENTS: tuple[Callable[[list[Element], Random], None], ...] = (
    _removed, _duplicated, _emptied, _absurd, _absurd, _absurd, _added, _added, _other_vr, _other_vr, _wrong_length,
    _random_value, _huge_value, _sequence, _swapped, _pixel_bomb, _pixel_bomb, _codestream, _codestream)
BYTES: tuple[Callable[[bytes, Random], bytes], ...] = (
    _flipped, _flipped, _overwritten, _overwritten, _spliced, _cut_out, _truncated, _preamble)

if __name__ == "__main__":
    made = mutant(int(sys.argv[1]))
    Path(sys.argv[2]).write_bytes(made.data)
    print(made.story)
