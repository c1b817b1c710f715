"""The first page of a report: the score and its worth, earlier runs, agreement, calibration, kinds of studies."""

from collections.abc import Mapping, Sequence

from lsdc.evaluate.cells import between, number, percent, signed
from lsdc.report.agreement_parts import agreement_part, calibration_part, folds_part
from lsdc.report.page import Grid, Part, render
from lsdc.report.reading import RunReading
from lsdc.report.runs_rows import rows_of, warnings_of
from lsdc.report.score_parts import detail_parts, score_part
from lsdc.report.study_page import StudyFacts
from lsdc.report.summary import key_figures
from lsdc.taxonomy import Plane

SLICES = (40, 80)  # studies with fewer than the first, fewer than the second, as many or more
PIXELS = (320, 512)  # likewise of the longest image side
SHOWN_LOST = 10


def overview_page(
    reading: RunReading, figures: Mapping, subgroups: Mapping[str, Sequence[Mapping]], others: Sequence[RunReading],
    *, notes: Sequence[str], page: Mapping[str, object],
) -> str:
    """index.html. reading: of this run, with the evaluation whose figures are `figures`; others: runs beside it."""
    evaluation = reading.evaluation
    details = {part.name: part for part in detail_parts(evaluation)}
    parts = [score_part(evaluation), _runs(reading, others), details["cells"], _subgroups(subgroups, figures),
             agreement_part(figures), calibration_part(figures), folds_part(figures), details["fallbacks"],
             details.get("locations")]
    lead = (f"{evaluation.studies} studies with {evaluation.rows} labelled rows, scored out of fold "
            f"(fold {', '.join(map(str, evaluation.folds))}); weighted log loss, lower is better; "
            f"{100 * evaluation.interval:g} % intervals from {evaluation.bootstrap} bootstrap samples of studies.")
    return render("overview.html", **page, root="", here="index.html", title="Overview", heading=reading.name,
                  lead=lead, notices=_notices(reading, notes), key=key_figures(evaluation),
                  parts=[part for part in parts if part is not None])


def groups_of(facts: Sequence[StudyFacts]) -> dict[str, dict[int, str]]:
    """By kind of table: the group of each study."""
    return {
        "Planes that can be read": {one.study_id: _planes(one.planes) for one in facts},
        "Scanner": {one.study_id: one.scanner for one in facts},
        "Slices in the study": {one.study_id: _size(one.slices, SLICES, "slices") for one in facts},
        "Longest image side": {one.study_id: _size(one.largest_px, PIXELS, "pixels") for one in facts},
    }


def _planes(planes: Sequence[Plane]) -> str:
    """Which planes a study has.

    >>> _planes(list(Plane)), _planes([Plane.AXIAL_T2]), _planes([])
    ('all three planes', 'without Sagittal T1, Sagittal T2/STIR', 'no plane at all')
    """
    absent = [plane.description for plane in Plane if plane not in planes]
    if not planes:
        return "no plane at all"
    return f"without {', '.join(absent)}" if absent else "all three planes"


def _size(value: int, cuts: tuple[int, int], unit: str) -> str:
    """The size group of a study.

    >>> _size(39, (40, 80), "slices"), _size(40, (40, 80), "slices"), _size(80, (40, 80), "slices")
    ('fewer than 40 slices', '40 to 79 slices', '80 or more slices')
    """
    low, high = cuts
    if value < low:
        return f"fewer than {low} {unit}"
    return f"{low} to {high - 1} {unit}" if value < high else f"{high} or more {unit}"


def _subgroups(subgroups: Mapping[str, Sequence[Mapping]], figures: Mapping) -> Part:
    grids = []
    for kind, rows in subgroups.items():
        grids.append(Grid(f"By {kind[0].lower()}{kind[1:]}", (
            "group", "studies", "rows", "total", "interval", "priors", "minus priors", "interval", "answered by priors",
            "note"), [[row["name"], str(row["studies"]), str(row["rows"]), number(row["model"]),
                       between(row["interval"]), number(row["priors"]), signed(row["minus_priors"]["value"]),
                       between(row["minus_priors"]["interval"], signed), percent(row["by_priors"]),
                       row["why"] or ("one study: no interval" if row["studies"] == 1 else
                                      "inside the noise" if row["minus_priors"]["inside_noise"] else "")]
                      for row in rows], frozenset({0, 9})))
    return Part("Kinds of studies", "subgroups", [
        "Totals of the studies of each group, with the difference from priors on the same studies. Groups are small, "
        "and each has its own labels: compare a group with its own priors, not with another group."], grids=grids)


def _runs(reading: RunReading, others: Sequence[RunReading]) -> Part:
    """This run beside the earlier ones, those scored on the same studies first."""
    rows = rows_of([reading, *others])
    mine = next(row for row in rows if row["run"] == reading.name)
    same = [row for row in rows if row["set"] == mine["set"]]
    rest = [row for row in rows if row["set"] != mine["set"]]
    grids = [Grid("Runs scored on the same studies", (
        "run", "total", "interval", "priors", "floor", "of the way", "studies", "network", "begun"),
        [_run(row, row is mine) for row in same], frozenset({0, 7, 8}))]
    if rest:
        grids.append(Grid("Other runs in the folder: other studies or not scored, so not to be compared", (
            "run", "total", "interval", "priors", "floor", "of the way", "studies", "network", "begun"),
            [_run(row, False) for row in rest], frozenset({0, 7, 8})))
    notes = [f"{row['run']}: {note}" for row in rows if row is not mine for note in row["notes"]]
    return Part("Runs", "runs", [] if len(rows) > 1 else ["There is no other run in this run's folder."], grids=grids,
                notes=[*notes, *(warnings_of(same))])


def _run(row: Mapping, mine: bool) -> list[str]:
    score = row["score"]
    told = [row["run"] + (" (this one)" if mine else "")]
    if score is None:
        told += [row["state"], "-", "-", "-", "-"]
    else:
        way = score["share_of_way"]
        told += [number(score["total"]), between(score["interval"]), number(score["priors"]), number(score["floor"]),
                 percent(way["value"]) if way else "-"]
    return [*told, "-" if row["studies"] is None else str(row["studies"]), row["network"] or "-",
            (row["begun"] or "-")[:10]]


def _notices(reading: RunReading, notes: Sequence[str]) -> list[str]:
    told = [*reading.problems, *notes]
    if reading.evaluation.model_minus_priors.inside_noise:
        told.append("The difference from the priors is inside the noise of so few studies: it does not show that the "
                    "model is better or worse than a table of class rates.")
    return told


def lost_notes(facts: Sequence[StudyFacts]) -> list[str]:
    """What could not be shown of the studies, the first few by name."""
    lost = [words for one in facts for words in one.lost]
    more = [f"and {len(lost) - SHOWN_LOST} more"] if len(lost) > SHOWN_LOST else []
    return [f"Images that were there when the run was made cannot be shown: {'; '.join([*lost[:SHOWN_LOST], *more])}."
            ] if lost else []


