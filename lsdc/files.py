"""Files written aside and renamed, so that what has its final name is whole."""

import errno
import glob
import hashlib
import json
import logging
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from lsdc.errors import BusyError, FullDiskError, StorageError

log = logging.getLogger(__name__)

ASIDE = ".aside"  # how folders end in which files are written before they are renamed
LONGEST_NAME = 255  # bytes of a file's or folder's name, on Linux
MOST_JSON = 2**27  # bytes, far beyond any of ours
PROBE = 2**20  # bytes that a disk takes which is not full
BEFORE = "before-"  # how names begin there of folders that make room
ELSEWHERE = "choose another: LSDC_RUNS, LSDC_CACHE (make RUNS=... CACHE=...), or --out where there is one"


@contextmanager
def written_aside(path: Path) -> Iterator[Path]:
    """Yield a sibling path to write (file or folder); rename it to `path` when the block ends well.

    The sibling is removed when the block fails. A full disk, a read-only folder, a missing permission, or a place where
    no file or folder can be (in a file, a device) becomes a StorageError that names the path.
    """
    path = Path(path)
    scratch = None
    try:
        scratch = _made_beside(path)
        aside = scratch / path.name
        yield aside
        _put_in_place(aside, path)
    except OSError as error:
        if (said := explained(error, path)) is not None:
            raise said from error
        raise
    finally:
        if scratch is not None:
            shutil.rmtree(scratch, ignore_errors=True)


def _put_in_place(aside: Path, path: Path) -> None:
    """Rename; a folder takes the place of one that is there, which is whole until then."""
    if aside.is_dir() and path.is_dir():
        before = aside.with_name(f"{BEFORE}{path.name}")
        os.replace(path, before)
        try:
            os.replace(aside, path)
        except BaseException:
            os.replace(before, path)
            raise
    else:
        os.replace(aside, path)


@contextmanager
def locked(folder: Path, *, busy: str | None = None) -> Iterator[None]:
    """Hold a folder, made if it is not there, for this process alone, until the block or the process ends.

    What killed writers left in it is removed. Another process waits, or, where `busy` says what it met, gets a
    BusyError. StorageError as `written_aside`.
    """
    folder = Path(folder)
    with _held(folder / ".lock", folder, busy):
        remove_asides(folder)
        yield


@contextmanager
def alone(path: Path, *, busy: str | None = None) -> Iterator[None]:
    """`locked` for the place of a file or folder that is to be written, by a file beside it that goes at the end."""
    path = Path(path)
    lock = path.with_name(f".{path.name}.lock")
    with _held(lock, path, busy):
        remove_asides(path.parent, path.name)
        try:
            yield
        finally:
            lock.unlink(missing_ok=True)  # still held: who waits for it looks for the file anew


@contextmanager
def _held(lock: Path, where: Path, busy: str | None) -> Iterator[None]:
    held = FileLock(lock)
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        try:
            held.acquire(blocking=False)
        except Timeout as error:
            if busy is not None:
                raise BusyError(busy, where=where, remedy="wait until it has ended, or stop it; then run this again"
                                ) from error
            log.info("waiting until another process has ended its work in %s", where)
            held.acquire()
    except OSError as error:
        raise unwritable(error, where) from error
    try:
        yield
    finally:
        held.release()


def remove_asides(folder: Path, name: str = "*") -> None:
    """Remove what killed writers left beside a folder's files, or beside one: for who holds it alone."""
    for scratch in Path(folder).glob(f".{name if name == '*' else glob.escape(name)}.*{ASIDE}"):
        with suppress(OSError):  # what cannot be put back stays where it is
            for before in scratch.glob(f"{BEFORE}*"):  # of a folder that was to be replaced: the new one never came
                if not os.path.lexists(place := scratch.with_name(before.name.removeprefix(BEFORE))):
                    os.replace(before, place)
            shutil.rmtree(scratch, ignore_errors=True)


def _made_beside(path: Path) -> Path:
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise StorageError("this place cannot be written", where=path, got="neither a file nor a folder",
                           remedy=ELSEWHERE)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=ASIDE, dir=path.parent))
    except OSError as error:
        raise unwritable(error, path) from error


def unwritable(error: OSError, path: Path) -> StorageError:
    """Why nothing can be written at a path, in our words, whatever the error."""
    return explained(error, path) or _no_place(error, path)


def _no_place(error: OSError, path: Path) -> StorageError:
    return StorageError("this place cannot be written", where=path, got=error.strerror, remedy=ELSEWHERE)


def explained(error: OSError, path: Path) -> StorageError | None:
    """A full disk, a read-only folder or a missing permission in our words; None for any other error."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT) or _cut_short(error):
        return FullDiskError("the disk is full", where=path, remedy="free some space and run again")
    if error.errno in (errno.EACCES, errno.EROFS, errno.EPERM, errno.EIO):
        return _no_place(error, path)
    return None


def is_full(folder: Path) -> bool:
    """Whether the disk that holds a folder takes no more: found by writing there."""
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(PROBE))
            file.flush()
    except OSError as error:
        return isinstance(explained(error, folder), FullDiskError)
    return False


def _cut_short(error: OSError) -> bool:
    """Whether numpy says so of a full disk: without an errno."""
    return error.errno is None and "requested and" in str(error)


def need_file(path: Path, most: int | None = None) -> None:
    """ValueError for a pipe or a device, which could be read without an end, and for a file of more than `most` bytes;
    nothing for what is not there.
    """
    if path.exists() and not path.is_file():
        raise ValueError("it is a folder" if path.is_dir() else "it is no file, but a pipe or a device")
    if most is not None and path.is_file() and (size := path.stat().st_size) > most:
        raise ValueError(f"it has {size} bytes, of at most {most}")


def write_text(path: Path, text: str) -> None:
    with written_aside(path) as aside:
        aside.write_text(text, encoding="utf-8")


def write_json(path: Path, value: object) -> None:
    write_text(path, json.dumps(value, indent=1, sort_keys=True, default=str) + "\n")


def read_json(path: Path) -> dict:
    """A json file whose top is an object, as all of ours are; StorageError for anything else."""
    try:
        need_file(Path(path), MOST_JSON)
        told = json.loads(Path(path).read_text(encoding="utf-8"))
        if not isinstance(told, dict):
            raise ValueError(f"an object was wanted, this is of type {type(told).__name__}")
        return told
    except (OSError, ValueError, RecursionError) as error:
        raise StorageError("this file cannot be read as json", where=path, got=error,
                           remedy="remove it and run the stage that writes it again") from error


MOVE = "free some space, or move the folders with LSDC_RUNS, LSDC_CACHE (make RUNS=... CACHE=...)"


def need_space(folder: Path, gigabytes: float, what: str, remedy: str = MOVE) -> None:
    """StorageError unless the disk that will hold `folder` has this much room."""
    place = Path(folder).absolute()
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free / 1e9
    if free < gigabytes:
        raise StorageError(f"not enough free disk for {what}", wanted=f"{gigabytes:.1f} GB", got=f"{free:.1f} GB",
                           where=place, remedy=remedy)


def files_in(folder: Path) -> list[list]:
    """Name, size and time (ns) of everything in a folder, in order; [] where it is not there or cannot be read.

    What vanishes while it is looked at is left out.
    """
    facts = []
    with suppress(OSError), os.scandir(folder) as there:
        for one in there:
            with suppress(OSError):
                status = one.stat()
                facts.append([one.name, status.st_size, status.st_mtime_ns])
    return sorted(facts)


def is_plain_name(name: object) -> bool:
    """Whether it can name a file or folder and leads nowhere else."""
    return (isinstance(name, str) and name not in ("", ".", "..") and not set("/\\\0") & set(name)
            and len(name.encode("utf-8", "surrogatepass")) <= LONGEST_NAME)


def content_hash(value: object) -> str:
    """sha256 of plain values (what json can hold), in hex; the order of keys does not matter."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def file_hash(path: Path) -> str:
    """sha256 of a file's bytes, in hex; OSError for what is no file."""
    if not Path(path).is_file():
        raise FileNotFoundError(errno.ENOENT, "no such file", str(path))
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
