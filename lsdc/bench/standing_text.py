"""Cells and lines that the tables of quality and ablation share."""

from lsdc.bench.standing import Standing
from lsdc.bench.trial import Trial
from lsdc.evaluate.cells import between, number, percent
from lsdc.evaluate.table import PHANTOM_LINE
from lsdc.taxonomy import TARGETS

NAMES = {"paper": "paper's recipe", "priors": "priors of the training folds", "floor": "floor of the phantom"}


def spread(found: Standing, row: dict) -> list[str]:
    """Cells of a row or an end: total, its interval, share of the way from priors to floor, its interval."""
    if "share_of_way" in row:
        way = row["share_of_way"] or {"value": None, "interval": [None, None]}
    else:
        way = {"value": float(row["name"] == "floor") if len(found.ends) > 1 else None, "interval": [None, None]}
    return [number(row["total"], 3), between(row["intervals"]["total"], lambda end: number(end, 3)),
            percent(way["value"]), between(way["interval"], percent)]


def noise(difference: dict) -> str:
    """Whether a difference says anything."""
    return "inside the noise" if difference["inside_noise"] else "clear of the noise"


def minutes(seconds: float) -> str:
    """Seconds as a cell."""
    return f"{seconds / 60:.1f} min"


def detectors(found: Standing) -> str:
    """The time of what all rows share, as the first row has it on record, and of all that this row took."""
    seconds = found.rows[0]["seconds"]
    return (f"shared by all rows: detectors {minutes(seconds['train the detector'])}, places "
            f"{minutes(seconds['locate'])}; with them {found.rows[0]['name']} took {minutes(sum(seconds.values()))}")


def footer(trial: Trial, found: Standing, said: str) -> str:
    """What was scored, what was not, and where the figures are."""
    lines = [f"{found.studies} studies of fold {', '.join(map(str, trial.asked))}, each out of fold; "
             f"{100 * found.settings.interval:g} % intervals from {found.settings.bootstrap} bootstrap samples of "
             f"studies, paired; runs {trial.prefix}-*: {said}"]
    answered = [f"{row['fallback_rows']} of {row['name']}" for row in found.rows if row["fallback_rows"]]
    if answered:
        lines.insert(0, f"rows answered by priors, of {len(TARGETS) * found.studies}: {', '.join(answered)}")
    phantom = [PHANTOM_LINE] if any(end["name"] == "floor" for end in found.ends) else []
    return "\n".join([*(f"left out: {line}" for line in found.left_out), *lines, *phantom])
