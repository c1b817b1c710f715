"""Compressed transfer syntaxes: RLE, JPEG 2000 and JPEG lossless, all without loss, with no package beyond the kit's.

RLE is pydicom's, JPEG 2000 is pillow's. For JPEG lossless no Python package writes 12-bit samples reliably, so its
encoder is here: ITU-T T.81 annex H with the first-order predictor, the one syntax that scanners use.
"""

import io
from collections.abc import Callable

import numpy as np
from PIL import Image
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.pixels.encoders import RLELosslessEncoder
from pydicom.uid import JPEG2000Lossless, JPEGLosslessSV1, RLELossless

SSIZ_BYTE = 42  # of a JPEG 2000 codestream: depth of its first component (T.800 A.5.1)
# Huffman code lengths by rank of a category's frequency: any prefix code will do, none may be all ones (T.81 C.2)
CODE_LENGTHS = (2, 3, 3, 3, 4, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)


def compress(dataset: Dataset, syntax: str) -> None:
    """Compress the native greyscale pixels of a data set in place: pixel data, its VR and the transfer syntax.

    syntax: "jpeg_lossless", "jpeg_2000" or "rle". The data set has Rows, Columns, BitsAllocated of 8 or 16,
    BitsStored, PixelRepresentation, PixelData and file_meta; NumberOfFrames is 1 if it is absent.
    Raises ValueError for another syntax.
    """
    if syntax not in _ENCODERS:
        raise ValueError(f"unknown syntax {syntax!r}; known: {', '.join(_ENCODERS)}")
    uid, encode = _ENCODERS[syntax]
    signed = bool(dataset.PixelRepresentation)
    kind = np.dtype(f"<{'i' if signed else 'u'}{dataset.BitsAllocated // 8}")
    shape = (int(dataset.get("NumberOfFrames", 1)), dataset.Rows, dataset.Columns)
    frames = np.frombuffer(dataset.PixelData, kind, count=int(np.prod(shape))).reshape(shape)
    data = encapsulate([encode(frame, int(dataset.BitsStored), signed) for frame in frames])
    dataset["PixelData"] = DataElement("PixelData", "OB", data)
    dataset["PixelData"].is_undefined_length = True
    dataset.file_meta.TransferSyntaxUID = uid


def _rle(image: np.ndarray, bits: int, signed: bool) -> bytes:
    """PS3.5 annex G."""
    return RLELosslessEncoder.encode(
        image, encoding_plugin="pydicom", rows=image.shape[0], columns=image.shape[1], number_of_frames=1,
        samples_per_pixel=1, bits_allocated=image.dtype.itemsize * 8, bits_stored=bits,
        pixel_representation=int(signed), photometric_interpretation="MONOCHROME2")


def _jpeg_2000(image: np.ndarray, bits: int, signed: bool) -> bytes:
    """A reversible codestream (T.800) of the image's own depth and sign, which pillow cannot be told.

    Pillow writes unsigned 16 bits, from which the standard subtracts the middle of the range before it transforms.
    Shifted by the difference of the middles, the same coefficients stand for the image; the header then says so.
    """
    middle = 0 if signed else 2 ** (bits - 1)
    shifted = (image.astype(np.int32) - middle + 2**15).astype(np.uint16)
    stream = io.BytesIO()
    Image.fromarray(shifted).save(stream, format="JPEG2000", irreversible=False, no_jp2=True)
    data = bytearray(stream.getvalue())
    data[SSIZ_BYTE] = bits - 1 | signed << 7
    return bytes(data)


def _jpeg_lossless(image: np.ndarray, bits: int, signed: bool) -> bytes:
    """T.81 process 14 with predictor 1; signed samples as the bit pattern of their whole cell."""
    precision = image.dtype.itemsize * 8 if signed else bits
    category, extra = _differences(image.astype(np.int32) & (2**precision - 1), precision)
    ranked = np.argsort(-np.bincount(category, minlength=len(CODE_LENGTHS)), kind="stable")  # frequent ones first
    codes, code_lengths = np.zeros((2, len(CODE_LENGTHS)), dtype=np.int64)
    code_lengths[ranked], codes[ranked] = CODE_LENGTHS, _canonical_codes()
    extra_lengths = np.where(category == 16, 0, category)  # the difference 32768 needs no more bits
    bits_of_scan = _joined(codes[category] << extra_lengths | extra, code_lengths[category] + extra_lengths)
    rows, columns = (size.to_bytes(2, "big") for size in image.shape)
    per_length = bytes(CODE_LENGTHS.count(length) for length in range(1, 17))
    return b"".join([
        b"\xff\xd8",
        _segment(0xC3, bytes([precision]) + rows + columns + b"\x01" + b"\x01\x11\x00"),  # SOF3: one component
        _segment(0xC4, b"\x00" + per_length + ranked.astype(np.uint8).tobytes()),
        _segment(0xDA, b"\x01" + b"\x01\x00" + b"\x01\x00\x00"),  # predictor 1, no point transform
        bits_of_scan.tobytes().replace(b"\xff", b"\xff\x00"), b"\xff\xd9",
    ])


def _differences(image: np.ndarray, precision: int) -> tuple[np.ndarray, np.ndarray]:
    """Category and extra bits of each sample's difference from its left neighbour, above in the first column."""
    before = np.empty_like(image)
    before[:, 1:], before[1:, 0], before[0, 0] = image[:, :-1], image[:-1, 0], 2 ** (precision - 1)
    difference = (image - before).ravel() & 0xFFFF  # modulo 2^16 (T.81 H.1.2.1)
    difference = np.where(difference > 2**15, difference - 2**16, difference)
    category = np.frexp(np.abs(difference))[1]  # bits that the magnitude needs
    extra = np.where(difference < 0, difference - 1, difference) & (2**category - 1)
    return category, np.where(category == 16, 0, extra)


def _canonical_codes() -> list[int]:
    """The code words that a decoder derives from CODE_LENGTHS (T.81 C.2)."""
    codes, code = [], 0
    for place, length in enumerate(CODE_LENGTHS):
        codes.append(code)
        following = CODE_LENGTHS[min(place + 1, len(CODE_LENGTHS) - 1)]
        code = (code + 1) << (following - length)
    return codes


def _joined(words: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """uint8: the low `lengths` bits of each word, one after the other; the last byte is filled with ones."""
    ends = np.cumsum(lengths)
    owner = np.repeat(np.arange(len(words)), lengths)  # of each bit
    bits = words[owner] >> (ends[owner] - 1 - np.arange(ends[-1])) & 1
    return np.packbits(np.append(bits, np.ones(-len(bits) % 8, bits.dtype)).astype(np.uint8))


def _segment(marker: int, body: bytes) -> bytes:
    return bytes([0xFF, marker]) + (len(body) + 2).to_bytes(2, "big") + body


_ENCODERS: dict[str, tuple[str, Callable[[np.ndarray, int, bool], bytes]]] = {
    "jpeg_lossless": (JPEGLosslessSV1, _jpeg_lossless),
    "jpeg_2000": (JPEG2000Lossless, _jpeg_2000),
    "rle": (RLELossless, _rle),
}
