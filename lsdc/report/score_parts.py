"""An evaluation as parts of a page: scores, cells, agreement, fallbacks, locations."""

from lsdc.evaluate.cells import between, number, percent, signed
from lsdc.evaluate.metric import TERMS
from lsdc.evaluate.table import SCORE_NAMES
from lsdc.report.figures import Mark, score_marks
from lsdc.report.page import Figure, Grid, Part
from lsdc.report.records import EvaluationRecord, PlacesRecord, ScoreRecord
from lsdc.taxonomy import Condition, Level

DRAWN = {"model": "model", "priors": "priors", "floor": "floor"}
TERM_NAMES = {**{term: term.replace("_", "-") for term in TERMS}, "total": "total"}


def score_part(evaluation: EvaluationRecord) -> Part:
    """The four terms and the total beside priors and floor, as figure and table, and what they prove."""
    against, way = evaluation.model_minus_priors, evaluation.share_of_way
    texts = [f"Model minus priors, paired: {signed(against.value)} ({between(against.interval, signed)}); "
             f"P(model better) = {number(against.p_better, 3)}."]
    if way is not None:
        texts.append(f"Share of the way from priors to floor: {percent(way.value)} ({between(way.interval, percent)}).")
    rows = [[SCORE_NAMES.get(one.name, one.name), *(number(getattr(one, term)) for term in TERM_NAMES),
             between(one.intervals.total)] for one in evaluation.scores]
    level = f"{100 * evaluation.interval:g} %"
    table = Grid("Weighted log loss", ("answered by", *TERM_NAMES.values(), f"{level} interval of the total"), rows)
    return Part("Score", "score", texts, [_score_figure(evaluation, level)], [table])


def detail_parts(evaluation: EvaluationRecord) -> list[Part]:
    return [
        Part("By condition and level", "cells", grids=[_cells(evaluation)]),
        Part("Agreement", "agreement", grids=[_agreement(evaluation)]),
        _fallbacks(evaluation),
        *([Part("Locations", "locations", ["Identified: closest to its own truth and within 20 mm."],
                grids=[_places(places) for places in evaluation.locations])] if evaluation.locations else []),
    ]


def _score_figure(evaluation: EvaluationRecord, level: str) -> Figure:
    drawn = [one for one in evaluation.scores if one.name in DRAWN]
    groups = {shown: {DRAWN[one.name]: Mark(getattr(one, term), getattr(one.intervals, term)) for one in drawn}
              for term, shown in TERM_NAMES.items()}
    told = "; ".join(f"{DRAWN[one.name]} {_told(one)}" for one in drawn)
    return Figure(score_marks(groups), f"Scores by term. {told}.",
                  f"Points: score; lines: {level} interval from {evaluation.bootstrap} bootstrap samples of studies.")


def _told(one: ScoreRecord) -> str:
    return (", ".join(f"{shown} {number(getattr(one, term), 3)}" for term, shown in TERM_NAMES.items())
            + f" ({between(one.intervals.total)})")


def _cells(evaluation: EvaluationRecord) -> Grid:
    """Levels side by side, and for each condition lines of the model, its interval, priors, floor and labelled rows."""
    lines = {"model": lambda cell: number(cell.model, 3), "interval": lambda cell: between(cell.interval, _short),
             "priors": lambda cell: number(cell.priors, 3), "floor": lambda cell: number(cell.floor, 3),
             "labelled rows": lambda cell: str(cell.rows)}
    if not evaluation.phantom:
        del lines["floor"]
    cells = {(cell.condition, cell.level): cell for cell in evaluation.cells}
    rows = [[f"{condition}: {name}", *(show(cell) if (cell := cells.get((condition, level))) else "-"
                                       for level in Level)]
            for condition in Condition for name, show in lines.items()]
    return Grid("Weighted log loss of the model and its interval, beside others on the same rows",
                ("condition", *(level.title for level in Level)), rows)


def _short(value: float | None) -> str:
    return number(value, 3)


def _agreement(evaluation: EvaluationRecord) -> Grid:
    rows = [[one.condition, str(one.rows), number(one.accuracy, 3), number(one.always_normal, 3),
             number(one.linear_kappa, 3), between(one.interval, _short)]
            for one in evaluation.agreement]
    return Grid("The most probable grade (the metric's weights included) against the label",
                ("condition", "rows", "accuracy", "always normal", "linear kappa", "interval"), rows)


def _fallbacks(evaluation: EvaluationRecord) -> Part:
    told = evaluation.fallback
    text = f"Answered by priors: {told.rows} of {told.of} rows ({percent(told.share)})."
    rows = [[one.cause, str(one.rows), str(one.studies)] for one in told.causes]
    grids = [Grid("Fallbacks by cause", ("cause", "rows", "studies"), rows)] if rows else []
    return Part("Fallbacks", "fallbacks", [text], grids=grids)


def _places(places: PlacesRecord) -> Grid:
    rows = [[one.condition, str(one.n), str(one.missed), percent(one.id_rate), between(one.interval, percent),
             *(number(value, 1) for value in (one.mean_mm, one.median_mm, one.p95_mm))] for one in places.rows]
    return Grid(f"Against {places.truth}", ("condition", "points", "missed", "identified", "interval", "mean mm",
                                            "median mm", "95th percentile mm"), rows)
