"""Statistics of a phantom's labels beside the competition's: rates, correlations, any severe canal, the floor."""

from collections.abc import Iterator
from itertools import product

import numpy as np
import pandas as pd
from scipy.stats import spearmanr
from tabulate import tabulate

from lsdc.bench.saved import save_figures
from lsdc.evaluate.floor import floor_predictions
from lsdc.evaluate.graded import CONDITION_OF_TARGET, LEVEL_OF_TARGET
from lsdc.evaluate.metric import score
from lsdc.phantom.latents import draw_labels
from lsdc.tables import GRADES, LATENTS
from lsdc.taxonomy import RATES, SEVERITY_COLUMNS, TARGETS, Condition, Level, Severity, Side, row_id

# Spearman correlations of the competition's labels: conditions, levels apart; pooled over levels and sides. Of one
# condition at one level: left with right; else the sides are the same, or one of them is the midline.
CORRELATIONS = {
    (Condition.CANAL, Condition.SUBARTICULAR, 0): 0.48, (Condition.SUBARTICULAR, Condition.SUBARTICULAR, 0): 0.48,
    (Condition.FORAMINAL, Condition.FORAMINAL, 0): 0.31, (Condition.FORAMINAL, Condition.SUBARTICULAR, 0): 0.36,
    (Condition.CANAL, Condition.FORAMINAL, 0): 0.26,
    (Condition.CANAL, Condition.CANAL, 1): 0.34, (Condition.CANAL, Condition.CANAL, 2): 0.20,
    (Condition.FORAMINAL, Condition.FORAMINAL, 1): 0.39, (Condition.FORAMINAL, Condition.FORAMINAL, 2): 0.23,
    (Condition.SUBARTICULAR, Condition.SUBARTICULAR, 1): 0.43,
    (Condition.SUBARTICULAR, Condition.SUBARTICULAR, 2): 0.28,
}
ANY_SEVERE_CANAL, FLOOR_TOTAL = 0.185, 0.37
_CANAL = list(Condition).index(Condition.CANAL)
PARTS = 10  # of the studies, whose spread tells how far chance moves a figure
COLUMNS = ("figure", "of", "wanted", "within", "got")


def bench_labels(seed: int, *, studies: int) -> str:
    """The label statistics as text, what is off by more than it may be marked; saved as json under the cache folder."""
    table = label_statistics(seed, studies)
    off = table.assign(off=(table["got"] - table["wanted"]).abs())
    beyond = off["off"] > off["within"] + 3 * off["chance"]
    rates = off[off["figure"] == "rate"].nlargest(3, "off")
    shown = [(row.figure, row.of, *(f"{value:.3f}" for value in (row.wanted, row.got, row.within, row.chance)),
              "OFF" if beyond[row.Index] else "")
             for part in (rates, off[off["figure"] != "rate"]) for row in part.itertuples()]
    said = save_figures("labels", {"seed": seed, "studies": studies, "figures": table.to_dict("records")})
    text = tabulate(shown, headers=("", "", "wanted", "got", "may be off by", "SD of chance", ""),
                    disable_numparse=True, colalign=("left", "left", "right", "right", "right", "right", "left"))
    over = (off["off"] > off["within"]).sum()
    return (f"{text}\n\nlabels of {studies} studies, seed {seed}; of {(off['figure'] == 'rate').sum()} rates the three "
            f"furthest off\n{over} of {len(off)} figures are further off than they may be; OFF, further than chance "
            f"explains (allowed + 3 SD): {beyond.sum()}; {said}")


def label_statistics(seed: int, studies: int) -> pd.DataFrame:
    """Figures of the first `studies` studies of a phantom's train part, without images.

    Columns: figure (rate, correlation, any severe canal, floor total), of (which), wanted (the competition's; of the
    floor its simulation), within (how far off it may be), got, chance (its standard deviation by sampling).
    """
    labels = [draw_labels(seed, "train", index) for index in range(studies)]
    severity = np.array([one.severity for one in labels])  # (studies, 25)
    chances = np.array([one.probabilities for one in labels])  # (studies, 25, 3)
    table = pd.DataFrame(_figures(severity, chances), columns=COLUMNS)
    parts = [[row[-1] for row in _figures(severity[part::PARTS], chances[part::PARTS])] for part in range(PARTS)]
    return table.assign(chance=np.std(parts, axis=0, ddof=1) / np.sqrt(PARTS))


def _figures(severity: np.ndarray, probabilities: np.ndarray) -> list[tuple]:
    any_severe = (severity[:, CONDITION_OF_TARGET == _CANAL] == Severity.SEVERE).any(axis=1).mean()
    return [*_rates(severity), *_correlations(severity),
            ("any severe canal", "studies", ANY_SEVERE_CANAL, 0.03, any_severe),
            ("floor total", "", FLOOR_TOTAL, 0.01, floor_total(severity, probabilities))]


def floor_total(severity: np.ndarray, probabilities: np.ndarray) -> float:
    """The floor by the metric: severity (studies, 25) scored against P(severity | z) (studies, 25, 3)."""
    studies = range(1, len(severity) + 1)
    targets = pd.DataFrame(TARGETS * len(severity), columns=["condition", "side", "level"])
    grades = targets.assign(study_id=np.repeat(studies, len(TARGETS)),
                            severity=np.array(SEVERITY_COLUMNS)[severity.ravel()])
    latents = pd.DataFrame(probabilities.reshape(-1, len(SEVERITY_COLUMNS)), columns=list(SEVERITY_COLUMNS))
    latents = latents.assign(row_id=[row_id(study, target) for study in studies for target in TARGETS], z=0.0)
    return score(GRADES.frame(grades), floor_predictions(LATENTS.frame(latents), studies)).total


def _rates(severity: np.ndarray) -> Iterator[tuple]:
    for (number, condition), (step, level) in product(enumerate(Condition), enumerate(Level)):
        grades = severity[:, (number == CONDITION_OF_TARGET) & (step == LEVEL_OF_TARGET)]
        for grade, wanted in zip(Severity, RATES[condition][step], strict=True):
            yield "rate", f"{condition} {level.title} {grade.column}", wanted, 0.01, (grades == grade).mean()


def _correlations(severity: np.ndarray) -> Iterator[tuple]:
    for (first, second, apart), wanted in CORRELATIONS.items():
        pairs = [(a, b) for (a, one), (b, other) in product(enumerate(TARGETS), repeat=2)
                 if (one.condition, other.condition) == (first, second)
                 and LEVEL_OF_TARGET[b] - LEVEL_OF_TARGET[a] == apart
                 and _sides_belong(one.side, other.side, left_right=first == second and not apart)]
        one, other = (severity[:, list(places)].ravel() for places in zip(*pairs, strict=True))
        yield "correlation", f"{first}, {second}, {apart} apart", wanted, 0.08, spearmanr(one, other).statistic


def _sides_belong(one: Side, other: Side, *, left_right: bool) -> bool:
    return (one, other) == (Side.LEFT, Side.RIGHT) if left_right else one == other or Side.MIDLINE in (one, other)
