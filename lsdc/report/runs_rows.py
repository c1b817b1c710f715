"""Runs side by side: a plain row for each, ready for json, and which of them were scored on the same studies."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from string import ascii_uppercase

from lsdc.errors import DataError
from lsdc.report.reading import RunReading, read_run
from lsdc.report.records import EvaluationRecord
from lsdc.runs import RunFolder

DETECTOR, CLASSIFIER = "train the detector", "train the classifier"


def read_runs(root: Path, names: Sequence[str] = ()) -> list[RunReading]:
    """Every run folder under `root`, or those named; DataError for a name that is not there."""
    there = sorted(path.name for path in Path(root).glob("*") if path.is_dir() and not path.name.startswith("."))
    if absent := [name for name in names if name not in there]:
        raise DataError("there is no run of this name", wanted=", ".join(absent),
                        got=", ".join(there) or "no run at all", where=root,
                        remedy="name runs that are there, or none for all")
    return [read_run(RunFolder(Path(root) / name)) for name in dict.fromkeys(names or there)]


def rows_of(readings: Sequence[RunReading]) -> list[dict]:
    """A row for each run: those scored on the same studies together (key `set`), best first; then the others by name.

    A number that is not known is None. Seconds are sums over folds; scores stand only where they are of the
    predictions that are there, and `notes` tell why there is none.
    """
    sets = _sets(readings)
    rows = [_row(one, sets.get(_scored_on(one))) for one in readings]
    return sorted(rows, key=lambda row: (row["set"] is None, row["set"] or "", _total(row), row["run"]))


def warnings_of(rows: Sequence[Mapping]) -> list[str]:
    """What must be known before scores of these rows are compared."""
    sets = sorted({row["set"] for row in rows if row["set"]}, key=lambda name: (len(name), name))
    warnings = []
    if len(sets) > 1:
        of = [next(row for row in rows if row["set"] == name) for name in sets]
        told = "; ".join(f"{name}: {row['studies']} studies of {row['data']['name']}, fold {_folds(row)}"
                         for name, row in zip(sets, of, strict=True))
        warnings.append(f"These scores are of {len(sets)} different sets of studies ({told}). Scores of different "
                        "studies cannot be compared: look within one set.")
    if len({row["score"]["level"] for row in rows if row["score"]}) > 1:
        warnings.append("These intervals are not all of one level (evaluation.interval): see --json.")
    return warnings


def data_name(reading: RunReading) -> str | None:
    """The data folder's name; of a phantom, which lies in a folder `competition`, that of the folder around it."""
    if reading.environment is None:
        return None
    folder = Path(reading.environment.data.folder)
    name = folder.parent.name if folder.name == "competition" else folder.name
    phantom = reading.evaluation is not None and reading.evaluation.phantom
    return f"phantom {name}" if phantom and "phantom" not in name else name


def config_name(reading: RunReading) -> str | None:
    """Stem of the config's file, and how many settings were changed by --set; None where it is not written down."""
    source = reading.environment.config if reading.environment else None
    if source is None or source.file is None:
        return None
    return Path(source.file).stem + (f" + {len(source.set)} set" if source.set else "")


def network(reading: RunReading) -> str | None:
    section = reading.config.get("classifier")
    name = section.get("network") if isinstance(section, Mapping) else None
    return None if name is None else str(name)


def _row(reading: RunReading, scored_set: str | None) -> dict:
    environment, times = reading.environment, (reading.seconds[DETECTOR], reading.seconds[CLASSIFIER])
    return {
        "run": reading.name, "state": reading.state, "notes": list(reading.notes), "set": scored_set,
        "config": config_name(reading),
        "data": {"name": data_name(reading), "folder": environment.data.folder if environment else None,
                 "fingerprint": environment.data.fingerprint if environment else None},
        "folds": {"located": list(reading.located), "finished": list(reading.finished), "of": _count(reading)},
        "studies": len(reading.scored_studies) or None,
        "score": _score(reading.scored) if reading.scored else None,
        "seconds": {"detector": times[0], "classifier": times[1], "training": _sum(times)},
        "peak_memory_gb": reading.peak_memory_gb, "network": network(reading), "commits": list(reading.commits),
        "begun": environment.begun if environment else None,
    }


def _score(evaluation: EvaluationRecord) -> dict:
    model, priors, floor = (evaluation.score(name) for name in ("model", "priors", "floor"))
    way = evaluation.share_of_way
    return {
        "total": model.total, "interval": list(model.intervals.total), "level": evaluation.interval,
        "folds": list(evaluation.folds), "priors": priors.total, "floor": floor.total if floor else None,
        "inside_noise": evaluation.model_minus_priors.inside_noise,
        "share_of_way": {"value": way.value, "interval": list(way.interval)} if way else None,
        "linear_kappa": {one.condition: one.linear_kappa for one in evaluation.agreement},
    }


def _scored_on(reading: RunReading) -> tuple | None:
    """What makes scores comparable: the data's tables and the studies of them; None without a score."""
    return (reading.environment.data.fingerprint, reading.scored_studies) if reading.scored else None


def _sets(readings: Sequence[RunReading]) -> dict[tuple, str]:
    """A letter for each set of studies that a run was scored on, the largest set first."""
    keys = {key: min(one.name for one in readings if _scored_on(one) == key)
            for key in {_scored_on(one) for one in readings} - {None}}
    ordered = sorted(keys, key=lambda key: (-len(key[1]), keys[key]))
    return {key: _letters(number) for number, key in enumerate(ordered)}


def _letters(number: int) -> str:
    """A, B, ... Z, AA, AB, ...

    >>> _letters(0), _letters(27)
    ('A', 'AB')
    """
    rest, last = divmod(number, len(ascii_uppercase))
    return (_letters(rest - 1) if rest else "") + ascii_uppercase[last]


def _count(reading: RunReading) -> int | None:
    """How many folds there are, trained or not."""
    section = reading.config.get("folds")
    count = section.get("count") if isinstance(section, Mapping) else None
    return len(reading.folds) or (count if isinstance(count, int) else None)


def _sum(seconds: Sequence[float | None]) -> float | None:
    return None if None in seconds else sum(seconds)


def _total(row: Mapping) -> float:
    total = row["score"]["total"] if row["score"] else None
    return float("inf") if total is None else total


def _folds(row: Mapping) -> str:
    return ", ".join(map(str, row["score"]["folds"]))
