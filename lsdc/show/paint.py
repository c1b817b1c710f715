"""One view on matplotlib axes: the slice in mm, boxes coloured by grade, level names, sides, a scale bar."""

import textwrap
from collections.abc import Collection, Mapping

import numpy as np

from lsdc.config import PerCondition
from lsdc.show.grey import windowed
from lsdc.show.marks import Mark
from lsdc.show.views import View
from lsdc.taxonomy import Condition, Level, Severity, Side, Target

BACK, TEXT, DIM = "#000000", "#f2f2f2", "#9aa3ad"
SEVERITY_COLOURS = {Severity.NORMAL_MILD: "#4fd66b", Severity.MODERATE: "#ffd23f", Severity.SEVERE: "#ff4a3d"}
NONE_COLOUR, PREDICTED, LINES = "#b4b9bf", "#35d0ff", "#8fb4d9"
LINE_WIDTHS = {None: 1.2, Severity.NORMAL_MILD: 1.2, Severity.MODERATE: 1.7, Severity.SEVERE: 2.3}
SAGITTAL_MM, AXIAL_MM = (150.0, 240.0), (104.0, 104.0)  # width and height shown where something is marked
CROSS_MM = 3.0
COLUMNS = ((Condition.FORAMINAL, Side.RIGHT), (Condition.SUBARTICULAR, Side.RIGHT), (Condition.CANAL, Side.MIDLINE),
           (Condition.SUBARTICULAR, Side.LEFT), (Condition.FORAMINAL, Side.LEFT))
HEADS = ("R\nforamen", "R\nrecess", "canal", "L\nrecess", "L\nforamen")


def draw_view(axes, view: View, box_mm: PerCondition, *, sagittal: bool) -> None:
    """Draw a view, or its words, on axes whose unit becomes the millimetre."""
    axes.set(xticks=[], yticks=[], facecolor=BACK)
    for spine in axes.spines.values():
        spine.set(color="#3a3f45", linewidth=0.8)
    if view.plane is None:
        axes.text(0.5, 0.5, textwrap.fill(view.words, 34, max_lines=8), transform=axes.transAxes, ha="center",
                  va="center", color=DIM, fontsize=11 if sagittal else 9)
        return
    left, top, width, height = _shown(view, SAGITTAL_MM if sagittal else AXIAL_MM)
    draw_image(axes, view, (left, top, width, height))
    axes.set(xlim=(left, left + width), ylim=(top + height, top))
    for line in view.lines:
        axes.plot(*in_mm(view, line).T, color=LINES, linewidth=0.8, linestyle=(0, (5, 4)), alpha=0.7)
    for marks, here in ((view.beside, False), (view.here, True)):
        for mark in marks:
            draw = _draw_cross if mark.predicted else _draw_box
            draw(axes, view, mark, box_mm.of(mark.target.condition), here=here, name=sagittal)
    draw_scale(axes, 50 if sagittal else 20)
    letters = ("A", "P") if sagittal else ("R", "L")
    for x, letter, side in ((0.02, letters[0], "left"), (0.98, letters[1], "right")):
        outlined(axes.text(x, 0.5, letter, transform=axes.transAxes, ha=side, va="center", color=TEXT, fontsize=12,
                            weight="bold"))


def draw_grades(axes, grades: Mapping[Target, Severity], with_point: Collection[Target]) -> None:
    """The 25 grades as a table, sides as on an axial image; a dashed cell has no point."""
    from matplotlib.patches import Rectangle

    axes.set(xlim=(-1.3, len(COLUMNS)), ylim=(len(Level) + 0.7, -1.2), facecolor=BACK)
    axes.axis("off")
    for column, (pair, head) in enumerate(zip(COLUMNS, HEADS, strict=True)):
        axes.text(column + 0.5, -0.45, head, ha="center", va="center", color=DIM, fontsize=7)
        for row, level in enumerate(Level):
            target = Target(*pair, level)
            severity = grades.get(target)
            colour = SEVERITY_COLOURS.get(severity, NONE_COLOUR)
            axes.add_patch(Rectangle((column + 0.08, row + 0.08), 0.84, 0.84, facecolor=colour, edgecolor="none",
                                     alpha=0.12 if severity is None else 0.28))
            axes.add_patch(Rectangle((column + 0.08, row + 0.08), 0.84, 0.84, facecolor="none", edgecolor=colour,
                                     linewidth=1.3, linestyle="-" if target in with_point else (0, (2, 2))))
            axes.text(column + 0.5, row + 0.52, "–" if severity is None else severity.title[0], ha="center",
                      va="center", color=colour, fontsize=11, weight="bold")
    for row, level in enumerate(Level):
        axes.text(-0.15, row + 0.52, level.title, ha="right", va="center", color=TEXT, fontsize=9)
    axes.text(-1.2, len(Level) + 0.4, "N normal/mild  M moderate  S severe  – no label\ndashed: no point", va="center",
              color=DIM, fontsize=7, linespacing=1.4)


def in_mm(view: View, places_mm: np.ndarray) -> np.ndarray:
    """(..., 3) patient mm to (..., 2) mm on the axes: right and down from the view's first pixel."""
    return view.plane.to_pixel(places_mm)[0] * view.plane.spacing_xy_mm[0]


def _shown(view: View, wanted_mm: tuple[float, float]) -> tuple[float, float, float, float]:
    """Left, top, width, height in mm: around the marks; else as much of the image's middle as fills the axes."""
    extent = np.array(view.plane.size_hw[::-1]) * view.plane.spacing_xy_mm[0]
    size, marks = np.array(wanted_mm), [*view.here, *view.beside]
    if not marks:
        size = size * (extent / size).min()
        middle = extent / 2
    else:
        places = in_mm(view, np.stack([mark.place_mm for mark in marks]))
        low, high = places.min(axis=0), places.max(axis=0)
        size = size * max(1.0, *((high - low + 30) / size))  # marks far apart are still all shown
        middle = (low + high) / 2
    return (*(middle - size / 2), *size)


def draw_image(axes, view: View, shown: tuple[float, float, float, float]) -> None:
    """The view's image in grey, windowed by what is shown of it: left, top, width, height in mm."""
    pixel = view.plane.spacing_xy_mm[0]
    height, width = view.plane.size_hw
    left, top = (max(int(start / pixel), 0) for start in shown[:2])
    part = view.image[top: int((shown[1] + shown[3]) / pixel) + 1, left: int((shown[0] + shown[2]) / pixel) + 1]
    finite = part[np.isfinite(part)]
    if finite.size == 0 or finite.min() == finite.max():
        said = f"every pixel has the value {finite[0]:g}" if finite.size else "no pixel has a value"
        axes.text(0.5, 0.94, said, transform=axes.transAxes, ha="center", color=DIM, fontsize=9)
    axes.imshow(windowed(view.image, part), cmap="gray", vmin=0, vmax=1, interpolation="bicubic", aspect="auto",
                extent=((-0.5) * pixel, (width - 0.5) * pixel, (height - 0.5) * pixel, (-0.5) * pixel))


def _draw_box(axes, view: View, mark: Mark, side_mm: float, *, here: bool, name: bool) -> None:
    from matplotlib.patches import Rectangle

    x, y = in_mm(view, mark.place_mm)
    colour = SEVERITY_COLOURS.get(mark.severity, NONE_COLOUR)
    axes.add_patch(Rectangle((x - side_mm / 2, y - side_mm / 2), side_mm, side_mm, facecolor="none", edgecolor=colour,
                             linewidth=LINE_WIDTHS[mark.severity], linestyle="-" if here else (0, (4, 3))))
    axes.plot(x, y, "o", color=colour, markersize=2)
    if name:
        outlined(axes.text(x + side_mm / 2 + 2, y, mark.target.level.title, color=colour, fontsize=10, va="center",
                            weight="bold"))


def _draw_cross(axes, view: View, mark: Mark, side_mm: float, *, here: bool, name: bool) -> None:
    x, y = in_mm(view, mark.place_mm)
    style = {"color": PREDICTED, "linewidth": 1.5, "alpha": 1.0 if here else 0.55}
    axes.plot([x - CROSS_MM, x + CROSS_MM], [y, y], **style)
    axes.plot([x, x], [y - CROSS_MM, y + CROSS_MM], **style)
    if name:
        outlined(axes.text(x - side_mm / 2 - 2, y, mark.target.level.title, color=PREDICTED, fontsize=9, va="center",
                            ha="right"))


def draw_scale(axes, length_mm: int) -> None:
    """A bar of this length in the lower right corner of axes whose unit is the millimetre."""
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    x, y = right - 0.05 * (right - left), bottom - 0.035 * (bottom - top)
    bar, = axes.plot([x - length_mm, x], [y, y], color=TEXT, linewidth=1.8, solid_capstyle="butt")
    outlined(bar, width=4.5)
    outlined(axes.text(x - length_mm / 2, y - 0.012 * (bottom - top), f"{length_mm // 10} cm", color=TEXT, fontsize=8,
                        ha="center", va="bottom"))


def outlined(artist, *, width: float = 2.6) -> None:
    """A black edge, `width` points in all, so that text and lines are seen on bright fat."""
    from matplotlib.patheffects import withStroke

    artist.set_path_effects([withStroke(linewidth=width, foreground="black")])
