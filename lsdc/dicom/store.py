"""Decoded series kept on disk, so that a series is decoded once: 16-bit stored values in one mapped file each.

An entry `<key>.safetensors` has a tensor for each slice, and in its header what a `Series` needs besides. The key is
of the folder's path and of name, size and times of its files, so that a changed file is another key; entries that
nobody asks for any more leave when room is needed. Entries are written aside and renamed: several processes may
share a store, and each may be killed at any moment.
"""

import json
import logging
import os
import shutil
import time
import zlib
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

import numpy as np
from filelock import FileLock, Timeout
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from lsdc.dicom.header import SliceHeader
from lsdc.dicom.plane import SlicePlane
from lsdc.dicom.series import Series, StoredSlice, read_slices, series_of, unreadable_folder
from lsdc.errors import BusyError, StorageError
from lsdc.files import alone, content_hash, written_aside

VERSION = 1  # raised when the same files give another series
KEPT = 0.9  # share of the bound that is left when entries leave
LOOKS = 50  # a process looks at the whole store each time it has written this part of the bound
SPARE_BYTES = 2 * 10**9  # of the disk that are left to others
WAIT_S = 5.0  # for another process that makes room
ABANDONED_S = 3600.0  # after which what a killed process left of an entry that nobody writes again is removed
_SIXTEEN_BITS = ("uint8", "int8", "uint16", "int16")

log = logging.getLogger(__name__)


class SeriesStore:
    """Reads series as `read_series` does, from its entries where it has them; slices in the same values and order.

    gigabytes: what the entries may take; with several writing processes it may be exceeded by a fiftieth for each.
    What cannot be written (a full disk, a read-only folder) is told once and costs nothing else. A series with a file
    that could not be read is not kept: the reason may pass. Nor is one that is larger than the whole store.
    """

    def __init__(self, root: Path, gigabytes: float):
        self.root, self.bound, self.keeps = Path(root), int(gigabytes * 1e9), True
        self.patience_s = WAIT_S
        self.unseen: int | None = None  # bytes written since this process looked at the whole store

    def read(self, folder: Path) -> Series:
        """The series of a folder; DicomError when it is missing or nothing in it can be read."""
        folder = Path(folder)
        try:
            entry = self._entry(folder)
        except OSError as error:
            raise unreadable_folder(error, folder) from error
        if (kept := _load(entry, folder)) is not None:
            return series_of(*kept)
        slices, faults, lost = read_slices(folder)
        if self.keeps and not lost and all(str(one.stored.dtype) in _SIXTEEN_BITS for one in slices):
            self._keep(entry, slices, faults)
        return series_of(slices, faults, lost)

    def _entry(self, folder: Path) -> Path:
        with os.scandir(folder) as there:
            facts = []
            for one in (one for one in there if not one.name.startswith(".")):
                with suppress(FileNotFoundError):  # it vanished; what is left can still be read
                    status = one.stat()
                    facts.append((one.name, status.st_size, status.st_mtime_ns, status.st_ctime_ns))
        key = content_hash([VERSION, str(folder.resolve()), sorted(facts)])
        return self.root / key[:2] / f"{key}.safetensors"

    def _keep(self, entry: Path, slices: Sequence[StoredSlice], faults: Sequence[str]) -> None:
        size = sum(one.stored.nbytes for one in slices)
        if size > self.bound:
            return
        try:
            self._make_room(size)
            if shutil.disk_usage(self.root).free < size + SPARE_BYTES:
                raise StorageError("the disk is nearly full", where=self.root)
            with alone(entry, busy="another process keeps this series"), written_aside(entry) as aside:
                _save(aside, slices, faults)
        except BusyError:
            pass
        except (OSError, StorageError, SafetensorError) as error:  # the last says so of a full disk
            self.keeps = False
            log.warning("decoded series are not kept: %s (%s)", getattr(error, "problem", error), self.root)
        else:
            self.unseen += size

    def _make_room(self, size: int) -> None:
        if self.unseen is not None and self.unseen + size <= self.bound / LOOKS:
            return
        self.root.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(self.root / ".lock").acquire(timeout=self.patience_s):
                _evict(self.root, self.bound - size)
            self.unseen, self.patience_s = 0, WAIT_S
        except Timeout:  # another makes room, perhaps without having seen what is written now: the next time, then
            self.unseen, self.patience_s = self.bound, 0.0


def _evict(root: Path, bound: int) -> None:
    """Remove the entries that were not asked for the longest, if all together take more than `bound` bytes."""
    entries, total, now = [], 0, time.time()
    for shelf in root.glob("??"):
        for path in shelf.iterdir():
            with suppress(FileNotFoundError):
                status = path.stat()
                if path.name.startswith("."):  # of somebody who writes
                    if now - status.st_mtime > ABANDONED_S:
                        shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink()
                    continue
                entries.append((status.st_mtime_ns, status.st_size, path))
                total += status.st_size
    if total <= bound:
        return
    for _, size, path in sorted(entries):
        path.unlink(missing_ok=True)  # a process that has it mapped still reads it
        total -= size
        if total <= bound * KEPT:
            return


def _save(path: Path, slices: Sequence[StoredSlice], faults: Sequence[str]) -> None:
    headers = [{**asdict(one.header), "path": one.header.path.name, "plane": {
        name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in
        asdict(one.header.plane).items()}} for one in slices]
    arrays = {str(number): np.ascontiguousarray(one.stored) for number, one in enumerate(slices)}
    told = json.dumps({"headers": headers, "faults": list(faults)})
    # not save_file, which lets nobody else read what it writes
    path.write_bytes(save(arrays, metadata={"told": told, "checksum": _checksum(told, arrays.values())}))


def _load(entry: Path, folder: Path) -> tuple[list[StoredSlice], list[str]] | None:
    """The slices and faults of an entry; None where it is absent, or damaged: then it is removed."""
    try:
        with entry.open("rb"), suppress(OSError):  # another user's, or on a disk that is only read
            os.utime(entry)  # it was asked for
    except OSError:  # it is not there, or cannot be read now
        return None
    try:
        with safe_open(entry, framework="numpy") as file:
            said = file.metadata()
            told = json.loads(said["told"])
            arrays = [file.get_tensor(str(number)) for number in range(len(told["headers"]))]
        if _checksum(said["told"], arrays) != said["checksum"]:
            raise ValueError("it does not fit its checksum")
        headers = [_header(one, folder) for one in told["headers"]]
        return list(map(StoredSlice, headers, arrays)), told["faults"]
    except FileNotFoundError:  # it left meanwhile
        return None
    except (SafetensorError, OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        log.info("%s is damaged and made anew: %s", entry.name, error)
        with suppress(OSError):
            entry.unlink()
        return None


def _header(told: dict, folder: Path) -> SliceHeader:
    plane = told["plane"]
    vectors = {name: np.array(plane[name]) for name in ("origin_mm", "step_x_mm", "step_y_mm")}
    return SliceHeader(**{**told, "path": folder / Path(told["path"]).name,
                          "plane": SlicePlane(**vectors, size_hw=tuple(plane["size_hw"]))})


def _checksum(told: str, arrays: Iterable[np.ndarray]) -> str:
    value = zlib.crc32(told.encode())
    for array in arrays:
        value = zlib.crc32(array, value)
    return str(value)
