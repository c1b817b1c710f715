"""How good the default network is: beside the paper's recipe, priors and floor, on the same folds and detectors."""

from collections.abc import Collection, Sequence
from pathlib import Path

from lsdc.bench.saved import save_figures
from lsdc.bench.standing import Standing, standing
from lsdc.bench.standing_text import NAMES, detectors, footer, minutes, noise, spread
from lsdc.bench.trial import Trial, train_trial
from lsdc.config import Variant, differences, load_settings
from lsdc.evaluate.cells import between, grid, number, signed
from lsdc.evaluate.metric import TERMS

# none of its studies is one of the default phantom or of bench_ablation's, on which settings may be tried
QUALITY = ("phantom.train_studies=300", "phantom.test_studies=1", "phantom.seed=515", "phantom.quirks=[]")
PREFIX = "quality"  # of the names of its runs
PAPER = Path("configs/deepscorenet.yaml")
TAKEN_OVER = ("seed", "phantom", "folds", "detector", "compute", "evaluation")  # of the default by the paper's config


def quality_variants(config: Path, overrides: Sequence[str] = (), *, paper: Path = PAPER) -> list[Variant]:
    """`default`, of `config` on the phantom of the bench (or as `overrides` say), and `paper`, told what it takes over.

    The paper's config keeps its crops, classifier, training and augmentation. ConfigError as in load_settings.
    """
    default, own = load_settings(config, [*QUALITY, *overrides]), load_settings(paper)
    shared = own.model_copy(update={name: getattr(default, name) for name in TAKEN_OVER})
    return [Variant("default", default), Variant("paper", shared, tuple(differences(own, shared)))]


def bench_quality(trial: Trial, *, only: Collection[str] = (), train: bool = True) -> str:
    """Train what is missing of a trial of `quality_variants` and score it; the table as text, figures saved as json.

    only: names of the variants to train (all where none is named); train=False only tells what is finished.
    """
    if train:
        train_trial(trial, only)
    found = standing(trial)
    against = found.minus("default", "paper")
    said = save_figures("quality", {
        "folds": list(trial.asked), "studies": found.studies, "rows": found.rows, "ends": found.ends,
        "default_minus_paper": against, "left_out": found.left_out,
        "phantom": trial.first.settings.phantom.model_dump(mode="json"), "data": str(trial.folder.root)})
    parts = [_table(found), "\n".join(_lines(trial, found, against)), footer(trial, found, said)]
    return "\n\n".join(parts)


def _table(found: Standing) -> str:
    rows = [[NAMES.get(row["name"], row["name"]), *(number(row[term], 3) for term in TERMS), *spread(found, row),
             *(number(value, 2) for value in row["kappa"].values()), minutes(row["seconds"]["train the classifier"])]
            for row in found.rows]
    rows += [[NAMES[end["name"]], *(number(end[term], 3) for term in TERMS), *spread(found, end),
              *(number(value, 2) for value in end["kappa"].values()), ""] for end in found.ends]
    return grid(rows, ["", "canal", "foraminal", "subarticular", "any-severe", "total", "interval", "share of the way",
                       "interval", *(f"kappa {name}" for name in found.rows[0]["kappa"]), "classifier"])


def _lines(trial: Trial, found: Standing, against: dict | None) -> list[str]:
    lines = [detectors(found)]
    if against is not None:
        lines.append(f"default minus paper's recipe, paired: {signed(against['value'])} "
                     f"({between(against['interval'], signed)}), {noise(against)}")
    for variant in trial.variants[1:]:
        lines.append(f"{variant.name} takes {', '.join(TAKEN_OVER)} over from {trial.first.name}: "
                     + ("; ".join(variant.changes) or "all as its own"))
    return lines
