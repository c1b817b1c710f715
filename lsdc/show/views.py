"""Which slices of a study are shown, and how: eight views in canonical orientation."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from lsdc.competition import Study, StudySeries
from lsdc.dicom import SlicePlane, covering_plane, resample
from lsdc.show.marks import Mark
from lsdc.taxonomy import Condition, Level, Plane, Side

FORAMEN_MM = 17.0  # about so far from the midline, where nothing is marked
FAR_MM = 200.0  # series nearer than half of it are alike in place
CANVAS_MM_PER_PX = (0.25, 1.0)  # the finest and the coarsest that is drawn


@dataclass(frozen=True, eq=False)
class View:
    """One slice as radiologists show it, or in `words` why there is none.

    image: (H, W) float32 on `plane`, which has canonical axes and square pixels. here: marks put on this very slice;
    beside: marks of the same view put on other slices. lines: (2, 3) patient mm, where other shown slices cross.
    """

    title: str
    caption: str = ""
    image: np.ndarray | None = None
    plane: SlicePlane | None = None
    source: SlicePlane | None = None
    here: tuple[Mark, ...] = ()
    beside: tuple[Mark, ...] = ()
    lines: tuple[np.ndarray, ...] = ()
    words: str = ""


@dataclass(frozen=True, eq=False)
class Slice:
    entry: StudySeries
    index: int


def study_views(study: Study, marks: Sequence[Mark]) -> list[View]:
    """Mid-sagittal T2, sagittal T1 through the right and the left foramina, axial T2 at each level: always eight."""
    axial = [_axial(study, marks, level) for level in Level]
    canal = _of(marks, Condition.CANAL)
    middle = _sagittal(study, Plane.SAGITTAL_T2, "Sagittal T2, canal", canal, canal, 0.0)
    if middle.source is not None:
        crossing = [_crossing(middle.source, view.source) for view in axial if view.source is not None]
        middle = replace(middle, lines=tuple(line for line in crossing if line is not None))
    foramina = [
        _sagittal(study, Plane.SAGITTAL_T1, f"Sagittal T1, {side} foramina", _of(marks, Condition.FORAMINAL, side=side),
                  canal, sign * FORAMEN_MM)
        for side, sign in ((Side.RIGHT, -1), (Side.LEFT, 1))]
    return [middle, *foramina, *axial]


def _of(marks, condition, *, side=None, level=None) -> list[Mark]:
    return [mark for mark in marks if mark.target.condition == condition and side in (None, mark.target.side)
            and level in (None, mark.target.level)]


def _sagittal(study, plane, title, marks, canal, offset_mm) -> View:
    """offset_mm: to the patient's left of the canal's marks, or of the middle slice, where nothing is marked."""
    if not (entries := series_of(study, plane)):
        return View(title, words=absence(study, plane))
    if (chosen := _most_marked(entries, marks)) is None:
        entry = entries[0]
        source = entry.series.planes[len(entry.series) // 2]
        start = np.mean([mark.place_mm for mark in canal], axis=0) if canal else source.centre_mm
        left = source.normal * np.sign(source.normal[0] or 1.0)
        chosen = Slice(entry, entry.series.nearest_slice(start + offset_mm * left)[0])
    return _view(title, chosen, marks)


def _axial(study, marks, level) -> View:
    """The slice that holds the level's recess points; else nearest to where other marks say; else evenly chosen."""
    title = f"Axial T2, {level.title}"
    if not (entries := series_of(study, Plane.AXIAL_T2)):
        return View(title, words=absence(study, Plane.AXIAL_T2))
    own = _of(marks, Condition.SUBARTICULAR, level=level)
    if (chosen := _most_marked(entries, own)) is None:
        if (place := _disc(marks, level)) is not None:
            title += " (by other points)"
            chosen = nearest(entries, place)
        else:
            place = list(Level).index(level)
            title = f"Axial T2, {place + 1} of {len(Level)} (no level known)"
            chosen = _evenly(entries, (place + 0.5) / len(Level))
    return _view(title, chosen, own)


def series_of(study: Study, plane: Plane) -> list[StudySeries]:
    """Series that show a plane as its name says, those nearest to the rest of the study first: odd ones lie far off."""
    fitting = [entry for entry in study.of(plane) if plane.startswith(entry.series.orientation)]
    middle = np.median([_centre(entry) for entry in study.series], axis=0) if fitting else None
    return sorted(fitting, key=lambda entry: round(np.linalg.norm(_centre(entry) - middle) / FAR_MM))


def _centre(entry: StudySeries) -> np.ndarray:
    return np.mean([plane.centre_mm for plane in entry.series.planes], axis=0)


def _disc(marks: Sequence[Mark], level: Level) -> np.ndarray | None:
    """(3,) patient mm of a level by marks of any kind; by a line or curve through two or more others if it has none."""
    places = {}
    for number, one in enumerate(Level):
        for condition in (Condition.CANAL, Condition.SUBARTICULAR, Condition.FORAMINAL):
            if found := _of(marks, condition, level=one):
                places[number] = np.mean([mark.place_mm for mark in found], axis=0)
                break
    number = list(Level).index(level)
    if number in places or len(places) < 2:
        return places.get(number)
    curve = np.polyfit(list(places), np.stack(list(places.values())), deg=1 if len(places) < 4 else 2)
    return sum(term * number**power for power, term in enumerate(curve[::-1]))


def _most_marked(entries: Sequence[StudySeries], marks: Sequence[Mark]) -> Slice | None:
    """The slice of these series with the most annotated marks; with the most predicted ones if none is annotated."""
    for predicted in (False, True):
        counts = Counter((mark.series_id, mark.slice_index) for mark in marks if mark.predicted == predicted)
        for (series_id, index), _ in counts.most_common():
            for entry in entries:
                if entry.series_id == series_id and 0 <= index < len(entry.series):
                    return Slice(entry, index)
    return None


def nearest(entries: Sequence[StudySeries], place_mm: np.ndarray) -> Slice:
    found = [(*entry.series.nearest_slice(place_mm), entry) for entry in entries]
    index, _, entry = min(found, key=lambda one: abs(one[1]))
    return Slice(entry, index)


def _evenly(entries: Sequence[StudySeries], share: float) -> Slice:
    """The slice so far down from the head, all series of the plane taken together."""
    slices = [Slice(entry, index) for entry in entries for index in range(len(entry.series))]
    slices.sort(key=lambda one: -one.entry.series.planes[one.index].centre_mm[2])
    return slices[int(share * len(slices))]


def _view(title: str, chosen: Slice, marks: Sequence[Mark]) -> View:
    entry, index = chosen.entry, chosen.index
    source, image = entry.series.planes[index], entry.series.images[index]
    finest, coarsest = CANVAS_MM_PER_PX
    plane = covering_plane(source, mm_per_px=min(max(*source.spacing_xy_mm, finest), coarsest))
    on_it = [(mark.series_id, mark.slice_index) == (entry.series_id, index) for mark in marks]
    number = entry.series.instance_numbers[index]
    return View(
        title, caption=f"series {entry.series_id}   slice {index + 1} of {len(entry.series)}"
        + (f"   instance {number}" if number is not None else ""),
        image=resample(image, source, plane, fill=float(image.min())), plane=plane, source=source,
        here=tuple(mark for mark, here in zip(marks, on_it, strict=True) if here),
        beside=tuple(mark for mark, here in zip(marks, on_it, strict=True) if not here))


def absence(study: Study, plane: Plane) -> str:
    """Why a study has no readable series of a plane."""
    faults = [fault.replace(f" ({plane})", "") for fault in study.faults if f"({plane})" in fault]
    if others := sorted({entry.series.orientation for entry in study.of(plane)}):
        faults.append(f"the series named {plane.description} have {' and '.join(others)} images")
    return "\n".join(faults) or f"no {plane.description} series in the table of series"


def _crossing(plane: SlicePlane, other: SlicePlane) -> np.ndarray | None:
    """(2, 3) patient mm: the ends of the other image where it meets the plane; None where it does not."""
    height, width = other.size_hw
    corners = other.to_patient(np.array([[0, 0], [width - 1, 0], [width - 1, height - 1], [0, height - 1]]))
    offsets = plane.to_pixel(corners)[1]
    ends = []
    for one, two in zip(range(4), (1, 2, 3, 0), strict=True):
        if (offsets[one] < 0) != (offsets[two] < 0):
            share = offsets[one] / (offsets[one] - offsets[two])
            ends.append(corners[one] + share * (corners[two] - corners[one]))
    return np.stack(ends) if len(ends) == 2 else None
