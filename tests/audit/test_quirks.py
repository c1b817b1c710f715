"""On a phantom the audit finds what was planted, and nothing else that would be a warning."""

from pathlib import Path

import pandas as pd

from lsdc.audit import Audit, Finding, Severity, audit_folder
from lsdc.config import PhantomSettings
from lsdc.phantom import generate
from lsdc.phantom.quirks import QUIRKS

FOUND_AS = {  # quirk of the phantom -> kinds of finding that may show it
    "missing_plane": {"missing_plane"}, "several_axial": {"several_axial"}, "repeated_sagittal": {"repeated_sagittal"},
    "empty_series": {"empty_series"}, "series_not_on_disk": {"series_not_on_disk"},
    "series_not_in_table": {"series_not_in_table"}, "unknown_description": {"unknown_description"},
    "other_body_part": {"other_body_part"}, "ten_digit_ids": {"large_id"}, "shuffled_sample": {"shuffled_sample"},
    "missing_labels": {"missing_labels"}, "missing_coordinates": {"missing_coordinates"},
    "level_off_by_one": {"level_off_by_one"}, "sides_swapped": {"sides_swapped"},
    "point_on_wrong_series": {"point_on_wrong_plane"}, "no_slice_thickness": {"no_slice_thickness"},
    "no_spacing_between_slices": {"no_spacing_between_slices"}, "no_pixel_spacing": {"no_pixel_spacing"},
    "no_position": {"no_position"}, "mixed_matrix": {"mixed_sizes"}, "two_orientations": {"several_orientations"},
    "single_slice": {"single_slice"}, "duplicated_numbers": {"duplicate_number"},
    "duplicated_slice": {"duplicate_position"}, "gapped_numbers": {"gapped_numbers"},
    "reversed_order": {"opposite_order"}, "rotated_axes": {"rotated_axes"}, "flipped_axes": {"flipped_axes"},
    "monochrome1": {"monochrome1"}, "eight_bit": {"bit_depth"}, "signed": {"signed"}, "rescaled": {"rescaled"},
    "multi_frame": {"multi_frame"}, "jpeg_lossless": {"compressed", "undecodable_syntax"},
    "jpeg_2000": {"compressed", "undecodable_syntax"}, "rle": {"compressed"}, "constant_image": {"constant_image"},
    "truncated_file": {"truncated_file"}, "zero_byte_file": {"zero_byte_file"}, "not_dicom": {"not_dicom"},
}
SHOWN = set().union(*FOUND_AS.values())
NEVER = {"duplicate_uid", "number_differs_from_name", "several_points"}  # notes on what no phantom has


def planted(truth: Path) -> list[tuple[str, int | None, int | None]]:
    """(quirk, study_id, series_id) of the truth; None for what concerns all of them."""
    rows = pd.read_csv(truth / "quirks.csv").astype({"study_id": "Int64", "series_id": "Int64"})
    return [(row.quirk, *(None if pd.isna(one) else int(one) for one in (row.study_id, row.series_id)))
            for row in rows.itertuples()]


def shows(finding: Finding, quirk: tuple[str, int | None, int | None]) -> bool:
    name, study_id, series_id = quirk
    same_series = None in (series_id, finding.series_id) or series_id == finding.series_id
    return finding.kind.value in FOUND_AS[name] and study_id == finding.study_id and same_series


def differences(audit: Audit, quirks: list[tuple[str, int | None, int | None]]) -> tuple[list, list]:
    """Quirks that no finding shows, and findings (warnings, or of a kind that shows quirks) that no quirk explains."""
    told = [one for one in audit.findings if one.kind.severity != Severity.NOTE or one.kind.value in SHOWN | NEVER]
    return ([quirk for quirk in quirks if not any(shows(finding, quirk) for finding in told)],
            [finding for finding in told if not any(shows(finding, quirk) for quirk in quirks)])


def test_every_planted_fault_and_no_other(dirty_phantom):
    quirks = planted(dirty_phantom / "truth")
    assert {name for name, *_ in quirks} == set(FOUND_AS) == set(QUIRKS)
    audit = audit_folder(dirty_phantom / "competition", workers=1, pixels=True)
    assert differences(audit, quirks) == ([], [])


def test_a_clean_phantom_has_what_was_planted_by_chance_and_no_other(tmp_path):
    generate(tmp_path, PhantomSettings(train_studies=3, test_studies=2, seed=280, quirks=(), variants=()), workers=2)
    quirks = planted(tmp_path / "truth")
    assert len({name for name, *_ in quirks}) >= 2
    assert differences(audit_folder(tmp_path / "competition", workers=1, pixels=True), quirks) == ([], [])
