"""A study's points against its slices and grades."""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence

import numpy as np

from lsdc.audit.kinds import Finding, Kind
from lsdc.audit.series import SeriesLook
from lsdc.audit.spine import LEVELS, check_spine
from lsdc.audit.tables import Point, names
from lsdc.taxonomy import ANNOTATED_PLANE, Target


def check_points(
    study_id: int, points: Sequence[Point], looks: Mapping[int, SeriesLook], labelled: Collection[Target]
) -> list[Finding]:
    """Findings on the points of one training study. looks: by series_id, every series of the table."""
    wrong, places = defaultdict(list), {}
    for point in points:
        kind, place = _check(point, looks.get(point.series_id))
        if kind is not None:
            wrong[kind, point.series_id].append(f"{point.target.column} on slice {point.instance_number}")
        if place is not None:
            places.setdefault(point.target, place)
    findings = [Finding(kind, "train", study_id, series_id, len(found), names(found, 3))
                for (kind, series_id), found in wrong.items()]
    counts = Counter(point.target for point in points)
    several = [target.column for target, count in sorted(counts.items()) if count > 1]
    if several:
        findings.append(Finding(Kind.SEVERAL_POINTS, "train", study_id, None, len(several), names(several, 3)))
    spine = check_spine(study_id, places)
    absent = _without_point(points, looks, labelled, spine)
    if absent:
        findings.append(Finding(Kind.MISSING_COORDINATES, "train", study_id, None, len(absent), names(absent, 3)))
    return findings + spine


def _check(point: Point, look: SeriesLook | None) -> tuple[Kind | None, np.ndarray | None]:
    """What is wrong with a point, and its place in the patient, mm, where it can be trusted."""
    if look is None:
        return Kind.POINT_OF_UNKNOWN_SERIES, None
    if look.plane is not None and look.plane != ANNOTATED_PLANE[point.target.condition]:
        return Kind.POINT_ON_WRONG_PLANE, None
    one = look.slice_of(point.instance_number)
    if one is None:
        explained = not look.files or look.multi_frame or look.other_body_part or look.has_file(point.instance_number)
        return None if explained else Kind.POINT_ON_MISSING_SLICE, None
    height, width = one.plane.size_hw
    inside = 0 <= point.x_px <= width and 0 <= point.y_px <= height
    return None if inside else Kind.POINT_OUTSIDE_IMAGE, one.plane.to_patient([point.x_px, point.y_px])


def _without_point(
    points: Sequence[Point], looks: Mapping[int, SeriesLook], labelled: Collection[Target], spine: Sequence[Finding]
) -> list[str]:
    """Graded targets without a point, where the plane is there and no other finding explains it.

    A plane explains it of which the study has neither files nor a point, or that has a series of one slice; so does a
    condition whose names are one level off, or of two that disagree either, for the level at its end
    and for one whose point would have been that of a neighbour without a grade.
    """
    used = {point.series_id for point in points}
    seen = [look for look in looks.values() if look.files or look.series_id in used]
    shown = {look.plane for look in seen if not look.other_body_part}
    shown -= {look.plane for look in looks.values() if len(look.files) == 1 and not look.multi_frame}
    shifted = " ".join(finding.detail for finding in spine if finding.kind == Kind.LEVEL_OFF_BY_ONE)
    pointed = {point.target for point in points}
    absent = []
    for target in sorted(set(labelled) - pointed):
        explained = any(f"{target.condition} {target.side} named one level too {way}" in shifted
                        and _neighbour(target, step) not in labelled for way, step in (("low", -1), ("high", 1)))
        if ANNOTATED_PLANE[target.condition] in shown and not explained:
            absent.append(target.column)
    return absent


def _neighbour(target: Target, step: int) -> Target | None:
    """The target `step` levels further down, if there is one."""
    place = LEVELS.index(target.level) + step
    return target._replace(level=LEVELS[place]) if 0 <= place < len(LEVELS) else None
