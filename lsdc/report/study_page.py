"""The page of one study with its pictures; what is in the study besides its answer is handed back for the overview."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

from lsdc.competition import CompetitionFolder, Study, read_study
from lsdc.config import PerCondition
from lsdc.dicom import read_scanner
from lsdc.files import write_text
from lsdc.report.cases import Case, TargetCase
from lsdc.report.figures import GradeBar, grade_bars
from lsdc.report.page import Figure, Grid, Link, render
from lsdc.report.slices import Mark, Slice, slices_of, thumbnail, write_grey
from lsdc.report.wording import (
    GRADE_WORDS,
    ORDER,
    draft,
    found_words,
    impression,
    p_text,
    place,
    plain_reason,
    short,
    truth_words,
)
from lsdc.taxonomy import Condition, Level, Plane, Severity, Side, Target

PANELS = {"right foramen": (Condition.FORAMINAL, Side.RIGHT), "right recess": (Condition.SUBARTICULAR, Side.RIGHT),
          "canal": (Condition.CANAL, Side.MIDLINE), "left recess": (Condition.SUBARTICULAR, Side.LEFT),
          "left foramen": (Condition.FORAMINAL, Side.LEFT)}  # sides as on an axial image
LABEL_MM = 25.0  # of a label beside its box
WAYS = {"detector": "seen", "geometry": "by geometry", "projected": "projected", "prior": "not located"}
HEADINGS = {Plane.SAGITTAL_T2: "Sagittal T2/STIR", Plane.SAGITTAL_T1: "Sagittal T1", Plane.AXIAL_T2: "Axial T2"}


@dataclass(frozen=True)
class Setting:
    """What all study pages of a report share. page: what the base template needs; truth: what the true places are."""

    folder: CompetitionFolder
    place: Path
    box_mm: PerCondition | None
    page: Mapping[str, object]
    truth: str


@dataclass(frozen=True)
class StudyFacts:
    """What reading a study told. planes: that can be read; slices: of all series; largest_px: longest image side;
    thumb: whether it has a thumbnail; drawn: keys of the targets that are marked on an image; lost: places that cannot
    be shown, in words.
    """

    study_id: int
    planes: tuple[Plane, ...]
    scanner: str
    slices: int
    largest_px: int
    thumb: bool
    drawn: frozenset[str]
    lost: tuple[str, ...]


def write_study(
    setting: Setting, case: Case, number: int, of: int, before: int | None, after: int | None
) -> StudyFacts:
    """Write studies/<id>.html and images/<id>/; number and neighbours are those of the worklist."""
    study = read_study(setting.folder, case.study_id, case.part)
    scanner = _scanner(setting.folder, study, case)
    slices, lost = slices_of(study, case, setting.box_mm)
    images = setting.place / "images" / str(case.study_id)
    for one in slices:
        write_grey(one.image, images / f"{one.name}.webp")
    if (thumb := thumbnail(slices, study)) is not None:
        write_grey(thumb, images / "thumb.webp")
    drawn = frozenset(mark.case.key for one in slices for mark in one.marks)
    text = render(
        "study.html", **setting.page, root="../", here="", case=case, lead=_lead(case, study, scanner), place=number,
        of=of, before=before, after=after, notices=_notices(case, study, lost), impression=impression(case),
        levels=draft(case), lost=lost, drawn=drawn, chart=_chart(case), pictures=bool(slices), truth=setting.truth,
        labelled=any(one.truth is not None for one in case.targets),
        groups=[(heading, [_shown(one) for one in slices if one.plane == plane]) for plane, heading in HEADINGS.items()
                if any(one.plane == plane for one in slices)],
        targets=_targets(case, drawn), series=_series(study),
        told=[f"Scanner: {scanner}.", *(f"{note[:1].upper()}{note[1:]}." for note in case.notes)])
    write_text(setting.place / "studies" / f"{case.study_id}.html", text)
    return StudyFacts(case.study_id, tuple(plane for plane in Plane if study.of(plane)), scanner,
                      sum(len(one.series) for one in study.series),
                      max((max(plane.size_hw) for one in study.series for plane in one.series.planes), default=0),
                      thumb is not None, drawn,
                      tuple(f"study {case.study_id}: {why}" for why in dict.fromkeys(lost.values())))


def _scanner(folder: CompetitionFolder, study: Study, case: Case) -> str:
    for one in study.series:
        return read_scanner(folder.series_folder(case.part, case.study_id, one.series_id)).name
    return "unknown"


def _lead(case: Case, study: Study, scanner: str) -> str:
    told = [f"{case.part} part", *([f"fold {case.fold}, held out"] if case.fold is not None else []),
            f"{len(study.series)} readable series, {sum(len(one.series) for one in study.series)} slices",
            f"scanner {scanner}"]
    if case.severe_canal is not None:
        told.append(f"probability of severe canal stenosis {p_text(case.severe_canal)}")
    if case.loss is not None:
        told.append(f"loss of this study alone {case.loss:.3f}")
    return "; ".join(told) + "."


def _notices(case: Case, study: Study, lost: Mapping[str, str]) -> list[str]:
    told = [f"{one.description} is missing or cannot be read." for one in Plane if not study.of(one)]
    for why in dict.fromkeys(lost.values()):
        targets = [one for one in case.targets if lost.get(one.key) == why]
        told.append(f"No image of {len(targets)} targets: {why}. Their answers were made when it was there.")
    return told + [f"Left out: {plain_reason(_without_details(fault))}." for fault in study.faults]


def _without_details(fault: str) -> str:
    """A fault of a series without what stood in its header: that may name a patient.

    >>> _without_details("series 7 (axial_t2): 3.dcm: PixelSpacing is not a number ('Doe^John')")
    'series 7 (axial_t2): 3.dcm: PixelSpacing is not a number'
    """
    head, colon, rest = fault.partition("): ")
    return head + colon + rest.partition(" (")[0]


def _chart(case: Case) -> Figure:
    of = case.of
    columns = {name: [_bar(of[Target(*pair, level)]) for level in Level] for name, pair in PANELS.items()}
    told = "; ".join(f"{one.target.level.title} {place(one.target)} "
                     + (", ".join(f"{GRADE_WORDS[grade]} {p_text(value)}" for grade, value in
                                  zip(GRADE_WORDS, one.plain, strict=True)) if one.assessed else "not assessed")
                     for one in sorted(case.targets, key=lambda one: ORDER[one.target]))
    return Figure(grade_bars(columns, [level.title for level in Level]), f"Grade probabilities. {told}.",
                  "Plain probabilities of the three grades; the patient's right is on the left, as on an axial image.")


def _bar(one: TargetCase) -> GradeBar:
    label = "" if one.truth is None else one.truth.title[0] + ("*" if one.assessed and one.grade != one.truth else "")
    return GradeBar(one.plain if one.assessed else None, label)


def _shown(one: Slice) -> SimpleNamespace:
    """A slice as the template needs it: lengths in mm, the targets in the order of the report, with their words."""
    height, width = (round(size * one.mm_per_px, 1) for size in one.image.shape)
    marks = [_marked(mark, one, width) for mark in sorted(one.marks, key=lambda mark: ORDER[mark.case.target])]
    instance = f", instance {one.instance}" if one.instance is not None else ""
    levels = dict.fromkeys(mark.case.target.level.title for mark in marks)
    at = f" at {' and '.join(levels)}" if one.orientation == "axial" else ""
    caption = f"{HEADINGS[one.plane]}{at}, slice {one.number} of {one.of} (series {one.series_id}{instance})"
    return SimpleNamespace(
        name=one.name, image=one.image, orientation=one.orientation, letters=one.letters, width_mm=width,
        height_mm=height, marks=marks, caption=caption,
        alt=f"{caption}. Marked: {'; '.join(mark.words for mark in marks)}.")


def _marked(mark: Mark, one: Slice, width: float) -> SimpleNamespace:
    """A target on a slice; its label stands beside the box, on axial slices above it, where it is not cut off."""
    case, scale = mark.case, one.mm_per_px
    x, y, half = mark.x * scale, mark.y * scale, mark.side * scale / 2
    if one.orientation == "axial":
        anchor = {Side.RIGHT: "end", Side.LEFT: "", Side.MIDLINE: "middle"}[case.target.side]
        label = x + {"end": half, "": -half, "middle": 0}[anchor], y - half - 1.5
    else:
        anchor = "" if x + half + LABEL_MM < width else "end"
        label = x + (half + 1.5) * (1 if anchor == "" else -1), y + 1.5
    near = {name: round(value, 1) for name, value in (
        ("x", x), ("y", y), ("left", x - half), ("top", y - half), ("side", 2 * half), ("label_x", label[0]),
        ("label_y", label[1]))}
    return SimpleNamespace(
        **near, case=case, anchor=anchor, look=f"s{case.grade.value}" if case.assessed else "none",
        true_xy=None if mark.true_xy is None else [round(value * scale, 1) for value in mark.true_xy],
        label=_label(case, one.orientation), words=_words(case), more=_more(case))


def _label(one: TargetCase, orientation: str) -> str:
    grade = one.grade.title[0] if one.assessed else "?"
    if orientation == "sagittal":
        return f"{one.target.level.title} {grade}"
    side = "" if one.target.side == Side.MIDLINE else f"{one.target.side[0].upper()} "
    return f"{one.target.level.title} {side}{grade}"


def _words(one: TargetCase) -> str:
    said = f"{GRADE_WORDS[one.grade]}, p\u00a0{p_text(one.plain[one.grade])}" if one.assessed else "not assessed"
    return f"{one.target.level.title} {place(one.target)}: {said}"


def _more(one: TargetCase) -> str:
    told = [] if one.truth is None else [f"label {truth_words(one)}"]
    told.append(found_words(one))
    if one.distance_mm is not None:
        told.append(f"{one.distance_mm:.1f} mm from the true place" + ("" if one.exact else ", under a wrong name"))
    return "".join(f"; {part}" for part in told) + "."


def _targets(case: Case, drawn: Collection[str]) -> Grid:
    """One line for each target, linked to its place; columns of which nothing is known are left out."""
    columns = {
        "target": lambda one: Link(short(one.target), f"#{'box' if one.key in drawn else 'say'}-{one.key}"),
        "grade": lambda one: one.grade.title if one.assessed else "not assessed",
        **{f"p {severity.title.lower()}": lambda one, severity=severity: p_text(one.plain[severity])
           if one.assessed else "-" for severity in Severity},
        "label": lambda one: "-" if one.truth is None else one.truth.title,
        "place": lambda one: WAYS[one.found_by],
        "confidence": lambda one: p_text(one.confidence) if one.place_mm else "-",
        "mm off": lambda one: "-" if one.distance_mm is None else f"{one.distance_mm:.1f}",
        "why not assessed": lambda one: plain_reason(one.fallback or ""),
    }
    for name, known in (("label", "truth"), ("mm off", "distance_mm"), ("why not assessed", "fallback")):
        if all(getattr(one, known) is None for one in case.targets):
            del columns[name]
    rows = [[show(one) for show in columns.values()] for one in sorted(case.targets, key=lambda one: ORDER[one.target])]
    words = frozenset(number for number, name in enumerate(columns)
                      if name in ("target", "grade", "label", "place", "why not assessed"))
    return Grid("The 25 targets: answer, label, place", tuple(columns), rows, words)


def _series(study: Study) -> Grid:
    rows = []
    for entry in study.series:
        series, middle = entry.series, entry.series.planes[len(entry.series) // 2]
        across, along = middle.spacing_xy_mm
        rows.append([str(entry.series_id), entry.plane.description, series.orientation, str(len(series)),
                     f"{middle.size_hw[0]} x {middle.size_hw[1]}", f"{along:.2f} x {across:.2f}",
                     f"{series.spacing_mm:.1f}" if len(series) > 1 else "-"])
    return Grid("Readable series of this study", ("series", "plane in the table", "images are", "slices",
                                                  "rows x columns", "mm per pixel", "mm between slices"), rows,
                frozenset({0, 1, 2}))


def neighbours(cases: Sequence[Case]) -> list[tuple[Case, int, int, int | None, int | None]]:
    """The words of `write_study` for each case, in the order of the worklist."""
    ids = [None, *(one.study_id for one in cases), None]
    return [(case, number, len(cases), ids[number - 1], ids[number + 1]) for number, case in enumerate(cases, start=1)]
