"""Compressed files decode to the values that went in: by the kit, by SimpleITK, by dcmtk."""

import numpy as np
import pydicom
import pytest
import SimpleITK

from lsdc.dicom import read_series
from lsdc.phantom.encode import compress
from tests.builders import write_slice
from tests.debian import needs, output_of

SYNTAXES = {"jpeg_lossless": "1.2.840.10008.1.2.4.70", "jpeg_2000": "1.2.840.10008.1.2.4.90",
            "rle": "1.2.840.10008.1.2.5"}
RANDOM = np.random.default_rng(5)
SMOOTH = (900 + 800 * np.sin(np.arange(61)[:, None] / 9) * np.cos(np.arange(47) / 7)).round()
IMAGES = {  # image, BitsStored
    "smooth 12 bits": (SMOOTH.astype(np.uint16), 12),
    "noise 12 bits": (RANDOM.integers(0, 4096, (33, 20)).astype(np.uint16), 12),
    "noise 16 bits": (RANDOM.integers(0, 65536, (20, 33)).astype(np.uint16), 16),
    "signed 12 bits": (RANDOM.integers(-2048, 2048, (20, 31)).astype(np.int16), 12),
    "signed 16 bits": (RANDOM.integers(-32768, 32768, (20, 33)).astype(np.int16), 16),
    "8 bits, odd length": (RANDOM.integers(0, 256, (21, 33)).astype(np.uint8), 8),
    "constant": (np.full((16, 16), 7, np.uint16), 12),
    "largest steps": (np.tile(np.array([[0, 32768, 0, 65535], [32767, 65535, 0, 1]], np.uint16), (8, 4)), 16),
}
variants = pytest.mark.parametrize(("syntax", "name"), [(syntax, name) for syntax in SYNTAXES for name in IMAGES])


def compressed(folder, syntax, name):
    """A compressed file of one of IMAGES, and the image."""
    image, bits = IMAGES[name]
    path = write_slice(folder / "1.dcm", image, BitsStored=bits, HighBit=bits - 1)
    dataset = pydicom.dcmread(path)
    compress(dataset, syntax)
    pydicom.dcmwrite(path, dataset, enforce_file_format=True)
    assert pydicom.dcmread(path).file_meta.TransferSyntaxUID == SYNTAXES[syntax]
    return path, image


@variants
def test_the_kit_reads_the_same_values(tmp_path, syntax, name):
    path, image = compressed(tmp_path, syntax, name)
    series = read_series(path.parent)
    assert series.faults == ()
    assert np.array_equal(series.images[0], image)


@variants
def test_simpleitk_reads_the_same_values(tmp_path, syntax, name):
    path, image = compressed(tmp_path, syntax, name)
    assert np.array_equal(SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(path))[0], image)


@needs("dcmdjpeg", "dcmtk")
@pytest.mark.parametrize("name", IMAGES)
@pytest.mark.parametrize(("syntax", "decoder"), [("jpeg_lossless", "dcmdjpeg"), ("rle", "dcmdrle")])
def test_dcmtk_decodes_the_same_values(tmp_path, syntax, decoder, name):
    path, image = compressed(tmp_path, syntax, name)
    output_of(decoder, path, tmp_path / "plain.dcm")
    assert np.array_equal(pydicom.dcmread(tmp_path / "plain.dcm").pixel_array, image)


@needs("dcmdump", "dcmtk")
@pytest.mark.parametrize("syntax", SYNTAXES)
def test_dcmdump_lists_one_fragment(tmp_path, syntax):
    path, _ = compressed(tmp_path, syntax, "smooth 12 bits")
    told = output_of("dcmdump", path)
    assert "PixelSequence #=2" in told  # the offset table and the image
    assert "W:" not in told
    assert "E:" not in told


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_every_frame_of_a_file_is_kept(tmp_path, syntax):
    path = write_slice(tmp_path / "1.dcm", np.zeros((4, 6), np.uint16))
    dataset = pydicom.dcmread(path)
    frames = RANDOM.integers(0, 4096, (3, 4, 6)).astype(np.uint16)
    dataset.NumberOfFrames, dataset.PixelData = 3, frames.tobytes()
    compress(dataset, syntax)
    assert np.array_equal(dataset.pixel_array, frames)


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_depth_in_the_stream_is_the_header_s(tmp_path, syntax):
    path, _ = compressed(tmp_path, syntax, "smooth 12 bits")
    stream = next(pydicom.encaps.generate_frames(pydicom.dcmread(path).PixelData, number_of_frames=1))
    if syntax == "jpeg_lossless":
        assert stream[:7] == b"\xff\xd8\xff\xc3\x00\x0b\x0c"  # SOI, SOF3, 11 bytes, 12 bits
    elif syntax == "jpeg_2000":
        assert stream[:4] == b"\xff\x4f\xff\x51"
        assert stream[42] == 12 - 1
    else:
        assert int.from_bytes(stream[:4], "little") == 2  # a segment for each byte of a sample


def test_smooth_images_shrink(tmp_path):
    for syntax in SYNTAXES:
        path, image = compressed(tmp_path, syntax, "smooth 12 bits")
        assert len(pydicom.dcmread(path).PixelData) < 0.8 * image.nbytes


def test_an_unknown_syntax_is_refused(tmp_path):
    dataset = pydicom.dcmread(write_slice(tmp_path / "1.dcm", np.zeros((4, 4), np.uint16)))
    with pytest.raises(ValueError, match=r"unknown syntax 'jpeg'; known: jpeg_lossless, jpeg_2000, rle"):
        compress(dataset, "jpeg")
