"""A DICOM file parsed within bounds: whatever its bytes promise, it gets no more memory than a slice can need."""

import io
import os
import zlib
from pathlib import Path

import pydicom
from pydicom.dataset import Dataset

from lsdc.errors import DicomError

MAX_BYTES = 2**27  # 4096 x 4096 pixels of 64 bits; what one file may give to parse, unpacked
MAX_READS = 100_000  # of one file: each element and each item of a sequence is one or more
STEP_BYTES = 2**24  # read or unpacked at once
_read = io.BufferedReader.read


class BoundedFile(io.BufferedReader):
    """A file for pydicom to read from; DicomError where more than MAX_BYTES are asked for, or in more than MAX_READS.

    A read never makes room for more than there is: lengths in a damaged file are up to 4 GB, and Python would. pydicom
    asks for all the rest of a file only to unpack it (Deflated Explicit VR Little Endian), so what the rest unpacks
    to is bounded too.
    """

    def __init__(self, path: Path):
        super().__init__(io.FileIO(path))
        self.path, self.taken, self.reads, self.refused = path, 0, 0, None
        self.size = os.fstat(self.fileno()).st_size
        self.uncounted = STEP_BYTES if self.size <= MAX_BYTES else -1  # the largest read that needs no look

    def read(self, size: int = -1) -> bytes:
        self.reads += 1
        if self.reads > MAX_READS:
            self.refused = DicomError("more elements than one slice can have", where=self.path,
                                      wanted=f"at most {MAX_READS} reads of its file")
            raise self.refused
        if 0 <= size <= self.uncounted:
            return _read(self, size)
        there = max(self.size - self.tell(), 0)
        self.taken += there if size < 0 else min(size, there)
        if self.taken > MAX_BYTES:
            raise DicomError("more bytes than one slice can have", wanted=f"at most {MAX_BYTES}", where=self.path)
        data = _read(self, there if size < 0 else min(size, there))
        if size < 0 and _unpacks_beyond(data):
            raise DicomError("a packed file that unpacks to more bytes than one slice can have",
                             wanted=f"at most {MAX_BYTES}", where=self.path)
        return data


def parse(file: BoundedFile, *, pixels: bool, only: list[str] | None = None) -> Dataset:
    """What `pydicom.dcmread` gives, or raises; only: keywords of the elements that are wanted.

    The file then stands behind what was read. DicomError where it is too large.
    """
    try:
        return pydicom.dcmread(file, stop_before_pixels=not pixels, specific_tags=only)
    except Exception as error:
        if file.refused is not None:  # within a sequence pydicom makes another error of it
            raise file.refused from error
        raise


def _unpacks_beyond(data: bytes) -> bool:
    unpacker, total = zlib.decompressobj(-zlib.MAX_WBITS), 0
    try:
        while data and total <= MAX_BYTES:
            total += len(unpacker.decompress(data, STEP_BYTES))
            data = unpacker.unconsumed_tail
    except zlib.error:  # pydicom says so of it, if it unpacks it at all
        return False
    return total > MAX_BYTES
