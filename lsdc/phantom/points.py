"""True places of the 25 targets, discs and bodies, and the points that an annotator would click."""

import numpy as np

from lsdc.dicom.plane import orientation_of
from lsdc.phantom.anatomy import BODIES, DISCS, FIRST
from lsdc.phantom.profiles import DURA_GAP_MM, back_of_column
from lsdc.phantom.render import Patient
from lsdc.phantom.scanner import SeriesPlan
from lsdc.taxonomy import ANNOTATED_PLANE, TARGETS, Condition, Level, Side, Target

FORAMEN_ABOVE_MM = 6.0  # the foramen's middle, above its disc's
NOISE_MM = {Condition.CANAL: 1.2, Condition.FORAMINAL: 1.5, Condition.SUBARTICULAR: 1.3}  # in each direction
OUT_OF_PLANE_MM = 8.0  # a target further than this from every slice is not annotated


def target_place(patient: Patient, target: Target) -> np.ndarray:
    """(3,) true place of a target, scanner (DICOM) mm."""
    profiles, frame = patient.profiles, patient.frame
    s = patient.anatomy.disc_s[FIRST + list(Level).index(target.level)]
    sign = {Side.MIDLINE: 0, Side.LEFT: 1, Side.RIGHT: -1}[target.side]
    side = int(target.side == Side.RIGHT)
    if target.condition == Condition.FORAMINAL:
        s = s - FORAMEN_ABOVE_MM
    i = frame.index(np.array(s))
    if target.condition == Condition.CANAL:
        u, behind = 0.0, DURA_GAP_MM + profiles.sac_depth[i] / 2
    elif target.condition == Condition.FORAMINAL:
        u, behind = sign * (float(profiles.pedicle_u[i]) + 0.5), 4.5
    else:
        u, behind = sign * 9.5, max(float(profiles.recess[side, i]) / 2, 0.8)
    back = back_of_column(profiles, i, np.float32(u), np.array(side))
    return patient.place(s, u, float(back) + float(behind))


def keypoint_rows(study_id: int, patient: Patient) -> list[dict]:
    """Rows of `truth/keypoints.csv` (tables.KEYPOINTS): 25 targets, then centres of discs and bodies."""
    places = [(target.condition, target.level, target.side, target_place(patient, target)) for target in TARGETS]
    for structure, names, along in (("disc", DISCS, patient.anatomy.disc_s), ("body", BODIES, patient.anatomy.body_s)):
        places += [(structure, name, Side.MIDLINE, patient.place(s, 0.0, 0.0))
                   for name, s in zip(names, along, strict=True)]
    return [
        {"study_id": study_id, "structure": str(structure), "level": str(level), "side": str(side),
         **dict(zip(("x_mm", "y_mm", "z_mm"), np.round(place, 4).tolist(), strict=True))}
        for structure, level, side, place in places
    ]


def annotate(
    random: np.random.Generator, patient: Patient, series: list[tuple[int, SeriesPlan]], skipped: np.ndarray
) -> list[dict]:
    """Points as in `train_label_coordinates.csv`, in the order of TARGETS, with noise in the plane.

    series: (series_id, plan). skipped: (25,) bool, targets without a point. A target is annotated on the nearest
    slice of its plane, in a series that the table names, unless none comes near it or it falls outside the image.
    """
    rows = []
    for target, skip in zip(TARGETS, skipped, strict=True):
        noise_mm = random.normal(0, NOISE_MM[target.condition], 2)
        place = target_place(patient, target)
        found = [
            (abs(float(plane.to_pixel(place)[1])), series_id, number, plan.stored_plane(index))
            for series_id, plan in series
            if plan.plane == ANNOTATED_PLANE[target.condition] and plan.named
            for index, (number, plane) in enumerate(zip(plan.instance_numbers, plan.planes, strict=True))
            if plan.plane.startswith(orientation_of(plane))
        ]
        if skip or not found:
            continue
        off, series_id, number, plane = min(found, key=lambda entry: entry[0])
        x, y = plane.to_pixel(place)[0] + noise_mm / plane.spacing_xy_mm
        height, width = plane.size_hw
        if off <= OUT_OF_PLANE_MM and 0 <= x <= width - 1 and 0 <= y <= height - 1:
            rows.append({"series_id": series_id, "instance_number": number, "condition": target.condition_title,
                         "level": target.level.title, "x": round(float(x), 4), "y": round(float(y), 4)})
    return rows
