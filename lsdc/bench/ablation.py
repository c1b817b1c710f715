"""What each ingredient of the default network is worth: taken away or added, on one fold with the same places."""

from collections.abc import Collection, Sequence
from pathlib import Path

from lsdc.bench.saved import save_figures
from lsdc.bench.standing import Standing, standing
from lsdc.bench.standing_text import NAMES, detectors, footer, noise, spread
from lsdc.bench.trial import Trial, train_trial
from lsdc.config import Variant, load_settings, load_variants
from lsdc.evaluate.cells import between, grid, number, signed

VARIANTS = Path("configs/ablation.yaml")
# the default is chosen here, so none of these studies is one that bench_quality or the README score it on; half of them
# are held out, and as many train as in a fold there
ABLATION = ("phantom.train_studies=480", "phantom.test_studies=1", "phantom.seed=77", "phantom.quirks=[]",
            "folds.count=2")
ABLATED = "ablation"  # of the names of its runs
BASE = "default"
FOLDS = (0,)


def ablation_variants(config: Path, overrides: Sequence[str] = (), *, table: Path = VARIANTS) -> list[Variant]:
    """The default network of `config`, on the phantom of this bench or as `overrides` say, and its variants in `table`.

    ConfigError with the faults of all of them: unknown settings, nothing changed.
    """
    own = [*ABLATION, *overrides]
    return [Variant(BASE, load_settings(config, own)), *load_variants(table, config, own, taken=(BASE,))]


def bench_ablation(trial: Trial, *, only: Collection[str] = (), train: bool = True) -> str:
    """Train what is missing of a trial of `ablation_variants` and score it; the table as text, figures saved as json.

    only: names of the variants to train (all where none is named); train=False only tells what is finished.
    """
    if train:
        train_trial(trial, only)
    found = standing(trial)
    rows = [row | {"minus_base": found.minus(row["name"], BASE) if row["name"] != BASE else None} for row in found.rows]
    said = save_figures("ablation", {
        "folds": list(trial.asked), "studies": found.studies, "rows": rows, "ends": found.ends,
        "left_out": found.left_out, "phantom": trial.first.settings.phantom.model_dump(mode="json"),
        "data": str(trial.folder.root)})
    return "\n\n".join([_table(found, rows), detectors(found), footer(trial, found, said)])


def _table(found: Standing, rows: Sequence[dict]) -> str:
    cells = [[row["name"], *spread(found, row), *_against(row["minus_base"]),
              number(row["seconds"]["train the classifier"], 0), "; ".join(row["changes"]) or "none"] for row in rows]
    cells += [[NAMES[end["name"]], *spread(found, end), "", "", "", "", ""] for end in found.ends]
    return grid(cells, ["", "total", "interval", "share of the way", "interval", f"minus {BASE}", "interval", "",
                        "seconds", "changes"])


def _against(difference: dict | None) -> list[str]:
    if difference is None:
        return ["", "", ""]
    return [signed(difference["value"]), between(difference["interval"], signed), noise(difference)]
