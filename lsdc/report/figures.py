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


@contextmanager
def _drawing(name: str, inches: tuple[float, float]):
    """Yield a figure to draw on and a function that gives its svg when the block has ended."""
    import matplotlib
    from matplotlib.figure import Figure

    text = []
    with matplotlib.rc_context({**STYLE, "svg.hashsalt": name}):
        figure = Figure(figsize=inches, layout="constrained")
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
