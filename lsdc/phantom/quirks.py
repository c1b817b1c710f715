"""The ways in which a study is not as one would wish: named, each with a rate. `QUIRKS` is the whole list.

What each does is in `planting.py` (series and headers), `misread.py` (labels and points) and `spoil.py` (files).
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from lsdc.config import PhantomSettings
from lsdc.errors import ConfigError

ALL = "all"
STUDIES = 1975  # of the competition, on which rates were counted
STUDIES_FOR_ALL = 8  # test studies over which all quirks can be dealt
RARE = 0.002  # of what is known to occur and was not counted


@dataclass(frozen=True)
class Quirk:
    """A quirk: share of studies that have it by chance, in each part, and one line of what it is."""

    name: str
    text: str
    rate: float = RARE
    test_rate: float | None = None  # where the test part differs
    kind: Literal["series", "labels", "folder"] = "series"  # labels: of the train part alone

    def rate_in(self, part: str) -> float:
        """Share of the studies of a part ("train", "test") that have it by chance."""
        if part == "test" and self.test_rate is not None:
            return self.test_rate
        return 0.0 if self.kind == "folder" or (part == "test" and self.kind == "labels") else self.rate


QUIRKS = {quirk.name: quirk for quirk in (
    Quirk("missing_plane", "no series of one plane", 3 / STUDIES),
    Quirk("several_axial", "the axial blocks come as two or three series", 335 / STUDIES),
    Quirk("repeated_sagittal", "two sagittal series of one plane", 7 / STUDIES),
    Quirk("empty_series", "a series folder without files"),
    Quirk("series_not_on_disk", "a series of the table that has no folder"),
    Quirk("series_not_in_table", "a series folder that the table does not name"),
    Quirk("unknown_description", "a series whose description is none of the three"),
    Quirk("other_body_part", "a further series, of another body part"),
    Quirk("no_slice_thickness", "no SliceThickness in any header", RARE, 0.30),
    Quirk("no_spacing_between_slices", "no SpacingBetweenSlices in any header", RARE, 0.30),
    Quirk("no_pixel_spacing", "no PixelSpacing in a series"),
    Quirk("no_position", "no ImagePositionPatient in some slices of a series"),
    Quirk("mixed_matrix", "slices of several sizes in a series", 0.010),
    Quirk("two_orientations", "a series with some slices of another orientation", 0.010),
    Quirk("single_slice", "a series of one slice"),
    Quirk("duplicated_numbers", "two slices of a series with one InstanceNumber"),
    Quirk("duplicated_slice", "one slice of a series twice"),
    Quirk("gapped_numbers", "instance numbers with gaps", 0.030),
    Quirk("reversed_order", "the two sagittal series numbered in opposite directions", 0.010),
    Quirk("rotated_axes", "images of a series turned by 90 degrees, orientation to match"),
    Quirk("flipped_axes", "images of a series mirrored, orientation to match"),
    Quirk("monochrome1", "stored values inverted, MONOCHROME1"),
    Quirk("eight_bit", "stored values of 8 bits"),
    Quirk("signed", "signed stored values of 16 bits, many below zero"),
    Quirk("rescaled", "RescaleSlope and RescaleIntercept"),
    Quirk("jpeg_lossless", "JPEG lossless transfer syntax"),
    Quirk("jpeg_2000", "JPEG 2000 lossless transfer syntax"),
    Quirk("rle", "RLE lossless transfer syntax"),
    Quirk("multi_frame", "a series in one multi-frame file"),
    Quirk("constant_image", "a series whose pixels all have one value"),
    Quirk("truncated_file", "a file cut short"),
    Quirk("zero_byte_file", "a file of no bytes"),
    Quirk("not_dicom", "a file that is not DICOM"),
    Quirk("ten_digit_ids", "a study id of ten digits, above 2^32"),
    Quirk("missing_labels", "grades that the table leaves empty", 185 / STUDIES, kind="labels"),
    Quirk("missing_coordinates", "graded targets without a point", 0.050, kind="labels"),
    Quirk("level_off_by_one", "points of one condition named one level off", kind="labels"),
    Quirk("sides_swapped", "points of one condition with left and right swapped", kind="labels"),
    Quirk("point_on_wrong_series", "a canal point on a sagittal T1", 5 / STUDIES, kind="labels"),
    Quirk("shuffled_sample", "rows of sample_submission.csv in no order", 0.10, kind="folder"),
)}


@dataclass(frozen=True)
class Planted:
    """Where a quirk is: in the whole study, in the series at a place of the plan, or in one slice of it."""

    quirk: str
    series: int | None = None
    slice: int | None = None


def check_quirks(settings: PhantomSettings) -> None:
    """ConfigError for names that are none of QUIRKS, and for too few studies to deal all of them out."""
    names = settings.quirks
    if ALL in names and settings.test_studies < STUDIES_FOR_ALL:
        raise ConfigError("too few test studies for all quirks", got=settings.test_studies, wanted=STUDIES_FOR_ALL,
                          where="phantom.test_studies", remedy=f"use --set phantom.test_studies={STUDIES_FOR_ALL}")
    if unknown := sorted(set(names) - set(QUIRKS) - {ALL}):
        raise ConfigError("unknown quirks", got=", ".join(unknown), where="phantom.quirks",
                          wanted=f"{ALL}, or some of {', '.join(QUIRKS)}")


def forced_quirks(settings: PhantomSettings, part: str, index: int) -> frozenset[str]:
    """Quirks that the settings force on study `index` of a part.

    Named ones are forced on every study that can have them. "all" deals every quirk out, one study after the other,
    those of series over the test studies and those of labels over the training studies, so that each occurs.
    """
    labels, series = ([name for name, quirk in QUIRKS.items() if quirk.kind == kind] for kind in ("labels", "series"))
    forced = set(settings.quirks) & {*series, *(labels if part == "train" else ())}
    if ALL in settings.quirks:
        dealt, studies = (labels, settings.train_studies) if part == "train" else (series, settings.test_studies)
        forced |= {name for place, name in enumerate(dealt) if place % studies == index}
    return frozenset(forced)


def draw_quirks(random: np.random.Generator, part: str, forced: frozenset[str] = frozenset()) -> frozenset[str]:
    """Names of the quirks of a study: by chance, and the forced ones whatever their rate."""
    drawn = random.random(len(QUIRKS))
    return forced | {name for (name, quirk), chance in zip(QUIRKS.items(), drawn, strict=True)
                     if chance < quirk.rate_in(part)}
