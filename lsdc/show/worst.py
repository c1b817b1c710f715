"""The worst locations as a picture: one patch of the truth's own slice for each, with true place and found place."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from lsdc.competition import CompetitionFolder, Study, read_study
from lsdc.dicom import patch_plane, resample
from lsdc.files import written_aside
from lsdc.show.paint import BACK, DIM, LINES, PREDICTED, TEXT, draw_image, draw_scale, in_mm, outlined
from lsdc.show.picture import Page
from lsdc.show.views import Slice, View, absence, nearest, series_of
from lsdc.taxonomy import ANNOTATED_PLANE, Condition, Level, Plane

MOST_TILES, COLUMNS, DPI = 12, 4, 100
PATCH_MM, PATCH_PX, ROOM_MM = 90.0, 450, 15.0  # of a tile; more is shown where truth and place lie farther apart
SIDE, GAP, MARGIN, TITLE, CAPTION, HEADER, FOOTER = 3.3, 0.16, 0.25, 0.3, 0.8, 0.62, 0.45  # inches
TRUE = "#ffd23f"
RING_MM, CROSS_MM = 4.0, 4.5
NEAR_MM = 12.0  # other true points so near to the slice are named
_PLACE, _TRUE = ["x_mm", "y_mm", "z_mm"], ["true_x_mm", "true_y_mm", "true_z_mm"]


@dataclass(frozen=True, eq=False)
class _Tile:
    """What is drawn of one target: the slice, the patch of it, and the true points (n, 3) with their levels."""

    shown: Slice
    view: View
    others: tuple[tuple[Level, np.ndarray], ...]


def worst_cases(errors: pd.DataFrame, count: int = MOST_TILES) -> pd.DataFrame:
    """Rows of `target_errors` to look at; `wrong` of `of` targets of their study and condition are not exact.

    The worst target of each study and condition, so that one lost study does not fill the page: first those that are
    located but not exact, farthest first; then those without a place; then the farthest of the exact ones.
    """
    true = errors[errors[_TRUE[0]].notna()]
    rank = np.select([~true["exact"] & true["distance_mm"].notna(), ~true["exact"]], [0, 1], 2)
    ranked = true.assign(rank=rank).sort_values(["rank", "distance_mm", "study_id"], ascending=[True, False, True],
                                                kind="stable")
    groups = true.groupby(["study_id", "condition"])["exact"]
    counted = pd.DataFrame({"wrong": groups.size() - groups.sum(), "of": groups.size()}).reset_index()
    return (ranked.drop_duplicates(["study_id", "condition"]).head(count).drop(columns="rank")
            .merge(counted, on=["study_id", "condition"], how="left"))


def draw_worst(
    folder: CompetitionFolder, errors: pd.DataFrame, path: Path, *, truth: str, run: str = "", count: int = MOST_TILES
) -> None:
    """Draw the `worst_cases` of a table of `target_errors` on training studies as PNG.

    truth: what the true places are, in words. A target that was not located shows its true place only.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    cases = worst_cases(errors, count)
    rows = max(-(-len(cases) // COLUMNS), 1)
    step = TITLE + SIDE + CAPTION + GAP
    size = (2 * MARGIN + COLUMNS * SIDE + (COLUMNS - 1) * GAP, HEADER + rows * step + FOOTER)
    figure = Figure(figsize=size, facecolor=BACK, dpi=DPI)
    FigureCanvasAgg(figure)
    _draw_header(Page(figure, 0), errors, cases, truth, run)
    studies = {study_id: read_study(folder, int(study_id), "train") for study_id in cases["study_id"].unique()}
    for number, case in enumerate(cases.itertuples()):
        page = Page(figure, HEADER + number // COLUMNS * step)
        left = MARGIN + number % COLUMNS * (SIDE + GAP)
        same = errors[(errors["study_id"] == case.study_id) & (errors["condition"] == case.condition)
                      & (errors["side"] == case.side) & errors[_TRUE[0]].notna()]
        _draw_case(page, left, case, studies[case.study_id], same)
    _draw_legend(Page(figure, size[1] - FOOTER))
    with written_aside(Path(path)) as aside:
        figure.savefig(aside, format="png", facecolor=BACK)


def _draw_header(page: Page, errors: pd.DataFrame, cases: pd.DataFrame, truth: str, run: str) -> None:
    true = errors[errors[_TRUE[0]].notna()]
    wrong, missed = int((~true["exact"]).sum()), int(true["distance_mm"].isna().sum())
    page.text(MARGIN, 0.22, f"Worst locations{' of ' + run if run else ''}", fontsize=15, weight="bold")
    page.text(MARGIN, 0.47, f"against {truth}: of {len(true)} targets in {true['study_id'].nunique()} studies {wrong} "
              f"are not exact, {missed} of them without a place; shown: the worst of a study and condition", fontsize=9,
              color=DIM)
    if cases.empty:
        page.text(MARGIN, 1.2, "no true place to compare with", fontsize=12, color=DIM)


def _draw_case(page: Page, left: float, case, study: Study, same: pd.DataFrame) -> None:
    condition, level = Condition(case.condition), Level(case.level)
    side = "" if condition == Condition.CANAL else f"{case.side} "
    found = np.array([getattr(case, name) for name in _PLACE], float)
    page.text(left + 0.03, TITLE / 2, f"{side}{condition} {level.title}", fontsize=11, weight="bold")
    page.text(left + SIDE - 0.03, TITLE / 2, f"{case.distance_mm:.1f} mm" if np.isfinite(found[0]) else "not located",
              fontsize=11, ha="right", color=PREDICTED)
    axes = page.axes(left, TITLE, SIDE, SIDE)
    axes.set(xticks=[], yticks=[], facecolor=BACK)
    for spine in axes.spines.values():
        spine.set(color="#3a3f45", linewidth=0.8)
    tile = _tile(study, case, found, same)
    lines = [f"study {case.study_id}", _how(case), f"not exact: {case.wrong} of its {case.of} {condition} targets"]
    if tile is None:
        axes.text(0.5, 0.5, absence(study, ANNOTATED_PLANE[condition]), transform=axes.transAxes, ha="center",
                  va="center", color=DIM, fontsize=9, wrap=True)
    else:
        _draw_tile(axes, tile, case, found)
        entry = tile.shown.entry
        lines[0] += f"   {entry.plane.description}, slice {tile.shown.index + 1} of {len(entry.series)}"
        if np.isfinite(found[0]):
            lines.insert(2, _where(tile.shown, study, found, int(case.series_id)))
    for number, line in enumerate(lines):
        page.text(left + 0.03, TITLE + SIDE + 0.12 + 0.18 * number, line, fontsize=8, color=TEXT if number else DIM)


def _how(case) -> str:
    if not np.isfinite(case.distance_mm):
        return "not located"
    return f"found by {case.found_by}, confidence {case.confidence:.2f}"


def _where(shown: Slice, study: Study, found: np.ndarray, series_id: int) -> str:
    """How far from the shown slice the found place lies, and on which series where that is another one."""
    series = shown.entry.series
    away = abs(series.nearest_slice(found)[0] - shown.index)
    off_mm = abs(series.planes[shown.index].to_pixel(found)[1])
    words = "on this slice" if away == 0 else f"{away} slice{'s' if away > 1 else ''} ({off_mm:.0f} mm) away"
    if series_id == shown.entry.series_id:
        return words
    other = [entry.plane for entry in study.series if entry.series_id == series_id]
    named = f"{other[0].description} " if other and other[0] != shown.entry.plane else ""
    return f"{words}, on {named}series {series_id}"


def _tile(study: Study, case, found: np.ndarray, same: pd.DataFrame) -> _Tile | None:
    """The slice of the condition's plane nearest to the truth, else the slice that the place is on; None without."""
    true = np.array([getattr(case, name) for name in _TRUE], float)
    entries = series_of(study, ANNOTATED_PLANE[Condition(case.condition)])
    if entries:
        shown = nearest(entries, true)
    elif not pd.isna(case.series_id) and (
            mine := [entry for entry in study.series if entry.series_id == case.series_id]):
        shown = Slice(mine[0], mine[0].series.nearest_slice(found)[0])
    else:
        return None
    source, image = shown.entry.series.planes[shown.index], shown.entry.series.images[shown.index]
    places = np.stack([true, found] if np.isfinite(found[0]) else [true])
    feet = source.to_patient(source.to_pixel(places)[0])
    low, high = feet.min(axis=0), feet.max(axis=0)
    size_mm = max(PATCH_MM, float(np.linalg.norm(high - low)) + 2 * ROOM_MM)
    plane = patch_plane(source, (low + high) / 2, size_mm=size_mm, size_px=PATCH_PX)
    others = [(Level(row.level), place) for row in same.itertuples() if row.level != case.level
              and abs(source.to_pixel(place := np.array([getattr(row, name) for name in _TRUE], float))[1]) <= NEAR_MM]
    return _Tile(shown, View("", image=resample(image, source, plane, fill=float(image.min())), plane=plane,
                             source=source), tuple(others))


def _draw_tile(axes, tile: _Tile, case, found: np.ndarray) -> None:
    from matplotlib.patches import Circle

    size_mm = PATCH_PX * tile.view.plane.spacing_xy_mm[0]
    draw_image(axes, tile.view, (0, 0, size_mm, size_mm))
    axes.set(xlim=(0, size_mm), ylim=(size_mm, 0))
    true = in_mm(tile.view, np.array([getattr(case, name) for name in _TRUE], float))
    sagittal = tile.shown.entry.plane != Plane.AXIAL_T2
    for level, place in tile.others:
        x, y = in_mm(tile.view, place)
        if 3 < x < size_mm - 3 and 3 < y < size_mm - 3:
            outlined(axes.plot(x, y, "o", color=LINES, markersize=4)[0])
            if sagittal:
                _name(axes, size_mm, y, level, LINES)
    if sagittal:
        _name(axes, size_mm, true[1], Level(case.level), TRUE)
    if np.isfinite(found[0]):
        x, y = in_mm(tile.view, found)
        outlined(axes.plot([true[0], x], [true[1], y], color=PREDICTED, linewidth=0.9, linestyle=(0, (2, 2)))[0],
                 width=2)
        for across, along in (((x - CROSS_MM, x + CROSS_MM), (y, y)), ((x, x), (y - CROSS_MM, y + CROSS_MM))):
            outlined(axes.plot(across, along, color=PREDICTED, linewidth=1.8)[0], width=3.6)
    ring = axes.add_patch(Circle(true, RING_MM, facecolor="none", edgecolor=TRUE, linewidth=1.8))
    outlined(ring, width=3.6)
    draw_scale(axes, 20)
    letters = ("A", "P") if sagittal else ("R", "L")
    for place, letter, align in ((0.03, letters[0], "left"), (0.97, letters[1], "right")):
        outlined(axes.text(place, 0.96, letter, transform=axes.transAxes, ha=align, va="center", color=TEXT,
                           fontsize=10, weight="bold"))


def _name(axes, size_mm: float, y: float, level: Level, colour: str) -> None:
    """A level's name at the left edge, at the height of its true point; below the letter in the corner."""
    y = max(y, 0.11 * size_mm)
    outlined(axes.text(0.02 * size_mm, y, level.title, color=colour, fontsize=9, va="center", ha="left"))


def _draw_legend(page: Page) -> None:
    entries: Sequence = (
        ("○", TRUE, "true place (its level at the left edge)"),
        ("+", PREDICTED, "found place, projected into the slice"),
        ("•", LINES, "true places of the other levels of the side"))
    left = MARGIN
    for sign, colour, words in entries:
        page.text(left, FOOTER / 2, sign, fontsize=15, color=colour, weight="bold")
        page.text(left + 0.22, FOOTER / 2, words, fontsize=10)
        left += 0.6 + 0.078 * len(words)
