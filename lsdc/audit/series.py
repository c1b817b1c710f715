"""One series folder: what its files' headers say, and everything odd about them."""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np

from lsdc.audit.kinds import Kind
from lsdc.audit.tables import names
from lsdc.dicom import (
    SAME_POSITION_MM,
    FileFault,
    SliceFacts,
    SlicePlane,
    along_normal,
    canonical_axes,
    main_orientation,
    orientation_of,
    pixel_range,
    read_facts,
    series_files,
)
from lsdc.dicom.telling import BODY_PARTS, MODALITIES, rough, term
from lsdc.errors import DicomError
from lsdc.taxonomy import Plane

_OTHER_SPINE = re.compile(r"(C|T|CERVICAL|THORACIC|DORSAL|WHOLE)(SPINE)?")
_LUMBAR = re.compile(r"SPINE|LUMB|^LS")
_FILE_FAULTS = {
    FileFault.ZERO_BYTES: Kind.ZERO_BYTE_FILE, FileFault.NOT_DICOM: Kind.NOT_DICOM,
    FileFault.TRUNCATED: Kind.TRUNCATED_FILE, FileFault.UNREADABLE: Kind.UNREADABLE_FILE,
}
_TAGS = {
    "ImagePositionPatient": Kind.NO_POSITION, "ImageOrientationPatient": Kind.NO_ORIENTATION,
    "PixelSpacing": Kind.NO_PIXEL_SPACING, "InstanceNumber": Kind.NO_INSTANCE_NUMBER,
    "SliceThickness": Kind.NO_SLICE_THICKNESS, "SpacingBetweenSlices": Kind.NO_SPACING_BETWEEN_SLICES,
}
_FORMATS: dict[Kind, Callable[[SliceFacts], str | None]] = {  # what is odd about a file, or None
    Kind.MONOCHROME1: lambda one: "MONOCHROME1" if one.inverted else None,
    Kind.BIT_DEPTH: lambda one: f"{one.bits_allocated} bits" if one.bits_allocated != 16 else None,
    Kind.SIGNED: lambda one: "signed" if one.signed else None,
    Kind.RESCALED: lambda one: f"slope {rough(one.slope)}, intercept {rough(one.intercept)}"
    if (one.slope or 1, one.intercept) != (1, 0) else None,
    Kind.ZERO_SLOPE: lambda one: "slope 0" if one.slope == 0 else None,
    Kind.NOT_MR: lambda one: term(one.modality, MODALITIES) if one.modality not in ("MR", "") else None,
    Kind.UNDECODABLE_SYNTAX: lambda one: None if one.decodable else one.syntax,
    Kind.COMPRESSED: lambda one: one.syntax if one.compressed and one.decodable else None,
}
_ROTATED, _FLIPPED = 1, -1
SAME_SPACING = 0.01  # of a length; what differs by less is rounding


@dataclass(eq=False)
class SeriesLook:
    """A series as its headers show it; found: (kind, count, detail). Of files that fail, only names are kept."""

    series_id: int
    plane: Plane | None
    slices: list[SliceFacts] = field(default_factory=list)  # one place per file, all three elements of it usable
    files: list[Path] = field(default_factory=list)
    found: list[tuple[Kind, int, str]] = field(default_factory=list)
    multi_frame: bool = False
    other_body_part: bool = False

    @property
    def readable(self) -> bool:
        return any(one.decodable for one in self.slices)

    @property
    def frame_of_reference(self) -> str:
        counts = Counter(one.frame_of_reference for one in self.slices if one.frame_of_reference)
        return counts.most_common(1)[0][0] if counts else ""

    def slice_of(self, instance_number: int) -> SliceFacts | None:
        """The slice of a file with this name, else with this number in its header."""
        return next((one for one in self.slices if one.path.stem == str(instance_number)), None) or next(
            (one for one in self.slices if one.instance_number == instance_number), None)

    def has_file(self, instance_number: int) -> bool:
        return any(path.stem == str(instance_number) for path in self.files)

    def order(self) -> str | None:
        """Where instance numbers run to: left or right, back or front, head or foot; mixed; None for too few slices."""
        numbered = [one for one in self.slices if one.instance_number is not None]
        if len(numbered) < 3:
            return None
        main = main_orientation([one.plane for one in numbered])
        numbered = [one for one, belongs in zip(numbered, main, strict=True) if belongs]
        places = along_normal([one.plane for one in numbered])
        numbers = np.array([one.instance_number for one in numbered])
        if len(numbered) < 3 or not np.ptp(places) or not np.ptp(numbers):
            return None
        agreement = np.corrcoef(places, numbers)[0, 1]
        towards = {"sagittal": ("left", "right"), "coronal": ("back", "front"), "axial": ("head", "foot")}
        ends = towards[orientation_of(numbered[0].plane)]
        return "mixed" if abs(agreement) < 0.5 else ends[int(agreement < 0)]

    def add(self, kind: Kind, members: Sequence[SliceFacts], detail: str = "") -> None:
        """A finding on some of the files; nothing if there are none."""
        if members:
            some = f"{len(members)} of {len(self.files)} files: {names([one.path.name for one in members])}"
            every = f"all {len(members)} files" if len(members) > 1 else "the only file"
            which = every if len(members) == len(self.files) else some
            self.found.append((kind, len(members), f"{detail}; {which}" if detail else which))


def look_at(folder: Path, series_id: int, plane: Plane | None, *, pixels: bool) -> SeriesLook:
    """Read every header of a series folder; with `pixels` decode the images too. Raises nothing."""
    look = SeriesLook(series_id, plane)
    try:
        look.files = series_files(folder)
    except DicomError as error:
        look.found.append((Kind.SERIES_NOT_ON_DISK, 1, str(error.got)))
        return look
    if not look.files:
        look.found.append((Kind.EMPTY_SERIES, 1, ""))
        return look
    facts = [read_facts(path) for path in look.files]
    for fault, kind in _FILE_FAULTS.items():
        failed = [one for one in facts if one.fault == fault]
        look.add(kind, failed, names(sorted({one.problem for one in failed} - {""}), 2))
    whole = [one for one in facts if one.fault is None]
    look.multi_frame = any(one.frames != 1 for one in whole)
    look.add(Kind.MULTI_FRAME, [one for one in whole if one.frames != 1])
    look.add(Kind.COLOUR, [one for one in whole if one.frames == 1 and one.samples != 1])
    _look_at_uids(look, whole)
    single = [one for one in whole if one.frames == one.samples == 1]
    parts = sorted({term(one.body_part, BODY_PARTS) for one in single if not _is_lumbar(one.body_part)})
    if parts:
        look.other_body_part = True
        look.found.append((Kind.OTHER_BODY_PART, len(single), names(parts)))
        return look
    for tag, kind in _TAGS.items():
        look.add(kind, [one for one in single if tag in one.unusable])
    _look_at_formats(look, single)
    look.slices = [one for one in single if one.plane is not None]
    _look_at_numbers(look, single)
    _look_at_places(look)
    if pixels:
        _look_at_pixels(look, [one for one in single if one.decodable])
    return look


def _is_lumbar(body_part: str) -> bool:
    """Whether a BodyPartExamined may be the lumbar spine; empty may be."""
    letters = re.sub(r"[^A-Z]", "", body_part.upper())
    return not letters or (bool(_LUMBAR.search(letters)) and not _OTHER_SPINE.fullmatch(letters))


def _look_at_uids(look: SeriesLook, whole: list[SliceFacts]) -> None:
    """Files whose study or series is not that of most files, and files that share their own UID."""
    foreign = {}
    for what in ("study", "series"):
        uids = [getattr(one, f"{what}_uid") for one in whole]
        (usual, count), = Counter(filter(None, uids)).most_common(1) or [("", 0)]
        if count > 1:  # else there is nothing that most files have
            foreign |= {one.path: (one, what) for one, uid in zip(whole, uids, strict=True)
                        if uid not in ("", usual) and one.path not in foreign}
    look.add(Kind.FOREIGN_FILE, [one for one, _ in foreign.values()],
             " and ".join(f"another {what}" for what in sorted({what for _, what in foreign.values()}, reverse=True)))
    counts = Counter(one.instance_uid for one in whole if one.instance_uid)
    look.add(Kind.DUPLICATE_UID, [one for one in whole if counts[one.instance_uid] > 1])


def _look_at_formats(look: SeriesLook, single: list[SliceFacts]) -> None:
    for kind, oddity in _FORMATS.items():
        odd = [one for one in single if oddity(one)]
        look.add(kind, odd, names(sorted({oddity(one) for one in odd}), 2))


def _look_at_numbers(look: SeriesLook, single: list[SliceFacts]) -> None:
    counts = Counter(one.instance_number for one in single if one.instance_number is not None)
    shared = {number for number, count in counts.items() if count > 1}
    look.add(Kind.DUPLICATE_NUMBER, [one for one in single if one.instance_number in shared],
             f"number {names(map(str, sorted(shared)))}")
    if look.multi_frame or not counts:
        return
    look.add(Kind.NUMBER_DIFFERS_FROM_NAME, [
        one for one in single if one.path.stem.isdecimal() and counts[one.instance_number] == 1
        and one.instance_number != int(one.path.stem)])
    named = {int(path.stem) for path in look.files if path.stem.isdecimal()}  # files that fail leave no gap
    present = sorted({*counts, *(number for number in named if min(counts) < number < max(counts))})
    gaps = [(low, high) for low, high in pairwise(present) if high - low > 1]
    if gaps:
        look.found.append((Kind.GAPPED_NUMBERS, sum(high - low - 1 for low, high in gaps),
                           "between " + names([f"{low} and {high}" for low, high in gaps])))


def _look_at_places(look: SeriesLook) -> None:
    """Sizes, orientation, positions and axes of the slices that have a place."""
    if not look.slices:
        return
    if len(look.files) == 1:
        look.add(Kind.SINGLE_SLICE, look.slices)
    sizes = Counter(one.plane.size_hw for one in look.slices)
    if len(sizes) > 1:
        look.found.append((Kind.MIXED_SIZES, len(look.slices) - max(sizes.values()), names(
            [f"{count} of {height} x {width}" for (height, width), count in sizes.most_common()])))
    main = main_orientation([one.plane for one in look.slices])
    alike = [one for one, belongs in zip(look.slices, main, strict=True) if belongs]
    look.add(Kind.SEVERAL_ORIENTATIONS, [one for one, belongs in zip(look.slices, main, strict=True) if not belongs])
    orientation = orientation_of(alike[len(alike) // 2].plane)
    if look.plane is not None and not look.plane.startswith(orientation):
        look.found.append((Kind.CONTRADICTS_DESCRIPTION, len(alike), f"{orientation}, described as {look.plane}"))
    _look_at_spacing(look, alike)
    centres = np.stack([one.plane.centre_mm for one in alike])
    close = np.linalg.norm(centres[:, None] - centres, axis=-1) < SAME_POSITION_MM
    look.add(Kind.DUPLICATE_POSITION, [one for i, one in enumerate(alike) if close[i, :i].any()])
    handedness = [_turn(one.plane) for one in alike]
    for kind, turn in ((Kind.ROTATED_AXES, _ROTATED), (Kind.FLIPPED_AXES, _FLIPPED)):
        look.add(kind, [one for one, hand in zip(alike, handedness, strict=True) if hand == turn])


def _look_at_spacing(look: SeriesLook, alike: list[SliceFacts]) -> None:
    """Slices whose pixels and field of view differ from most: another matrix alone keeps the field of view."""
    spacing = np.array([one.plane.spacing_xy_mm for one in alike])  # (n, 2) mm
    view = spacing * [one.plane.size_hw[::-1] for one in alike]
    usual = Counter(map(tuple, spacing.round(4).tolist())).most_common(1)[0][0]
    first = int(np.abs(spacing - usual).sum(axis=1).argmin())
    unlike = (np.abs(np.stack([spacing, view]) / np.stack([spacing[first], view[first]])[:, None] - 1)
              > SAME_SPACING).any(axis=2).all(axis=0)
    odd = [one for one, differs in zip(alike, unlike, strict=True) if differs]
    look.add(Kind.MIXED_SPACING, odd, names(sorted({
        "{1:.4g} x {0:.4g} mm".format(*one.plane.spacing_xy_mm) for one in odd}), 2) + (
            " among {1:.4g} x {0:.4g} mm".format(*spacing[first])))


def _turn(plane: SlicePlane) -> int:
    """0 for an image as radiologists show it, _ROTATED for one that is turned, _FLIPPED for one that is mirrored."""
    axes = np.stack([plane.step_x_mm, plane.step_y_mm]) / np.array(plane.spacing_xy_mm)[:, None]
    to_display = np.round(axes @ np.stack(canonical_axes(plane)).T)  # (2, 2), a signed permutation
    return 0 if np.array_equal(to_display, np.eye(2)) else int(np.sign(np.linalg.det(to_display)))


def _look_at_pixels(look: SeriesLook, single: list[SliceFacts]) -> None:
    constant, beyond, failed, problems = [], [], [], set()
    for one in single:
        try:
            low, high = pixel_range(one.path)
        except DicomError as error:
            failed.append(one)
            problems.add(str(error.got))
        else:
            constant += [one] if low == high else []
            beyond += [one] if high >= 2**one.bits_stored or low < -(2**one.bits_stored) / 2 else []
    look.add(Kind.CONSTANT_IMAGE, constant)
    look.add(Kind.VALUES_BEYOND_BITS, beyond)
    look.add(Kind.UNDECODABLE_PIXELS, failed, names(sorted(problems), 2))
