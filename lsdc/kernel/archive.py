"""The archive of a wheel, looked at before anything of it is read or handed to pip; nothing is ever unpacked here."""

import re
import stat
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lsdc.errors import DataError
from lsdc.tables import examples

MOST_FILES, MOST_BYTES = 50_000, 2**31  # of a wheel, unpacked: torch has 15,000 files, and is never shipped
MOST_TEXT = 2**24  # bytes of a member that is read
DRIVE = re.compile(r"[A-Za-z]:")
ENCRYPTED = 0x1


def names_in(wheel: Path) -> list[str]:
    """The members of a wheel; DataError when it cannot be read, or unpacking it would lead out of its folder, replace
    one member by another, or fill the disk."""
    with _opened(wheel) as archive:
        return archive.namelist()


def texts_in(wheel: Path, ending: str) -> dict[str, str]:
    """By name the members of a wheel that end so, in order, as text; DataError as `names_in`, and where one is none."""
    with _opened(wheel) as archive:
        members = [one for one in archive.infolist() if one.filename.endswith(ending)]
        if large := [one.filename for one in members if one.file_size > MOST_TEXT]:
            raise _refused(wheel, [f"texts of more than {MOST_TEXT} bytes: {examples(large)}"])
        members.sort(key=lambda one: one.filename)
        return {one.filename: archive.read(one).decode("utf-8") for one in members}


@contextmanager
def _opened(wheel: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(wheel) as archive:
            if faults := _faults(archive.infolist()):
                raise _refused(wheel, faults)
            yield archive
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, UnicodeDecodeError) as error:
        raise DataError("this wheel cannot be read", got=error, where=wheel, remedy="download it again") from error


def _faults(members: list[zipfile.ZipInfo]) -> list[str]:
    names = [one.orig_filename for one in members]  # zipfile cuts the other at a NUL
    counts = Counter(map(str.casefold, names))
    told = {
        "names that lead out of it": [repr(name) for name in names if _leads_out(name)],
        "links": [one.filename for one in members if stat.S_ISLNK(one.external_attr >> 16)],
        "several members of one name, capital letters left aside": [
            name for name in names if counts[name.casefold()] > 1],
        "members that are locked with a password": [one.filename for one in members if one.flag_bits & ENCRYPTED],
    }
    faults = [f"{what}: {examples(found)}" for what, found in told.items() if found]
    if len(members) > MOST_FILES:
        faults.append(f"{len(members)} members, at most {MOST_FILES}")
    if (size := sum(one.file_size for one in members)) > MOST_BYTES:
        faults.append(f"{size} bytes when unpacked, at most {MOST_BYTES}")
    return faults


def _leads_out(name: str) -> bool:
    parts = name.removesuffix("/").split("/")
    return "\\" in name or "\0" in name or bool(DRIVE.match(name)) or any(part in ("", ".", "..") for part in parts)


def _refused(wheel: Path, faults: list[str]) -> DataError:
    return DataError("a wheel that cannot be unpacked safely", got="\n          ".join(faults), where=wheel,
                     remedy="leave it out, or take it from a source that you trust")
