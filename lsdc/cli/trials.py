"""`bench --what quality` and `--what ablation`: networks trained beside each other. Heavy imports stay inside."""

from pathlib import Path

import click

from lsdc.cli.say import say


class FoldList(click.ParamType):
    """Numbers with commas between them, as a tuple that has each once."""

    name = "folds"

    def convert(self, value, param, ctx) -> tuple[int, ...]:
        if isinstance(value, tuple):
            return value
        if not all(part.strip().isdecimal() for part in value.split(",")):
            self.fail(f"{value!r}: wanted numbers with commas between them, as in 0,1", param, ctx)
        return tuple(dict.fromkeys(int(part) for part in value.split(",")))


def bench_networks(
    what: str, config: Path, overrides: tuple[str, ...], data: Path | None, run_name: str | None, *,
    folds: tuple[int, ...], only: tuple[str, ...], variants: Path, report_only: bool,
) -> str:
    """Train the variants of `what` (quality or ablation) and compare them; the table as text.

    run_name: what the names of the runs begin with. What is wrong with settings, names or folds is told before the
    phantom is made.
    """
    from lsdc.bench.ablation import ABLATED, FOLDS, ablation_variants, bench_ablation
    from lsdc.bench.quality import PREFIX, bench_quality, quality_variants
    from lsdc.bench.trial import check_variants, open_trial, run_of
    from lsdc.cli.data import open_data, plain_name, show_settings
    from lsdc.config import runs_root
    from lsdc.device import choose_device
    from lsdc.errors import DataError, FoldError

    ablation = what == "ablation"
    compared = ablation_variants(config, overrides, table=variants) if ablation else quality_variants(config, overrides)
    settings, prefix = compared[0].settings, plain_name(run_name or (ABLATED if ablation else PREFIX))
    folds = folds or (FOLDS if ablation else ())
    check_variants(compared, only)
    if settings.folds.file is None and (unknown := [fold for fold in folds if fold >= settings.folds.count]):
        raise FoldError("a fold that does not exist", wanted=f"0 to {settings.folds.count - 1}", got=unknown[0],
                        where=config, remedy="choose among these with --folds")
    if report_only and not any(run_of(one, runs_root(), prefix).config.exists() for one in compared):
        raise DataError("nothing of this table is trained", wanted=f"runs {prefix}-*", where=runs_root(),
                        remedy="give the command without --report-only")
    show_settings(settings, config, overrides)
    if not report_only:
        say(f"device: {choose_device(settings.compute)}", err=True)
    trial = open_trial(open_data(data, settings), compared, runs_root(), prefix, folds=folds)
    return (bench_ablation if ablation else bench_quality)(trial, only=only, train=not report_only)
