"""The page about places: errors in mm by group, which names are wrong, and the worst cases, linked to their studies."""

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import pandas as pd

from lsdc.evaluate import LocationEvaluation
from lsdc.evaluate.cells import between, number, percent
from lsdc.evaluate.location_figures import PCK_MM
from lsdc.evaluate.location_notes import DOUBTFUL_NATS
from lsdc.report.cases import Case, TargetCase
from lsdc.report.figures import error_curves
from lsdc.report.page import Figure, Grid, Link, Part, Picture, render
from lsdc.report.wording import found_words, place
from lsdc.taxonomy import Condition, Level

WORST = 40  # cases in the table
WAYS = {"detector": "seen by the detector", "geometry": "placed by geometry", "projected": "projected onto another "
        "plane", "prior": "not located"}
_LEVELS = {level.value: level.title for level in Level}
READ = ("Identified: nearest to its own true point among those of its side, and within 20 mm. Precision: identified of "
        "all places. Exact: nearest among those of both sides too. Missed: no place at all. d_mean: of the identified; "
        f"mean, median, 95th percentile: of all places. PCK: within {', '.join(map(str, PCK_MM))} mm; a miss is not.")


def locations_page(
    cases: Sequence[Case], measured: LocationEvaluation | None, truth: str, picture: Picture | None, *,
    drawn: Mapping[int, Collection[str]], notes: Sequence[str], page: Mapping[str, object],
) -> str:
    """locations.html. measured: None where `lsdc evaluate --locations` cannot say (notes tell why); drawn: by study the
    keys of the targets that its page shows on an image.
    """
    targets = [one for case in cases for one in case.targets]
    ways = pd.Series([one.found_by for one in targets]).value_counts()
    parts = [_errors(targets, truth), _worst(cases, truth, picture, drawn),
             *(_measured(measured.figures) if measured else [])]
    told = ", ".join(f"{count} {WAYS[way]}" for way, count in ways.items())
    lead = f"{len(targets)} targets of {len(cases)} studies: {told}."
    return render("overview.html", **page, root="", here="locations.html", title="Locations", heading="Locations",
                  lead=lead, notices=list(notes), key=_key(targets), parts=[part for part in parts if part is not None])


def worst_of(cases: Sequence[Case], count: int = WORST) -> list[tuple[Case, TargetCase]]:
    """Located targets that carry a wrong name, farthest first; then those not located; then the farthest others."""
    known = [(case, one) for case in cases for one in case.targets if one.true_mm is not None]

    def rank(pair: tuple[Case, TargetCase]) -> tuple:
        case, one = pair
        kind = 1 if one.distance_mm is None else 2 if one.exact else 0
        return kind, -(one.distance_mm or 0), case.study_id, one.key

    return sorted(known, key=rank)[:count]


def _key(targets: Sequence[TargetCase]) -> list[tuple[str, str, str]]:
    known = [one for one in targets if one.true_mm is not None]
    if not known:
        return []
    distances = [one.distance_mm for one in known if one.distance_mm is not None]
    wrong, missed = sum(not one.exact for one in known if one.distance_mm is not None), len(known) - len(distances)
    key = [("Under a wrong name", f"{wrong}", f"of {len(known)} targets with a true place"),
           ("Not located", f"{missed}", f"of {len(known)}")]
    if distances:
        key.insert(0, ("Median error", f"{np.median(distances):.1f} mm",
                       f"95th percentile {np.quantile(distances, 0.95):.1f} mm"))
    return key


def _errors(targets: Sequence[TargetCase], truth: str) -> Part | None:
    known = {condition.value: [one.distance_mm for one in targets
                               if one.target.condition == condition and one.distance_mm is not None]
             for condition in Condition}
    known = {name: values for name, values in known.items() if values}
    if not known:
        return None
    every = np.concatenate(list(known.values()))
    told = "; ".join(f"{name}: median {np.median(values):.1f} mm, 95th percentile {np.quantile(values, 0.95):.1f} mm, "
                     f"largest {max(values):.1f} mm" for name, values in known.items())
    most = float(np.clip(1.25 * np.quantile(every, 0.99), 5, 60))
    beyond = int((every > most).sum())
    return Part("Errors", "errors", figures=[Figure(
        error_curves(known, most), f"Share of the places within a distance of the truth. {told}.",
        f"Distance from the {truth}, places of each condition."
        + (f" {beyond} places lie beyond the edge." if beyond else ""))], notes=[f"{told}."])


def _worst(cases: Sequence[Case], truth: str, picture: Picture | None, drawn: Mapping[int, Collection[str]]
           ) -> Part | None:
    worst = worst_of(cases)
    if not worst:
        return None
    rows = [[Link(f"{case.study_id}: {one.target.level.title} {place(one.target)}",
                  f"studies/{case.study_id}.html#{'box' if one.key in drawn[case.study_id] else 'say'}-{one.key}"),
             "not located" if one.distance_mm is None else f"{one.distance_mm:.1f}",
             "-" if one.distance_mm is None else "own" if one.exact else "another target's", found_words(one)]
            for case, one in worst]
    return Part("Worst cases", "worst", [
        f"Against the {truth}: places that are nearest to another target first, then targets without a place, then the "
        "farthest of the others."], picture=picture,
        grids=[Grid(f"The {len(rows)} worst targets; each opens its study", (
            "study and target", "mm", "nearest true place", "place"), rows, frozenset({0, 2, 3}))])


def _measured(figures: Mapping) -> list[Part]:
    """The tables of `lsdc evaluate --locations`."""
    parts = []
    for against in figures["against"]:
        rows = against["runs"][0]["rows"]
        title = f"Against {against['truth']}"
        parts.append(Part(title, against["truth"].replace(" ", "-"), grids=[
            Grid(f"Names, against {against['truth']}", ("", "studies", "targets", "missed", "identified", "precision",
                                                       "exact", "studies all exact"), [
                [_name(row), str(row["studies"]), str(row["n"]), percent(row["missed"]), _share(row, "identified"),
                 percent(row["precision"]), _share(row, "exact"), _share(row, "studies_exact")] for row in rows]),
            Grid(f"Distances in mm, against {against['truth']}", (
                "", "d_mean", "mean", "median", "95th percentile", *(f"PCK {most}" for most in PCK_MM), "same slice",
                "within 1"), [
                [_name(row), number(row["d_mean_mm"], 1), number(row["mean_mm"], 1), _mm(row, "median_mm"),
                 _mm(row, "p95_mm"), *(percent(row[f"pck_{most}mm"]) for most in PCK_MM), percent(row["slice_exact"]),
                 percent(row["slice_within_1"])] for row in rows])], notes=[READ]))
    return [*parts, _way(figures["way"][0]), *([_boxes(rows)] if (rows := figures["boxes"][0]["rows"]) else [])]


def _way(way: Mapping) -> Part:
    levels = way["levels"]
    texts = [f"{levels['found']} of {levels['of']} levels decoded."]
    if levels["median_margin"] is not None:
        texts.append(f"A study's least sure level beats its rival by {levels['median_margin']:.1f} nats in the median, "
                     f"{levels['least_margin']:.1f} at least.")
    grids = []
    if levels["doubtful"]:
        grids.append(Grid(f"Studies whose least sure level wins by less than {DOUBTFUL_NATS:g} nats "
                          f"({levels['doubtful']}, the least sure ones)", ("study",),
                          [[Link(str(one), f"studies/{one}.html")] for one in levels["doubtful_studies"]]))
    if way["notes"]:
        grids.append(Grid("What was chosen, dropped or missing", ("note", "studies", "count"),
                          [[row["note"], str(row["studies"]), str(row["count"])] for row in way["notes"]]))
    return Part("On the way", "way", texts, grids=grids)


def _boxes(rows: Sequence[Mapping]) -> Part:
    lines = [[row["name"], str(row["classes"]), str(row["truths"]),
              *(f"{number(row[name], 3)} ({between(row['intervals'][name], _three)})"
                for name in ("map50", "map50_95"))]
             for row in rows]
    return Part("Boxes", "boxes", grids=[Grid("Average precision as ultralytics defines it, on the slices that "
                                              "annotated points name", ("", "classes", "true boxes", "mAP50",
                                                                        "mAP50-95"), lines)])


def _name(row: Mapping) -> str:
    return _LEVELS.get(row["name"], row["name"])


def _share(row: Mapping, name: str) -> str:
    ends = row["intervals"][name]
    return percent(row[name]) + (f" ({between(ends, lambda one: f'{100 * one:.1f}')})" if None not in ends else "")


def _mm(row: Mapping, name: str) -> str:
    ends = row["intervals"][name]
    return number(row[name], 1) + (f" ({between(ends, lambda one: number(one, 1))})" if None not in ends else "")


def _three(value: float | None) -> str:
    return number(value, 3)
