"""What the audit can find: one kind for each cause, how grave it is, and what the kit does about it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from lsdc.errors import printable

Part = Literal["train", "test"]


class Severity(StrEnum):
    """fatal: training or submitting is impossible or wrong. warning: something is lost or contradicts itself.

    note: the kit copes without any loss, other programs may not.
    """

    FATAL = "fatal"
    WARNING = "warning"
    NOTE = "note"


F, W, N = Severity


class Kind(StrEnum):
    """A kind of finding; its value is its name, beside it `severity` and one line of `text`."""

    severity: Severity
    text: str

    def __new__(cls, name: str, severity: Severity, text: str):
        kind = str.__new__(cls, name)
        kind._value_, kind.severity, kind.text = name, severity, text
        return kind

    # tables
    MISSING_FILE = "missing_file", F, "a csv file or image folder is not there; no command can use the folder"
    UNREADABLE_CSV = "unreadable_csv", F, "a file is no csv; no command can use the folder"
    MISSING_COLUMN = "missing_column", F, "a csv file lacks a column; no command can use the folder"
    EMPTY_TABLE = "empty_table", F, "a csv file has no rows; no command can use the folder"
    BAD_ID = "bad_id", F, "an id or instance number is no whole number; the table is refused"
    BAD_ROW_ID = "bad_row_id", F, "a row_id is not <study_id>_<condition>_<level>; the sample is refused"
    DUPLICATE_KEY = "duplicate_key", F, "rows share their key; the table is refused"
    UNKNOWN_SEVERITY = "unknown_severity", F, "a grade is not Normal/Mild, Moderate or Severe; the table is refused"
    UNKNOWN_CONDITION = "unknown_condition", F, "a point's condition is none of the five; the table is refused"
    UNKNOWN_LEVEL = "unknown_level", F, "a point's level is none of the five; the table is refused"
    UNKNOWN_DESCRIPTION = "unknown_description", W, "a series description is none of the three; the series is left out"
    BAD_COORDINATE = "bad_coordinate", F, "x or y of a point is no finite number; the table is refused"
    POINT_OF_UNKNOWN_STUDY = "point_of_unknown_study", F, "points of a study that train.csv lacks; the table is refused"
    NO_USABLE_POINT = "no_usable_point", F, "no point lies on a series of the table; nothing can be learned"
    NOTHING_READABLE = "nothing_readable", F, "no series of a part can be read"
    PLANE_ABSENT = "plane_absent", F, "no training study has a readable series of a plane; it cannot be learned"
    NOTHING_GRADED = "nothing_graded", F, "no study has a grade; nothing can be learned"
    STUDY_IN_BOTH_PARTS = "study_in_both_parts", W, "a study of train and of test; scores on it would be too good"
    INCOMPLETE_SAMPLE = "incomplete_sample", W, "not the 25 rows of a study; the submission has the sample's rows"
    SHUFFLED_SAMPLE = "shuffled_sample", N, "rows are in no order; the submission keeps the sample's order"
    POINT_OF_UNKNOWN_SERIES = "point_of_unknown_series", W, "the series table lacks the series; the point is left out"
    SERIES_OF_UNKNOWN_STUDY = "series_of_unknown_study", N, "neither graded nor asked for; the series is not read"
    LARGE_ID = "large_id", N, "an id above 2^32; ids are kept in 64 bits"
    MISSING_LABELS = "missing_labels", N, "empty grades; these rows are neither trained on nor scored"
    MISSING_COORDINATES = "missing_coordinates", W, "graded targets without a point; the networks do not train on them"
    # series of a study
    STUDY_WITHOUT_SERIES = "study_without_series", W, "no series in the table; all rows are answered by priors"
    MISSING_PLANE = "missing_plane", W, "no series of a plane; places come from other planes, grades from priors"
    SEVERAL_AXIAL = "several_axial", N, "several axial series; all are used together in patient coordinates"
    REPEATED_SAGITTAL = "repeated_sagittal", N, "several sagittal series of a plane; all are looked at"
    SERIES_NOT_ON_DISK = "series_not_on_disk", W, "a series of the table has no folder; it is left out"
    SERIES_NOT_IN_TABLE = "series_not_in_table", W, "a folder that the series table does not name; it is not read"
    EMPTY_SERIES = "empty_series", W, "a series folder without files; it is left out"
    OTHER_BODY_PART = "other_body_part", W, "the header names another body part; the series is used all the same"
    OTHER_FRAME = "other_frame", W, "another frame of reference than the study; its places may not fit the others"
    OPPOSITE_ORDER = "opposite_order", N, "sagittal series of a study numbered in opposite ways; order is by position"
    # files
    ZERO_BYTE_FILE = "zero_byte_file", W, "a file of no bytes; it is left out"
    NOT_DICOM = "not_dicom", W, "a file that is not DICOM; it is left out"
    TRUNCATED_FILE = "truncated_file", W, "a file shorter than its header promises; it is left out"
    UNREADABLE_FILE = "unreadable_file", W, "a header that cannot be parsed; the file is left out"
    UNDECODABLE_SYNTAX = "undecodable_syntax", W, "this installation lacks the decoder; the file is left out"
    UNDECODABLE_PIXELS = "undecodable_pixels", W, "pixels cannot be decoded; the file is left out (--pixels)"
    CONSTANT_IMAGE = "constant_image", W, "all pixels have one value; nothing can be seen on it (--pixels)"
    VALUES_BEYOND_BITS = "values_beyond_bits", W, "values above BitsStored; their upper bits are lost (--pixels)"
    MULTI_FRAME = "multi_frame", W, "several slices in one file; it is left out"
    COLOUR = "colour", W, "several samples per pixel; the file is left out"
    COMPRESSED = "compressed", N, "a compressed transfer syntax; reading is slower"
    FOREIGN_FILE = "foreign_file", W, "UIDs of another study or series than the other files; it is used all the same"
    DUPLICATE_UID = "duplicate_uid", N, "files share a SOPInstanceUID; files are told apart by name"
    # headers
    NOT_MR = "not_mr", W, "Modality is not MR; the series is used all the same"
    NO_POSITION = "no_position", W, "ImagePositionPatient absent or unusable; the slices are left out"
    NO_ORIENTATION = "no_orientation", W, "ImageOrientationPatient absent or unusable; the slices are left out"
    NO_PIXEL_SPACING = "no_pixel_spacing", W, "PixelSpacing absent or unusable; the slices are left out"
    NO_INSTANCE_NUMBER = "no_instance_number", W, "InstanceNumber absent; points cannot name the slices"
    NO_SLICE_THICKNESS = "no_slice_thickness", N, "SliceThickness absent; it is not used"
    NO_SPACING_BETWEEN_SLICES = "no_spacing_between_slices", N, "absent; spacing is measured between positions"
    SINGLE_SLICE = "single_slice", W, "a series of one slice; there is no depth to look at"
    MIXED_SIZES = "mixed_sizes", N, "images of several sizes in a series; all is cut in mm"
    MIXED_SPACING = "mixed_spacing", W, "PixelSpacing and field of view differ in a series; each is taken as written"
    SEVERAL_ORIENTATIONS = "several_orientations", W, "slices not alike in orientation; the smaller group is left out"
    CONTRADICTS_DESCRIPTION = "contradicts_description", W, "not the description's orientation; used as described"
    DUPLICATE_POSITION = "duplicate_position", W, "slices at one place; the first is kept"
    DUPLICATE_NUMBER = "duplicate_number", W, "slices share an instance number; a point of it is put on the first"
    NUMBER_DIFFERS_FROM_NAME = "number_differs_from_name", N, "not the InstanceNumber; points name files"
    GAPPED_NUMBERS = "gapped_numbers", N, "instance numbers have gaps; order is by position"
    ROTATED_AXES = "rotated_axes", N, "images are turned against the usual display; they are turned back"
    FLIPPED_AXES = "flipped_axes", N, "images are mirrored against the usual display; they are mirrored back"
    MONOCHROME1 = "monochrome1", N, "low values are bright; they are inverted"
    BIT_DEPTH = "bit_depth", N, "stored values are not of 16 bits"
    SIGNED = "signed", N, "stored values are signed"
    RESCALED = "rescaled", N, "RescaleSlope and RescaleIntercept are applied"
    ZERO_SLOPE = "zero_slope", W, "RescaleSlope is 0, which would make all values equal; 1 is taken instead"
    # points
    SEVERAL_POINTS = "several_points", N, "several points for a target; the first is taken, by series and slice"
    POINT_OUTSIDE_IMAGE = "point_outside_image", W, "a point beyond the edge of its slice; its crop shows little"
    POINT_ON_WRONG_PLANE = "point_on_wrong_plane", W, "a series that does not show the condition; the point is left out"
    POINT_ON_MISSING_SLICE = "point_on_missing_slice", W, "no slice of this instance number; the point is left out"
    LEVELS_OUT_OF_ORDER = "levels_out_of_order", W, "a condition's levels do not run from head to foot; used as is"
    LEVEL_OFF_BY_ONE = "level_off_by_one", W, "a condition's levels are one off against the others; used as they are"
    SIDE_CONTRADICTS = "side_contradicts", W, "a point lies on the other side of the spine's middle; used as it is"
    SIDES_SWAPPED = "sides_swapped", W, "left points lie right of the right ones in the patient; used as they are"


@dataclass(frozen=True)
class Finding:
    """A fault and where it is. count: files, points or cells that have it; detail: which, or what was found."""

    kind: Kind
    part: Part | None = None
    study_id: int | None = None
    series_id: int | None = None
    count: int = 1
    detail: str = ""

    def __post_init__(self):
        object.__setattr__(self, "detail", printable(self.detail))
