"""The text that `lsdc blend` prints."""

from collections import Counter

from lsdc.evaluate.cells import between, grid, number, percent, signed
from lsdc.evaluate.metric import TERMS


def text_of_blend(figures: dict) -> str:
    """Figures of `lsdc.report.blend` as text."""
    return "\n\n".join([_header(figures), _models(figures), _scores(figures), _verdict(figures), _weights(figures)])


def _header(figures: dict) -> str:
    return (f"{figures['studies']} studies in {len(figures['folds'])} folds; weighted log loss, lower is better; "
            f"{100 * figures['interval']:g} % intervals from {figures['bootstrap']} bootstrap samples of studies.\n"
            "Every figure is of studies that had no part in what predicts them.")


def _models(figures: dict) -> str:
    return grid([[one["name"], one["run"] or "csv", one["of"] - one["missing"], one["missing"],
                  percent(one["missing"] / one["of"])] for one in figures["models"]],
                ["model", "run", "rows", "missing or priors", "share"])


def _scores(figures: dict) -> str:
    rows = []
    for row in figures["scores"]:
        gain = row["minus_reference"] or {"value": None, "interval": [None], "p_better": None}
        rows.append([row["name"], *(number(row[term]) for term in TERMS), number(row["total"]),
                     between(row["interval"]), signed(gain["value"]), between(gain["interval"], signed),
                     number(gain["p_better"], 3)])
    return grid(rows, ["", "canal", "foraminal", "subarticular", "any-severe", "total", "interval",
                       f"minus {figures['reference']}", "paired interval", "P(better)"])


def _verdict(figures: dict) -> str:
    nested = figures["scores"][-1]
    gain = nested["minus_reference"]
    chosen = Counter(figures["chosen_without"].values())
    lines = [f"Chosen: {figures['chosen']} (without one fold: "
             f"{', '.join(f'{name} {count}x' for name, count in chosen.most_common())})",
             f"Expected of it: {number(nested['total'])} (the nested choice; a candidate's own line was looked at to "
             f"choose it), minus {figures['reference']} {signed(gain['value'])} "
             f"({between(gain['interval'], signed)})"]
    if gain["inside_noise"]:
        lines.append(f"This is inside the noise: these studies do not show that the blend is better than "
                     f"{figures['reference']}.")
    return "\n".join(lines)


def _weights(figures: dict) -> str:
    names = [one["name"] for one in figures["models"]]
    rows = [[one["condition"], one["levels"], *(number(one["shares"][name], 3) for name in names)]
            for one in figures["weights"]]
    return "Shares of the models in the pool, where all answer\n" + grid(rows, ["", "levels", *names])
