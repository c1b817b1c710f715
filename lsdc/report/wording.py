"""A study in a radiologist's words: findings by level, what was not assessed and why, how each place was found."""

from collections.abc import Sequence
from dataclasses import dataclass

from lsdc.report.cases import Case, TargetCase
from lsdc.taxonomy import ANNOTATED_PLANE, TARGETS, Condition, Level, Plane, Severity, Side, Target

DRAFT = "Research draft, made by a program. Not for clinical use."
GRADE_WORDS = {Severity.NORMAL_MILD: "normal or mild", Severity.MODERATE: "moderate", Severity.SEVERE: "severe"}
_STENOSIS = {Condition.CANAL: "spinal canal stenosis", Condition.FORAMINAL: "neural foraminal narrowing",
             Condition.SUBARTICULAR: "subarticular stenosis"}
_PLACE = {Condition.CANAL: "spinal canal", Condition.FORAMINAL: "neural foramen",
          Condition.SUBARTICULAR: "subarticular recess"}
_FOUND = {"detector": "seen by the detector", "geometry": "placed by geometry, where its neighbours say it must be",
          "projected": "projected onto a series of another plane, because its own is missing or shows no spine",
          "prior": "not located"}
_PLANES = {plane.value: plane.description for plane in Plane}
ORDER = {target: number for number, target in enumerate(sorted(
    TARGETS, key=lambda one: (list(Level).index(one.level), list(Condition).index(one.condition), one.side)))}


@dataclass(frozen=True)
class Said:
    """Words of the draft that stand for one target; `key` names its box in the images."""

    key: str
    text: str
    severity: Severity | None = None


@dataclass(frozen=True)
class LevelReport:
    """One level of the draft: a sentence for each finding; what is normal or mild; what was not assessed, by reason."""

    level: Level
    findings: tuple[Said, ...]
    normal: tuple[Said, ...]
    not_assessed: tuple[tuple[str, tuple[Said, ...]], ...]


def draft(case: Case) -> list[LevelReport]:
    """The study's draft report, from head to foot; each of the 25 targets is in it once."""
    reports = []
    for level in Level:
        mine = sorted((one for one in case.targets if one.target.level == level), key=lambda one: ORDER[one.target])
        graded = [one for one in mine if one.assessed]
        found = sorted((one for one in graded if one.grade > Severity.NORMAL_MILD),
                       key=lambda one: (-one.grade, not is_sure(one)))
        reasons = dict.fromkeys(one.fallback for one in mine if not one.assessed)
        reports.append(LevelReport(
            level, tuple(Said(one.key, finding(one), one.grade) for one in found),
            tuple(Said(one.key, f"{place(one.target)} (p\u00a0{p_text(one.plain[one.grade])}{_doubt(one)})", one.grade)
                  for one in graded if one.grade == Severity.NORMAL_MILD),
            tuple((plain_reason(why), tuple(Said(one.key, place(one.target)) for one in mine if one.fallback == why))
                  for why in reasons)))
    return reports


def impression(case: Case) -> list[str]:
    """The study in a few lines: what is severe, what is moderate, what only possibly is, what was not assessed."""
    lines = []
    graded = [one for one in case.targets if one.assessed]
    for severity in (Severity.SEVERE, Severity.MODERATE):
        for sure in (True, False):
            found = [one.target for one in graded if one.grade == severity and is_sure(one) == sure]
            if found:
                name = f"{'' if sure else 'possibly '}{GRADE_WORDS[severity]}"
                lines.append(f"{name.capitalize()}: {_by_level(found)}.")
    if not lines and case.not_assessed < len(case.targets):
        lines.append("No moderate or severe stenosis at the levels assessed.")
    if case.not_assessed:
        lines.append(f"Not assessed: {case.not_assessed} of {len(case.targets)} targets.")
    return lines


def finding(one: TargetCase) -> str:
    """A sentence: Severe left subarticular stenosis (p .91). Possibly, where another grade is more probable."""
    grade = f"{'' if is_sure(one) else 'possibly '}{GRADE_WORDS[one.grade]}"
    name = f"{grade} {_side(one.target)}{_STENOSIS[one.target.condition]}"
    return f"{name.capitalize()} (p\u00a0{p_text(one.plain[one.grade])}{_doubt(one)})."


def is_sure(one: TargetCase) -> bool:
    """Whether the grade is also the most probable one, and not only the one that would cost most to miss."""
    return one.grade == one.likeliest


def place(target: Target) -> str:
    """left neural foramen, spinal canal, ..."""
    return f"{_side(target)}{_PLACE[target.condition]}"


def p_text(value: float) -> str:
    """A probability as radiology prints it.

    >>> p_text(0.914), p_text(0.999), p_text(0.001)
    ('.91', '>.99', '<.01')
    """
    if value > 0.99:
        return ">.99"
    return "<.01" if value < 0.01 else f"{value:.2f}".lstrip("0")


def short(target: Target) -> str:
    """L4/L5 left recess, L1/L2 canal, ..."""
    return f"{target.level.title} {_side(target)}{_PLACE[target.condition].split()[-1]}"


def found_words(one: TargetCase) -> str:
    """How the place was found, in plain words."""
    if one.found_by == "prior":
        return _FOUND["prior"]
    return f"{_FOUND.get(one.found_by, one.found_by)} (confidence {p_text(one.confidence)})"


def plain_reason(why: str) -> str:
    """Why priors answered, with planes as radiologists call them.

    >>> plain_reason("no sagittal_t2 series can be read")
    'no Sagittal T2/STIR series can be read'
    """
    for code, name in _PLANES.items():
        why = why.replace(code, name)
    return {"not located": "its place was not found"}.get(why, why)


def truth_words(one: TargetCase) -> str:
    return "no label" if one.truth is None else GRADE_WORDS[one.truth]


def plane_of(target: Target) -> str:
    return ANNOTATED_PLANE[target.condition].description


def _doubt(one: TargetCase) -> str:
    """That another grade is more probable, where the cost of a miss decided."""
    other = one.likeliest
    return "" if other == one.grade else f"; more probable: {GRADE_WORDS[other]}, p\u00a0{p_text(one.plain[other])}"


def _side(target: Target) -> str:
    return "" if target.side == Side.MIDLINE else f"{target.side} "


def _by_level(targets: Sequence[Target]) -> str:
    by = {level: [place(one) for one in sorted(targets, key=ORDER.get) if one.level == level] for level in Level}
    return "; ".join(f"{level.title} {_joined(places)}" for level, places in by.items() if places)


def _joined(words: Sequence[str]) -> str:
    """a, b and c."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
