"""One study: its folders against its rows, its series against each other, its points; reduced to findings."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from lsdc.audit.kinds import Finding, Kind, Part
from lsdc.audit.points import check_points
from lsdc.audit.series import SeriesLook, look_at
from lsdc.audit.tables import Point, SeriesRow, names
from lsdc.taxonomy import Plane, Target

LARGEST = 2**32
SAGITTAL = (Plane.SAGITTAL_T1, Plane.SAGITTAL_T2)


@dataclass(frozen=True, eq=False)
class StudyAudit:
    """All that is kept of a study. readable: planes with a series that can be read; order: series by plane and way."""

    part: Part
    findings: list[Finding]
    readable: frozenset[Plane]
    order: Counter[tuple[Plane, str]]
    series: int
    files: int


def audit_study(
    root: Path, pixels: bool, part: Part, study_id: int, rows: Sequence[SeriesRow], points: Sequence[Point],
    labelled: Collection[Target],
) -> StudyAudit:
    """Look at one study's folder. rows: of the series table; points, labelled: of a training study, else empty."""
    folder = root / f"{part}_images" / str(study_id)
    looks = [look_at(folder / str(row.series_id), row.series_id, row.plane, pixels=pixels) for row in rows]
    findings = [Finding(kind, part, study_id, look.series_id, count, detail)
                for look in looks for kind, count, detail in look.found]
    findings += _planes(part, study_id, looks)
    findings += [Finding(Kind.LARGE_ID, part, study_id, None, detail=f"study {study_id}")] * (study_id > LARGEST)
    findings += [Finding(Kind.LARGE_ID, part, study_id, row.series_id, detail=f"series {row.series_id}")
                 for row in rows if row.series_id > LARGEST]
    findings += _folders_without_row(folder, part, study_id, rows)
    findings += _frames(part, study_id, looks)
    orders = [(look.plane, order) for look in looks if look.plane and (order := look.order())]
    if len({order for plane, order in orders if plane in SAGITTAL and order in ("left", "right")}) > 1:
        findings.append(Finding(Kind.OPPOSITE_ORDER, part, study_id, None, detail=", ".join(
            f"{plane} towards the {order}" for plane, order in orders if plane in SAGITTAL)))
    if part == "train":
        findings += check_points(study_id, points, {look.series_id: look for look in looks}, labelled)
    return StudyAudit(part, findings, frozenset(look.plane for look in looks if look.plane and look.readable),
                      Counter(orders), len(looks), sum(len(look.files) for look in looks))


def _planes(part: Part, study_id: int, looks: Sequence[SeriesLook]) -> list[Finding]:
    """Planes that the table does not give the study, and those that it gives more than once."""
    if not looks:  # found in the tables
        return []
    counts = Counter(look.plane for look in looks if not look.other_body_part)
    findings = [Finding(Kind.MISSING_PLANE, part, study_id, detail=plane) for plane in Plane if not counts[plane]]
    for plane in Plane:
        if counts[plane] > 1:
            kind = Kind.SEVERAL_AXIAL if plane == Plane.AXIAL_T2 else Kind.REPEATED_SAGITTAL
            of_plane = [str(look.series_id) for look in looks if look.plane == plane and not look.other_body_part]
            findings.append(Finding(kind, part, study_id, None, counts[plane], f"{plane}: series {names(of_plane)}"))
    return findings


def _folders_without_row(folder: Path, part: Part, study_id: int, rows: Sequence[SeriesRow]) -> list[Finding]:
    known = {str(row.series_id) for row in rows}
    entries = folder.iterdir() if folder.is_dir() else ()
    there = sorted(path.name for path in entries if path.is_dir() and not path.name.startswith("."))
    return [Finding(Kind.SERIES_NOT_IN_TABLE, part, study_id, int(name)) if name.isdecimal() else
            Finding(Kind.SERIES_NOT_IN_TABLE, part, study_id, detail=name) for name in there if name not in known]


def _frames(part: Part, study_id: int, looks: Sequence[SeriesLook]) -> list[Finding]:
    """Series of another frame of reference than most; among equals the sagittal T2 counts more."""
    framed = [look for look in looks if look.frame_of_reference]
    votes = Counter()
    for look in framed:
        votes[look.frame_of_reference] += 1.5 if look.plane == Plane.SAGITTAL_T2 else 1
    usual = votes.most_common(1)[0][0] if votes else ""
    return [Finding(Kind.OTHER_FRAME, part, study_id, look.series_id, len(look.slices))  # a UID would name the patient
            for look in framed if look.frame_of_reference != usual]
