"""Commands about several models together: blend, submissions. Heavy imports stay inside the commands."""

from pathlib import Path

import click

from lsdc.cli.options import config_options, data_option
from lsdc.cli.say import say

BLEND = Path(".lsdc/blend.json")


@click.command()
@click.argument("models", nargs=-1, required=True, metavar="MODEL...")
@config_options
@data_option
@click.option("--folds", "folds_file", type=click.Path(path_type=Path),
              help="The folds file. By default that of the first run among the models.")
@click.option("--out", type=click.Path(path_type=Path), default=BLEND, show_default=True,
              help="The blend file; the blend's out-of-fold predictions lie beside it as csv.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as json instead of tables.")
def blend(models: tuple[str, ...], config: Path, overrides: tuple[str, ...], data: Path | None,
          folds_file: Path | None, out: Path, as_json: bool) -> None:
    """Blend the out-of-fold predictions of several models, or calibrate those of one.

    MODEL is the name of a run, a run folder, or a csv file of predictions with the column fold; NAME=MODEL gives it
    another name. Weights, temperatures, vector scaling, a second level and the any-severe term are fitted and chosen
    by nested cross-validation over the folds. `lsdc submit --blend` applies the file that is left.
    """
    import json

    from lsdc.blend.sources import read_source, stack_sources
    from lsdc.cli.data import open_data, same_data
    from lsdc.config import load_settings, runs_root
    from lsdc.errors import DataError
    from lsdc.files import alone, file_hash
    from lsdc.folds import read_folds
    from lsdc.runs import RunFolder

    settings = load_settings(config, overrides)
    sources = [read_source(text, runs_root()) for text in models]
    words = [text.rpartition("=")[2] for text in models]
    runs = [RunFolder(Path(word) if Path(word).is_dir() else runs_root() / word)
            for word, source in zip(words, sources, strict=True) if source.member.run is not None]
    if folds_file is None and not runs:
        raise DataError("nothing says which fold held which study out", wanted="a folds file", got=", ".join(models),
                        remedy="give it with --folds (make blend FOLDS=folds.csv), or name a run")
    if folds_file is None:
        folds_file = runs[0].folds
    folder = open_data(data, settings, runs[0] if runs else None)
    for run in runs:
        same_data(run, folder.root)
    folds = read_folds(folds_file, folder.study_ids("train"))
    stack = stack_sources(sources, folds, folder.grades, where=folds_file)

    from lsdc.blend import write_blend
    from lsdc.blend.cross_fit import cross_fit
    from lsdc.record import commit
    from lsdc.report.blend import blending
    from lsdc.report.blend_text import text_of_blend

    with alone(out, busy="another process is making this blend"):
        result = blending(cross_fit(stack), sources, folder.grades, settings.evaluation, commit=commit(),
                          folds_sha256=file_hash(folds_file))
        say(json.dumps(result.figures, indent=1) if as_json else text_of_blend(result.figures))
        write_blend(result.blend, out, result.predictions)
    say(f"blend: {out}; its out-of-fold predictions: {out.with_suffix('.csv')}", err=True)


@click.command()
@click.option("--out", "root", type=click.Path(path_type=Path), default=Path("submissions"), show_default=True,
              help="The folder of all submissions.")
@click.option("--json", "as_json", is_flag=True, help="Print the same as json.")
def submissions(root: Path, as_json: bool) -> None:
    """List all submissions in one table, from their manifests; leaves it as ledger.csv beside them.

    Leaderboard scores are typed by hand into leaderboard.csv there: name, public, private.
    """
    import json

    from lsdc.report.ledger import read_ledger, text_of_ledger, write_ledger

    rows, notes = read_ledger(root)
    if as_json:
        say(json.dumps({"root": str(root), "submissions": rows, "notes": notes}, indent=1))
    elif rows or notes:
        say(text_of_ledger(rows, notes))
    else:
        say(f"no submission in {root} yet: make submit makes one")
    if rows:
        write_ledger(root, rows)
