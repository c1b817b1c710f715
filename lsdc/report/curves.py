"""The losses of a run's classifiers by epoch, as history.csv of each fold has them."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from lsdc.report.figures import Curve, learning_curves
from lsdc.report.page import Figure, Grid
from lsdc.report.reading import FileReader
from lsdc.runs import RunFolder
from lsdc.tables import read_csv

COLUMNS = ("epoch", "learning_rate", "train_loss")  # and tuning_loss, where there were tuning studies


def read_curves(run: RunFolder) -> tuple[list[Curve], list[str]]:
    """The curve of each fold with a finished classifier, and what could not be read."""
    reader = FileReader(run.path)
    curves = [curve for fold in run.folds_with("classifier/history.csv")
              if (curve := reader.read(fold.history, _curve)) is not None]
    return curves, reader.problems


def curves_figure(curves: Sequence[Curve]) -> Figure:
    told = "; ".join(_told(curve) for curve in curves)
    return Figure(learning_curves(curves), f"Losses and learning rate by epoch. {told}.",
                  "Solid: training loss (with augmentation); dashed: tuning loss; below, the learning rate.")


def curves_grid(curves: Sequence[Curve]) -> Grid:
    rows = []
    for curve in curves:
        best = _least(curve)
        rows.append([curve.name, str(len(curve.epochs)), _loss(curve.training[0]), _loss(curve.training[-1]),
                     *(["-", "-"] if best is None else [_loss(curve.tuning[best]), str(curve.epochs[best])])])
    return Grid("Losses of the classifier", ("fold", "epochs", "training, first", "training, last", "tuning, least",
                                             "at epoch"), rows)


def _curve(path: Path) -> Curve:
    table = read_csv(path)
    if absent := [name for name in COLUMNS if name not in table.columns]:
        raise ValueError(f"no column {', '.join(absent)}")
    if table.empty:
        raise ValueError("no epoch in it")
    values = {name: [float("nan" if pd.isna(cell) else cell) for cell in table[name]]
              for name in (*COLUMNS, "tuning_loss") if name in table.columns}
    return Curve(path.parent.parent.name.replace("fold", "fold "), [int(one) for one in values["epoch"]],
                 values["train_loss"], values.get("tuning_loss"), values["learning_rate"])


def _told(curve: Curve) -> str:
    best = _least(curve)
    tuning = "" if best is None else (f", its tuning loss is least at epoch {curve.epochs[best]} "
                                      f"({_loss(curve.tuning[best])})")
    return (f"{curve.name}: the training loss goes from {_loss(curve.training[0])} to {_loss(curve.training[-1])} "
            f"in {len(curve.epochs)} epochs{tuning}")


def _least(curve: Curve) -> int | None:
    """Where the tuning loss is least; None without one."""
    if curve.tuning is None or not np.isfinite(curve.tuning).any():
        return None
    return int(np.nanargmin(curve.tuning))


def _loss(value: float) -> str:
    return f"{value:.4f}" if np.isfinite(value) else "-"
