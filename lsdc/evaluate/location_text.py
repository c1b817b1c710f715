"""The text that `lsdc evaluate --locations` prints."""

from collections.abc import Sequence

from tabulate import SEPARATING_LINE

from lsdc.evaluate.cells import between, grid, number, percent
from lsdc.evaluate.location_figures import PCK_MM
from lsdc.evaluate.location_notes import DOUBTFUL_NATS, SHOWN
from lsdc.evaluate.table import PHANTOM_LINE
from lsdc.taxonomy import Level

_LEVELS = {level.value: level.title for level in Level}


def text_of_locations(figures: dict) -> str:
    """Figures of `evaluate_locations` as text; None is shown as a dash."""
    parts = [_header(figures), _found_by(figures["found_by"])]
    for against in figures["against"]:
        several = len(against["runs"]) > 1
        rows = _interleaved(against["runs"])
        usual = [row for row in rows if row["by"] != "variant"]
        names = _names(usual, several) + _bounds(usual, figures["interval"])
        parts += [f"Locations against {against['truth']}\n{names}", _places(usual, several)]
        if variants := [row for row in rows if row["by"] == "variant"]:
            parts.append(f"By the phantom's variant, against {against['truth']}\n" + _names(variants, several))
        parts += [_difference(one, against["truth"]) for one in against["differences"]]
    parts += [_way(one, bool(figures["beside"])) for one in figures["way"]]
    return "\n\n".join([*parts, *([_boxes(figures)] if any(one["rows"] for one in figures["boxes"]) else [])])


def _header(figures: dict) -> str:
    shared = f" (of {figures['of_studies']}) that {', '.join(figures['beside'])} located too" * bool(figures["beside"])
    lines = [
        f"{figures['run']}: locations of fold {', '.join(map(str, figures['folds']))}, {figures['studies']} studies"
        f"{shared}",
        f"in brackets: {100 * figures['interval']:g} % intervals from {figures['bootstrap']} bootstraps over studies",
        "identified: nearest to its own true point among those of its side, within 20 mm (VerSe's rate and recall)",
        "precision: identified of all places; exact: nearest among those of both sides too; missed: no place at all",
        f"d_mean: mm, of the identified; mean, median, 95th percentile: mm, of all places; PCK: within "
        f"{', '.join(map(str, PCK_MM))} mm, a miss is not",
    ]
    return "\n".join(lines + [PHANTOM_LINE] * figures["phantom"])


def _found_by(runs: Sequence[dict]) -> str:
    """How the targets were located, those without a true point too."""
    lines = []
    for run in runs:
        total = sum(run["targets"].values())
        ways = [f"{count} by {way}" if way != "prior" else f"{count} not at all"
                for way, count in run["targets"].items()]
        lines.append(f"{run['run'] + ': ' if len(runs) > 1 else ''}{total} targets, located: {', '.join(ways)}")
    return "\n".join(lines)


def _way(run: dict, several: bool) -> str:
    """What was told on the way, and how sure the levels are."""
    levels = run["levels"]
    name = f" ({run['run']})" if several else ""
    lines = [f"On the way{name}: {levels['found']} of {levels['of']} levels decoded"]
    if levels["median_margin"] is not None:
        lines[0] += (f"; a study's least sure level beats its rival by {levels['median_margin']:.1f} nats "
                     f"in the median, {levels['least_margin']:.1f} at least")
    if levels["doubtful"]:
        lines.append(f"by less than {DOUBTFUL_NATS:g} in {levels['doubtful']} studies: "
                     f"{', '.join(map(str, levels['doubtful_studies']))}{' ...' * (levels['doubtful'] > SHOWN)}")
    rows = [[row["note"], row["studies"], row["count"]] for row in run["notes"]]
    return "\n".join(lines) + ("\n" + grid(rows, ["", "studies", "count"]) if rows else "")


def _interleaved(runs: Sequence[dict]) -> list[dict]:
    """The rows of all runs, those of one group together, each with its `run`."""
    keys = list(dict.fromkeys((row["by"], row["name"]) for run in runs for row in run["rows"]))
    order = list(dict.fromkeys(by for by, _ in keys))
    rows = {(run["run"], row["by"], row["name"]): row for run in runs for row in run["rows"]}
    return [rows[run["run"], *key] | {"run": run["run"]} for key in sorted(keys, key=lambda key: order.index(key[0]))
            for run in runs if (run["run"], *key) in rows]


def _names(rows: Sequence[dict], several: bool) -> str:
    """Which targets carry the right name."""
    lines = [[row["studies"], row["n"], percent(row["missed"]) if row["missed"] else "-",
              _with_interval(row, "identified"), percent(row["precision"]), _with_interval(row, "exact"),
              _with_interval(row, "studies_exact")] for row in rows]
    return _grouped(rows, lines, ["studies", "targets", "missed", "identified", "precision", "exact",
                                  "studies all exact"], several)


def _bounds(rows: Sequence[dict], share: float) -> str:
    """Where every study is right no bootstrap tells how sure that is: the exact bound on the rate of wrong studies."""
    return "".join(f"\n{row['run']}: none of {row['studies']} studies has a wrong target, so that fewer than "
                   f"{percent(1 - (1 - share) ** (1 / row['studies']))} of studies have one ({100 * share:g} % bound)"
                   for row in rows if row["by"] == "all" and row["studies_exact"] == 1)


def _places(rows: Sequence[dict], several: bool) -> str:
    """How far places lie from the truth."""
    lines = [[number(row["d_mean_mm"], 1), number(row["mean_mm"], 1), _with_interval(row, "median_mm", _millimetres),
              _with_interval(row, "p95_mm", _millimetres), *(percent(row[f"pck_{most}mm"]) for most in PCK_MM),
              percent(row["slice_exact"]), percent(row["slice_within_1"])] for row in rows]
    return _grouped(rows, lines, ["d_mean", "mean", "median", "95th percentile", *(f"PCK {most}" for most in PCK_MM),
                                  "same slice", "within 1"], several)


def _grouped(rows: Sequence[dict], lines: Sequence[Sequence], headers: Sequence[str], several: bool) -> str:
    """A table with a rule between kinds of groups, and the run's name in a column where there are several."""
    table, before = [], rows[0]["by"]
    for row, line in zip(rows, lines, strict=True):
        if row["by"] != before:
            table.append(SEPARATING_LINE)
        before = row["by"]
        table.append([_LEVELS.get(row["name"], row["name"]), *([row["run"]] if several else []), *line])
    return grid(table, ["", *(["run"] if several else []), *headers])


def _difference(one: dict, truth: str) -> str:
    rows = [[row["name"], *(f"{_points(row[name]['value'])} ({between(row[name]['interval'], _points)})"
                            + (" inside the noise" if row[name]["inside_noise"] else "")
                            for name in ("identified", "exact"))] for row in one["rows"]]
    return (f"{one['run']} minus {one['minus']}, paired, against {truth} (percentage points)\n"
            + grid(rows, ["", "identified", "exact"]))


def _boxes(figures: dict) -> str:
    runs, several = figures["boxes"], bool(figures["beside"])
    names = list(dict.fromkeys(row["name"] for run in runs for row in run["rows"]))
    rows = [[name, *([run["run"]] if several else []), row["classes"], row["truths"],
             *(f"{number(row[figure], 3)} ({between(row['intervals'][figure], _three)})"
               for figure in ("map50", "map50_95"))]
            for name in names for run in runs for row in run["rows"] if row["name"] == name]
    return ("Boxes on the slices that annotated points name (average precision as ultralytics defines it)\n"
            + grid(rows, ["", *(["run"] if several else []), "classes", "true boxes", "mAP50", "mAP50-95"]))


def _with_interval(row: dict, name: str, show=percent) -> str:
    ends = row["intervals"][name]
    return show(row[name]) + (f" ({between(ends, _bare if show is percent else show)})" if None not in ends else "")


def _bare(share: float) -> str:
    return f"{100 * share:.1f}"


def _millimetres(value: float | None) -> str:
    return number(value, 1)


def _three(value: float | None) -> str:
    return number(value, 3)


def _points(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:+.1f}"
