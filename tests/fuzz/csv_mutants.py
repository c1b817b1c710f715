"""Mutants of csv files: the same number gives the same bytes."""

from collections.abc import Callable, Mapping
from random import Random

CELLS = (
    "", " ", "nan", "NaN", "NA", "inf", "-inf", "-1", "0", "-0", "1", "0.5", "1.0", "1.5", "1e3", "1e308", "1e400",
    "1e-9", "-1e-320", "9" * 19, "9223372036854775807", "18446744073709551616", "9" * 40, "9" * 400, "9" * 5000, "0x10",
    "1_000", "1,000", "True", "١٢٣", "１２", "²", " 7", "7 ", "+7", "007", "=1+1", "\u200b7", "\U0001f9b4", "é", "'",
    "\\", "\t", "Severe", "Moderate", "severe", "Normal/Mild", "L6/S1", "Axial T2", "1_spinal_canal_stenosis_l1_l2",
    "٧_spinal_canal_stenosis_l1_l2", "9" * 30 + "_spinal_canal_stenosis_l1_l2", "../..", "/etc/passwd", "x" * 300)
HUGE = 3_000_000


def csv_mutant(files: Mapping[str, bytes], number: int) -> tuple[str, str, bytes]:
    """(name of one of the files, what was done to it, its bytes)."""
    random = Random(number)  # noqa: S311 (nothing secret)
    name = random.choice(sorted(files))
    data, story = files[name], []
    for change in random.choices(CHANGES, k=random.choice((1, 1, 1, 2, 3))):
        data = change(data, random) if change is not spliced else spliced(data, random, files)
        story.append(change.__name__.strip("_"))
    return name, ", ".join(story), data


def _lines(data: bytes) -> list[list[str]]:
    return [line.split(",") for line in data.decode("utf-8", "surrogateescape").split("\n")]


def _data(lines: list[list[str]]) -> bytes:
    return "\n".join(",".join(line) for line in lines).encode("utf-8", "surrogateescape")


def encoded(data: bytes, random: Random) -> bytes:
    encoding = random.choice(("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-8-sig", "utf-7", "cp500"))
    return data.decode("utf-8", "replace").encode(encoding, "replace")


def bad_characters(data: bytes, random: Random) -> bytes:
    at = random.randrange(len(data) + 1)
    return data[:at] + random.choice((b"\xe9", b"\xff\xfe", b"\xed\xa0\x80", b"\0", b"\0" * 500, b"\x1a",
                                      b"\xef\xbb\xbf", b"\x0b", b"\xc2\x85", b"\xe2\x80\xa8")) + data[at:]


def newlines(data: bytes, random: Random) -> bytes:
    return data.replace(b"\n", random.choice((b"\r", b"\r\n", b"\n\r", b"\n\n", b"\r\r\n", b"\x0b", b"", b"\n\n\n,\n")))


def _quotes(data: bytes, random: Random) -> bytes:
    at = random.randrange(len(data) + 1)
    one = data[:at] + random.choice((b'"', b'""', b'"\n"', b'"a,b"', b'"' * 999, b'\\"')) + data[at:]
    return random.choice((one, one, one, data.replace(b",", b'","'), b'"' + data + b'"', data.replace(b",", b'",')))


def _huge_cell(data: bytes, random: Random) -> bytes:
    return _with_cell(data, random, random.choice("9xé ") * random.choice((HUGE, 70_000, 2000)), random.random() < 0.2)


def _absurd_cell(data: bytes, random: Random) -> bytes:
    return _with_cell(data, random, random.choice(CELLS), random.random() < 0.1)


def _absurd_column(data: bytes, random: Random) -> bytes:
    lines, cell = _lines(data), random.choice(CELLS)
    column = random.randrange(len(lines[0]))
    return _data(lines[:1] + [[*line[:column], cell, *line[column + 1:]] for line in lines[1:]])


def _with_cell(data: bytes, random: Random, cell: str, header: bool) -> bytes:
    lines = _lines(data)
    line = lines[0 if header else random.randrange(len(lines))]
    line[random.randrange(len(line))] = cell
    return _data(lines)


def _ragged(data: bytes, random: Random) -> bytes:
    lines, more = _lines(data), random.choice(([""], ["1"], ["1", "2"], [""] * 5000))
    some = random.choice((lines, lines[:1], lines[1:], [random.choice(lines)]))
    for line in some:
        if random.random() < 0.5:
            line.extend(more)
        elif len(line) > 1:
            line.pop(random.randrange(len(line)))
    return _data(lines)


def _longer_rows(data: bytes, random: Random) -> bytes:
    """Every row with one cell more than the header, before or behind the others."""
    lines = _lines(data)
    at_start = random.random() < 0.5
    return _data(lines[:1] + [["1", *line] if at_start else [*line, "1"] for line in lines[1:] if line != [""]])


def _columns(data: bytes, random: Random) -> bytes:
    """A column twice, removed, moved, or thousands more."""
    lines = _lines(data)
    one, other = (random.randrange(len(lines[0])) for _ in range(2))
    how = random.randrange(4)
    for line in lines:
        if max(one, other) < len(line):
            if how == 0:
                line.append(line[one])
            elif how == 1:
                line.pop(one)
            elif how == 2:
                line[one], line[other] = line[other], line[one]
            else:
                line.extend(["7"] * 3000)
    return _data(lines)


def _rows(data: bytes, random: Random) -> bytes:
    """Rows twice, removed, shuffled, or header again."""
    head, *rows = data.split(b"\n")
    how = random.randrange(5)
    if how == 0 and rows:
        rows.append(random.choice(rows))
    elif how == 1 and rows:
        rows.remove(random.choice(rows))
    elif how == 2:
        random.shuffle(rows)
    elif how == 3:
        rows.insert(random.randrange(len(rows) + 1), head)
    else:
        rows = rows * random.choice((2, 50))
    return b"\n".join([head, *rows])


def _replaced(data: bytes, random: Random) -> bytes:
    """All of it by little."""
    head = data.split(b"\n")[0]
    return random.choice((b"", b"\n", b"\xef\xbb\xbf", head, head + b"\n", b" ", b",", b"\0", b"\r", b'"',
                          b"," * 100_000, head * 50, data[len(head):], data.replace(b",", b";"),
                          data.replace(b",", b"\t"), random.randbytes(500)))


def flipped(data: bytes, random: Random) -> bytes:
    changed = bytearray(data)
    for _ in range(random.choice((1, 2, 10)) if data else 0):
        changed[random.randrange(len(data))] ^= 1 << random.randrange(8)
    return bytes(changed)


def truncated(data: bytes, random: Random) -> bytes:
    return data[:random.randrange(len(data) + 1)]


def spliced(data: bytes, random: Random, files: Mapping[str, bytes]) -> bytes:
    other, at = files[random.choice(sorted(files))], random.randrange(len(data) + 1)
    start = random.randrange(len(other))
    return data[:at] + other[start:start + random.choice((5, 50, 500))] + data[at:]


CHANGES: tuple[Callable, ...] = (
    encoded, bad_characters, newlines, _quotes, _quotes, _huge_cell, _absurd_cell, _absurd_cell, _absurd_cell,
    _absurd_column, _ragged, _longer_rows, _columns, _rows, _replaced, flipped, truncated, spliced)
