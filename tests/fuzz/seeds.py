"""Small real DICOM files of the phantom's writer in every transfer syntax that something here can write."""

import io
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import gdcm
import numpy as np
import pydicom
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEGBaseline8Bit,
    JPEGLSLossless,
)

from lsdc.dicom.plane import SlicePlane
from lsdc.phantom.canvas import Contrast
from lsdc.phantom.dicomfile import SeriesTags, series_dataset, slice_dataset
from lsdc.phantom.encode import compress
from lsdc.phantom.spoil import spoil_dataset

SIZE_HW = (20, 14)
PLANE = SlicePlane(np.array([4.0, -60.0, 40.0]), np.array([0, 0.7, 0]), np.array([0, 0, -0.7]), SIZE_HW)
STEP_MM = np.array([4.0, 0, 0])
TAGS = SeriesTags(7, 71, 1, "SAG T2", Contrast.T2, "Acme One", 1.5, 4.0, 4.4, "LSPINE", frozenset())


def slice_of(place: int, *quirks: str) -> Dataset:
    """A slice of a sagittal stack as the phantom makes it, at a place in it, with quirks of `lsdc.phantom.spoil`."""
    pixels = np.random.default_rng(place).integers(0, 4096, SIZE_HW).astype(np.uint16)
    data = slice_dataset(str(place), pixels, PLANE.moved(place * STEP_MM), place + 1, series_dataset(TAGS))
    spoil_dataset(data, pixels, frozenset(quirks))
    return data


def file_bytes(data: Dataset, **options: bool) -> bytes:
    file = io.BytesIO()
    pydicom.dcmwrite(file, data, enforce_file_format=True, **options)
    return file.getvalue()


@cache
def seeds() -> dict[str, bytes]:
    """The files, by what is special about each; "plain" is Explicit VR Little Endian."""
    made: dict[str, Callable[[], bytes]] = {
        "plain": lambda: file_bytes(slice_of(0)),
        "implicit": lambda: _in_syntax(ImplicitVRLittleEndian, implicit_vr=True, little_endian=True),
        "big_endian": lambda: _in_syntax(ExplicitVRBigEndian, implicit_vr=False, little_endian=False),
        "deflated": lambda: _in_syntax(DeflatedExplicitVRLittleEndian),
        "jpeg_ls": _jpeg_ls,
        "jpeg_baseline": _jpeg_baseline,
        **{name: (lambda name=name: file_bytes(slice_of(0, name))) for name in (
            "monochrome1", "eight_bit", "signed", "rescaled", "rle", "jpeg_lossless", "jpeg_2000")},
        "signed_rle": lambda: _compressed("rle", "signed"),
        "eight_bit_jpeg_2000": lambda: _compressed("jpeg_2000", "eight_bit"),
        "frames": lambda: _frames(),
    }
    return {name: make() for name, make in made.items()}


def _in_syntax(syntax: str, **options: bool) -> bytes:
    data = slice_of(0)
    if syntax == ExplicitVRBigEndian:
        data.PixelData = np.frombuffer(data.PixelData, "<u2").astype(">u2").tobytes()
    data.file_meta.TransferSyntaxUID = syntax
    return file_bytes(data, **options)


def _compressed(syntax: str, quirk: str) -> bytes:
    data = slice_of(0, quirk)
    compress(data, syntax)
    return file_bytes(data)


def _frames() -> bytes:
    data = slice_of(0)
    data.NumberOfFrames, data.PixelData = 3, data.PixelData * 3
    return file_bytes(data)


def _jpeg_baseline() -> bytes:
    data, stream = slice_of(0, "eight_bit"), io.BytesIO()
    values = np.frombuffer(data.PixelData, np.uint8, count=int(np.prod(SIZE_HW))).reshape(SIZE_HW)
    Image.fromarray(values).save(stream, format="JPEG")
    data.PixelData = encapsulate([stream.getvalue()])
    data["PixelData"].is_undefined_length = True
    data.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    return file_bytes(data)


def _jpeg_ls() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        before, after = Path(folder) / "plain.dcm", Path(folder) / "packed.dcm"
        before.write_bytes(file_bytes(slice_of(0)))
        reader, change, writer = gdcm.ImageReader(), gdcm.ImageChangeTransferSyntax(), gdcm.ImageWriter()
        reader.SetFileName(str(before))
        assert reader.Read()
        change.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.GetTSType(str(JPEGLSLossless))))
        change.SetInput(reader.GetImage())
        assert change.Change()
        writer.SetFileName(str(after))
        writer.SetFile(reader.GetFile())
        writer.SetImage(change.GetOutput())
        assert writer.Write()
        return after.read_bytes()
