"""A DICOM file parsed within bounds: whatever its bytes promise, it gets no more memory than a slice can need."""

import io
import os
import stat
import struct
import zlib
from pathlib import Path
from typing import NoReturn

import pydicom
from pydicom.dataset import Dataset
from pydicom.valuerep import EXPLICIT_VR_LENGTH_32

from lsdc.errors import DicomError

MAX_BYTES = 2**27  # 4096 x 4096 pixels of 64 bits; what one file may give to parse, unpacked
MAX_READS = 100_000  # of one file: each element and each item of a sequence is one or more
STEP_BYTES = 2**24  # read or unpacked at once
UNDEFINED = 0xFFFFFFFF  # as a length
_LONG = {vr.encode() for vr in EXPLICIT_VR_LENGTH_32}  # their elements have 4 bytes of length
_read = io.BufferedReader.read


class BoundedFile(io.BufferedReader):
    """A file for pydicom to read from; DicomError where more than MAX_BYTES are asked for, or in more than MAX_READS.

    A read never makes room for more than there is: lengths in a damaged file are up to 4 GB, and Python would. pydicom
    asks for all the rest of a file only to unpack it (Deflated Explicit VR Little Endian), so what the rest unpacks
    to is bounded too.
    """

    def __init__(self, path: Path):
        if not stat.S_ISREG(os.stat(path).st_mode):  # a pipe would be waited for
            raise DicomError("not a DICOM file", where=path)
        super().__init__(io.FileIO(path))
        self.path, self.taken, self.reads, self.refused = path, 0, 0, None
        self.size = os.fstat(self.fileno()).st_size
        self.uncounted = STEP_BYTES if self.size <= MAX_BYTES else -1  # the largest read that needs no look

    def read(self, size: int = -1) -> bytes:
        self.reads += 1
        if self.reads > MAX_READS:
            self._refuse("more elements than one slice can have", f"at most {MAX_READS} reads of its file")
        if 0 <= size <= self.uncounted:
            return _read(self, size)
        there = max(self.size - self.tell(), 0)
        self.taken += there if size < 0 else min(size, there)
        if self.taken > MAX_BYTES:
            self._refuse("more bytes than one slice can have", f"at most {MAX_BYTES}")
        data = _read(self, there if size < 0 else min(size, there))
        if size < 0:
            unpacked = _unpacked(data)
            if len(unpacked) > MAX_BYTES:
                self._refuse("a packed file that unpacks to more bytes than one slice can have", f"at most {MAX_BYTES}")
            if _has_elements(unpacked, MAX_READS):
                self._refuse("more elements than one slice can have", f"at most {MAX_READS} in what it unpacks to")
        return data

    def _refuse(self, problem: str, wanted: str) -> NoReturn:
        self.refused = problem, wanted  # not the error, which by its traceback would hold this file and what it read
        raise DicomError(problem, wanted=wanted, where=self.path)


def parse(file: BoundedFile, *, pixels: bool, only: list[str] | None = None) -> Dataset:
    """What `pydicom.dcmread` gives, or raises; only: keywords of the elements that are wanted.

    The file then stands behind what was read. DicomError where it is too large.
    """
    try:
        return pydicom.dcmread(file, stop_before_pixels=not pixels, specific_tags=only)
    except Exception:
        if file.refused is None:
            raise
        problem, wanted = file.refused  # within a sequence pydicom makes another error of it
    raise DicomError(problem, wanted=wanted, where=file.path)


def _unpacked(data: bytes) -> bytes:
    """What raw deflate unpacks to, up to a step beyond MAX_BYTES; nothing where it is none, of which pydicom speaks."""
    unpacker, parts, total = zlib.decompressobj(-zlib.MAX_WBITS), [], 0
    try:
        while data and total <= MAX_BYTES:
            parts.append(unpacker.decompress(data, STEP_BYTES))
            total += len(parts[-1])
            data = unpacker.unconsumed_tail
    except zlib.error:
        return b""
    return b"".join(parts)


def _has_elements(data: bytes, many: int) -> bool:
    """Whether Explicit VR Little Endian (PS3.5 7.1.2) has so many elements and items, those of sequences among them."""
    place, found = 0, 0
    while place + 12 <= len(data) and found < many:
        found += 1
        kind = data[place + 4:place + 6]
        if data[place:place + 2] == b"\xfe\xff" or kind == b"SQ":  # what is in an item or a sequence is next
            place += 12 if kind == b"SQ" else 8
        elif kind in _LONG:
            length, = struct.unpack_from("<L", data, place + 8)
            place += 12 + (0 if length == UNDEFINED else length)
        else:
            place += 8 + struct.unpack_from("<H", data, place + 6)[0]
    return found >= many
