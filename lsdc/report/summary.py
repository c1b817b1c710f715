"""The one-page summary of a run: `summary.html` in its folder, from what is on disk, whatever is there so far."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from lsdc.evaluate.cells import between, number, percent
from lsdc.evaluate.table import PHANTOM_LINE
from lsdc.files import write_text
from lsdc.report.curves import curves_figure, curves_grid, read_curves
from lsdc.report.figures import Curve, stage_bars
from lsdc.report.page import Figure, Grid, Part, key_value, render
from lsdc.report.reading import RunReading, read_run
from lsdc.report.records import EvaluationRecord
from lsdc.report.runs_rows import config_name, data_name, network
from lsdc.report.runs_text import minutes
from lsdc.report.score_parts import detail_parts, score_part
from lsdc.runs import RESULTS, RunFolder


def write_summary(run: RunFolder) -> Path:
    """Write the summary of a run and return its path; the same files give the same bytes."""
    write_text(run.summary, summary_of(run))
    return run.summary


def summary_of(run: RunFolder, reading: RunReading | None = None, *, home: str = "") -> str:
    """The page as html. What is damaged, stale or not there yet is said in it and left out.

    reading: of the run, where something is known that its folder does not tell; home: a page that it leads back to.
    """
    reading = reading or read_run(run)
    curves, problems = read_curves(run)
    scored = reading.scored
    parts = [
        *([score_part(scored)] if scored else []),
        *([_training(curves)] if curves else []),
        *(detail_parts(scored) if scored else []),
        *([_stages(reading)] if any(reading.stages.values()) else []),
        _made_with(reading),
        *([_settings(reading.config)] if reading.config else []),
    ]
    return render("summary.html", home=home, run=reading.name, lead=_lead(reading), notices=_notices(reading, problems),
                  phantom=PHANTOM_LINE if scored and scored.phantom else "", key=_key(reading), parts=parts)


def _lead(reading: RunReading) -> str:
    of = f", of {len(reading.folds)} folds" if reading.folds else ""
    told = f"{network(reading) or 'unknown network'} on {data_name(reading) or 'unknown data'}: "
    told += f"{_folds(reading.located)} located, {_folds(reading.finished)} finished{of}."
    if scored := reading.scored:
        told += f" {len(reading.scored_studies)} studies with {scored.rows} labelled rows scored out of fold."
    return told


def _notices(reading: RunReading, problems: list[str]) -> list[str]:
    notices = [*reading.notes, *problems]
    if (scored := reading.scored) and scored.model_minus_priors.inside_noise:
        notices.append("The difference from the priors is inside the noise of so few studies: it does not show that "
                       "the model is better or worse than a table of class rates.")
    return notices


def _key(reading: RunReading) -> list[tuple[str, str, str]]:
    """The figures at the top: name, value, and what stands beside it."""
    return key_figures(reading.scored) if reading.scored else []


def key_figures(scored: EvaluationRecord) -> list[tuple[str, str, str]]:
    """Score, share of the way and kappa of an evaluation: name, value, and what stands beside it."""
    model, priors, floor = (scored.score(name) for name in ("model", "priors", "floor"))
    ends = f"priors {number(priors.total)}" + (f", floor {number(floor.total)}" if floor else "")
    key = [("Score (weighted log loss)", number(model.total), f"{between(model.intervals.total)}; {ends}")]
    if way := scored.share_of_way:
        key.append(("Way from priors to floor", percent(way.value), between(way.interval, percent)))
    kappas = " / ".join(number(one.linear_kappa, 2) for one in scored.agreement)
    key.append(("Linear kappa", kappas, " / ".join(one.condition for one in scored.agreement)))
    return key


def _training(curves: Sequence[Curve]) -> Part:
    return Part("Learning curves", "curves", figures=[curves_figure(curves)], grids=[curves_grid(curves)])


def _stages(reading: RunReading) -> Part:
    """Minutes and memory of each stage and fold, as figure and table."""
    folds = {f"fold {number}": stages for number, stages in sorted(reading.stages.items()) if stages}
    spent = {name: {stage: stages[stage].seconds / 60 for stage in RESULTS if stage in stages}
             for name, stages in folds.items()}
    told = "; ".join(f"{name}: {', '.join(f'{stage} {value:.1f}' for stage, value in one.items())}"
                     for name, one in spent.items())
    rows = [[name, *(minutes(stages[stage].seconds if stage in stages else None) for stage in RESULTS),
             f"{max(one.peak_memory_gb for one in stages.values()):.1f}"] for name, stages in folds.items()]
    rows.append(["all", *(minutes(reading.seconds[stage]) for stage in RESULTS),
                 number(reading.peak_memory_gb, 1)])
    return Part("Time and memory", "stages",
                figures=[Figure(stage_bars(spent), f"Minutes of each stage. {told}.", "Minutes of each stage.")],
                grids=[Grid("Minutes of each stage, and the largest process", ("fold", *RESULTS, "peak GB"), rows)])


def _made_with(reading: RunReading) -> Part:
    """Data, environment and commits."""
    known = reading.environment
    if known is None:
        return Part("Data and environment", "made", ["Not known: environment.json is not there or damaged."])
    # the whole path, in environment.json, may name people
    data = {"name": data_name(reading), "folder": "/".join(Path(known.data.folder).parts[-2:]),
            "fingerprint of its tables": known.data.fingerprint,
            "studies by fold": ", ".join(f"{fold}: {len(studies)}" for fold, studies in reading.folds.items())}
    machine = " ".join(str(part) for part in (known.system, known.processor) if part)
    made = {"command": known.command, "config": config_name(reading),
            "changed by --set": ", ".join(known.config.set) if known.config else None,
            "commits": ", ".join(reading.commits), "begun": known.begun, "lsdc": known.lsdc, "python": known.python,
            "machine": f"{machine}, {known.cores} cores" if known.cores else machine,
            "packages": ", ".join(f"{name} {version}" for name, version in known.packages.items() if version)}
    return Part("Data and environment", "made", grids=[
        key_value("Data", _or_dash(data)), key_value("Made with", _or_dash(made))])


def _settings(config: Mapping) -> Part:
    """The effective settings, a table for each section."""
    alone = {str(key): value for key, value in config.items() if not isinstance(value, Mapping)}
    sections = {"run": alone, **{str(key): value for key, value in config.items() if isinstance(value, Mapping)}}
    grids = [key_value(name, {str(key): _shown(value) for key, value in values.items()})
             for name, values in sections.items() if values]
    return Part("Settings", "settings", grids=grids, narrow=True)


def _shown(value: object) -> str:
    """A setting as text.

    >>> _shown({"canal": 48, "foraminal": 40}), _shown([]), _shown(None), _shown(True)
    ('canal 48, foraminal 40', 'none', 'null', 'true')
    """
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_shown(one)}" for key, one in value.items()) or "none"
    if isinstance(value, list):
        return ", ".join(map(_shown, value)) or "none"
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _or_dash(values: Mapping[str, str | None]) -> dict[str, str]:
    return {name: value or "-" for name, value in values.items()}


def _folds(numbers: Sequence[int]) -> str:
    """Which folds.

    >>> _folds((0, 2)), _folds(())
    ('fold 0, 2', 'no fold')
    """
    return f"fold {', '.join(map(str, numbers))}" if numbers else "no fold"
