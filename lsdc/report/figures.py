"""Figures of reports: each function gives one svg as text, the same for the same numbers. The only drawing here."""

import io
import re
from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

# Okabe and Ito (2008): told apart by the colour-blind
BLUE, ORANGE, GREEN, PURPLE, SKY, VERMILION, BLACK = (
    "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#000000")
COLOURS = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, BLACK)
GREY = "#666666"
GRADE_COLOURS = ("#BFDDF0", "#E69F00", "#A3280A")  # normal or mild, moderate, severe: from light to dark in grey too
GRADE_MARKERS = "osD"
STYLE = {
    "svg.fonttype": "none",  # text stays text: it can be read aloud, searched and set in the reader's font
    "font.size": 9, "axes.spines.top": False,
    "axes.spines.right": False, "axes.titlesize": 10, "axes.titlelocation": "left", "legend.frameon": False,
    "axes.grid": True, "grid.color": "#dddddd", "grid.linewidth": 0.6, "axes.axisbelow": True,
}


@dataclass(frozen=True)
class Curve:
    """One training: a value per epoch. tuning is None where no loss was measured on tuning studies."""

    name: str
    epochs: Sequence[int]
    training: Sequence[float]
    tuning: Sequence[float] | None
    learning_rate: Sequence[float]


@dataclass(frozen=True)
class Mark:
    """A value with an interval for one line of a figure; None where it is undefined."""

    value: float | None
    interval: tuple[float | None, float | None]


@dataclass(frozen=True)
class GradeBar:
    """Probabilities of the three grades, None where they were not assessed; label: what stands behind the bar."""

    values: tuple[float, float, float] | None
    label: str = ""


@dataclass(frozen=True)
class ReliabilityBin:
    """Mean predicted probability and observed rate of the rows of one bin."""

    predicted: float
    observed: float
    interval: tuple[float | None, float | None]


@dataclass(frozen=True)
class SizeCurve:
    """What something costs at each of a few sizes, smallest first."""

    name: str
    sizes: Sequence[int]
    values: Sequence[float]


def learning_curves(curves: Sequence[Curve]) -> str:
    """Training (solid) and tuning loss (dashed) by epoch, the learning rate below; a colour and marker for each."""
    with _drawing("curves", (7.2, 4.2)) as (figure, svg):
        losses, rates = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
        for number, curve in enumerate(curves):
            look = {"color": COLOURS[number % len(COLOURS)], "marker": "osD^vPX"[number % 7], "markersize": 3.5}
            losses.plot(curve.epochs, curve.training, label=curve.name, **look)
            if curve.tuning is not None:
                losses.plot(curve.epochs, curve.tuning, "--", markerfacecolor="white", **look)
            rates.plot(curve.epochs, curve.learning_rate, **look)
        losses.set(ylabel="loss")
        rates.set(xlabel="epoch", ylabel="learning rate")
        rates.xaxis.get_major_locator().set_params(integer=True)
        losses.legend(loc="upper left", bbox_to_anchor=(1, 1))
    return svg()


def score_marks(groups: Mapping[str, Mapping[str, Mark]]) -> str:
    """By group (a term, the total) the scores of several answers (model, priors, floor) with their intervals."""
    names = list(dict.fromkeys(name for marks in groups.values() for name in marks))
    with _drawing("scores", (7.2, 0.55 * len(groups) + 1.0)) as (figure, svg):
        axes = figure.subplots()
        for number, name in enumerate(names):
            look = {"color": COLOURS[number % len(COLOURS)], "marker": "osD^v"[number % 5]}
            shift = 0.22 * (number - (len(names) - 1) / 2)
            for row, marks in enumerate(groups.values()):
                if (mark := marks.get(name)) is not None and mark.value is not None:
                    axes.plot([mark.value], [row + shift], linestyle="none", markersize=6, clip_on=False,
                              label=name if row == 0 else None, **look)
                    if None not in mark.interval:
                        axes.plot(mark.interval, [row + shift] * 2, color=look["color"], linewidth=2)
        axes.set_yticks(range(len(groups)), list(groups))
        axes.set(xlabel="weighted log loss (lower is better)", ylim=(len(groups) - 0.5, -0.5))
        axes.set_xlim(left=0)
        axes.grid(visible=False, axis="y")
        handles = dict(zip(*axes.get_legend_handles_labels()[::-1], strict=True))
        axes.legend(handles.values(), handles.keys(), loc="upper left", bbox_to_anchor=(1, 1))
    return svg()


def stage_bars(minutes: Mapping[str, Mapping[str, float]]) -> str:
    """Minutes of each stage as a bar for each line (a fold), one behind the other."""
    stages = list(dict.fromkeys(stage for one in minutes.values() for stage in one))
    with _drawing("stages", (7.2, 0.35 * len(minutes) + 1.0)) as (figure, svg):
        axes = figure.subplots()
        for number, stage in enumerate(stages):
            widths = [one.get(stage, 0.0) for one in minutes.values()]
            behind = [sum(one.get(before, 0.0) for before in stages[:number]) for one in minutes.values()]
            axes.barh(range(len(minutes)), widths, left=behind, height=0.6, label=stage, edgecolor="white",
                      color=COLOURS[number % len(COLOURS)], hatch=("", "//", "..", "xx")[number % 4])
        axes.set_yticks(range(len(minutes)), list(minutes))
        axes.set(xlabel="minutes", ylim=(len(minutes) - 0.5, -0.5))
        axes.grid(visible=False, axis="y")
        axes.legend(loc="upper left", bbox_to_anchor=(1, 1))
    return svg()


def grade_bars(columns: Mapping[str, Sequence[GradeBar]], levels: Sequence[str]) -> str:
    """Probabilities of the three grades as one bar for each column (a condition and side) and level, in small panels.

    A target that was not assessed has words in the place of its bar; the label stands behind it, * where it is another.
    """
    step = 1.36  # from one panel to the next; all are drawn on one pair of axes, which is four times as fast as five
    with _drawing("grades", (7.6, 2.0), layout=None) as (figure, svg):
        axes = figure.add_axes((0.06, 0.1, 0.94, 0.78))
        cells = [(step * column, row, bar) for column, bars in enumerate(columns.values())
                 for row, bar in enumerate(bars)]
        for grade, colour in enumerate(GRADE_COLOURS):
            shown = [(left + sum(bar.values[:grade]), row, bar.values[grade]) for left, row, bar in cells if bar.values]
            if shown:
                starts, rows, widths = zip(*shown, strict=True)
                axes.add_collection(_rectangles(starts, rows, widths, colour))
        for left, row, bar in cells:
            if bar.values is None:
                axes.text(left + 0.5, row, "not assessed", ha="center", va="center", fontsize=7.5, color=GREY,
                          style="italic")
            if bar.label:
                axes.text(left + 1.04, row, bar.label, va="center", fontsize=8.5,
                          weight="bold" if "*" in bar.label else "normal")
        for number, name in enumerate(columns):
            axes.text(step * number, -0.72, name, va="center", fontsize=9)
        ticks = [step * number + part for number in range(len(columns)) for part in (0, 0.5, 1)]
        axes.set(xlim=(0, step * len(columns)), ylim=(len(levels) - 0.5, -0.5))
        axes.set_xticks(ticks, ["0", ".5", "1"] * len(columns), fontsize=7.5)
        axes.set_yticks(range(len(levels)), levels)
        axes.grid(visible=False)
        axes.tick_params(length=0)
        for spine in axes.spines.values():
            spine.set_visible(False)
    return svg()


def reliability_curves(panels: Mapping[str, Mapping[str, Sequence[ReliabilityBin]]], name: str = "") -> str:
    """Observed rate against predicted probability, a panel for each group, a curve with intervals for each grade.

    name: tells several such figures of one page apart.
    """
    with _drawing(f"reliability-{name}", (2.5 * len(panels), 2.9)) as (figure, svg):
        every = figure.subplots(1, len(panels), sharex=True, sharey=True, squeeze=False)[0]
        for axes, (title, curves) in zip(every, panels.items(), strict=True):
            axes.plot([0, 1], [0, 1], color=GREY, linewidth=0.8, linestyle=(0, (4, 3)))
            for number, (grade, bins) in enumerate(curves.items()):
                look = {"color": (SKY, ORANGE, VERMILION)[number % 3], "marker": GRADE_MARKERS[number % 3]}
                axes.plot([one.predicted for one in bins], [one.observed for one in bins], markersize=4, label=grade,
                          linewidth=1.2, **look)
                for one in bins:
                    if None not in one.interval:
                        axes.plot([one.predicted] * 2, one.interval, color=look["color"], linewidth=0.9, alpha=0.7)
            axes.set(title=title, xlim=(0, 1), ylim=(0, 1), xlabel="predicted", aspect="equal")
        every[0].set_ylabel("observed")
        every[0].legend(loc="upper left", fontsize=7.5, handlelength=1.6)
    return svg()


def error_curves(distances: Mapping[str, Sequence[float]], most_mm: float) -> str:
    """Share of the places within a distance of the truth, a curve for each group; distances in mm."""
    with _drawing("errors", (7.2, 2.8)) as (figure, svg):
        axes = figure.subplots()
        for number, (name, values) in enumerate(distances.items()):
            axes.ecdf(values, label=f"{name} ({len(values)})", color=COLOURS[number % len(COLOURS)],
                      linestyle=("-", "--", "-.", ":")[number % 4], linewidth=1.6)
        axes.set(xlim=(0, most_mm), ylim=(0, 1.02), xlabel="mm from the true place", ylabel="share of the places")
        axes.legend(loc="upper left", bbox_to_anchor=(1, 1))
    return svg()


def size_curves(panels: Mapping[str, Sequence[SizeCurve]], unit: str) -> str:
    """Cost against the number of studies, both logarithmic, a panel for each group; dashed, what is proportional."""
    values = [value for curves in panels.values() for curve in curves for value in curve.values if value > 0]
    with _drawing(f"sizes-{unit}", (2.6 * len(panels), 3.6)) as (figure, svg):
        every = figure.subplots(1, len(panels), sharex=True, sharey=True, squeeze=False)[0]
        for axes, (title, curves) in zip(every, panels.items(), strict=True):
            ends = [min(min(curve.sizes) for curve in curves), max(max(curve.sizes) for curve in curves)]
            axes.plot(ends, [max(values) * end / ends[1] for end in ends], color=GREY, linewidth=0.9,
                      linestyle=(0, (4, 3)))
            for number, curve in enumerate(curves):
                axes.plot(curve.sizes, curve.values, color=COLOURS[number % len(COLOURS)], label=curve.name,
                          marker="osD^vPX"[number % 7], markersize=4, linewidth=1.4)
            axes.set(title=title, xscale="log", yscale="log", xlabel="studies",
                     ylim=(0.7 * min(values), 1.4 * max(values)))
            axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.22), fontsize=8)
        every[0].set_ylabel(unit)
    return svg()


def _rectangles(starts: Sequence[float], rows: Sequence[int], widths: Sequence[float], colour: str):
    """Bars of one colour as one collection: start, row and width of each."""
    from matplotlib.collections import PolyCollection

    return PolyCollection([[(left, row - 0.33), (left + width, row - 0.33), (left + width, row + 0.33),
                            (left, row + 0.33)] for left, row, width in zip(starts, rows, widths, strict=True)],
                          facecolors=colour, edgecolors="none")


@contextmanager
def _drawing(name: str, inches: tuple[float, float], *, layout: str | None = "constrained"):
    """Yield a figure to draw on and a function that gives its svg when the block has ended."""
    import matplotlib
    from matplotlib.figure import Figure

    text = []
    with matplotlib.rc_context({**STYLE, "svg.hashsalt": name}):
        figure = Figure(figsize=inches, layout=layout)
        yield figure, lambda: text[0]
        file = io.StringIO()
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
        text.append(_alone(file.getvalue(), name))


def _alone(svg: str, name: str) -> str:
    """The svg element alone, to stand within a page: names of its parts are its own, its size follows the page."""
    svg = re.sub(r"\s*<metadata>.*?</metadata>", "", svg[svg.index("<svg"):], flags=re.S)
    svg = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{name}-", svg)
    head, rest = svg.split(">", 1)
    head = re.sub(r'\s(width|height)="[^"]*"', "", head)
    return f'{head} aria-hidden="true" focusable="false">{rest}'.strip()
