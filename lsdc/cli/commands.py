"""The `lsdc` command: subcommands in flow order. Parse, load, show the settings, call one function.

Heavy imports stay inside the commands, so that `lsdc --help` answers at once.
"""

import logging
import sys
from pathlib import Path

import click

import lsdc as package

CONFIG = Path("configs/phantom.yaml")
SHOWN_STUDIES = 3  # drawn where none is named
TIMED_PHANTOM_STUDIES, LABELLED_STUDIES, MEASURED_TARGETS = 3, 2000, 20  # of `lsdc bench`


class _InFlowOrder(click.Group):
    def list_commands(self, ctx):
        return list(self.commands)


@click.group(cls=_InFlowOrder, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package.__version__)
@click.option("--verbose", "-v", is_flag=True, help="Show debugging lines, and where an error was raised.")
def lsdc(verbose: bool) -> None:
    """From a folder of lumbar MRI series to a scored submission.

    Without --data (or LSDC_DATA) a phantom is made and used: synthetic studies with a known truth, which say
    nothing about patients. Data, runs and caches live under .lsdc/ (LSDC_DATA, LSDC_RUNS, LSDC_CACHE move them).
    """
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    logging.getLogger("lsdc").setLevel(logging.DEBUG if verbose else logging.INFO)


def _config_options(command):
    for option in (
        click.option("--set", "overrides", multiple=True, metavar="SECTION.KEY=VALUE",
                     help="Change a setting; may be given several times."),
        click.option("--config", type=click.Path(path_type=Path), default=CONFIG, show_default=True,
                     help="The settings of the run."),
    ):
        command = option(command)
    return command


_data = click.option("--data", type=click.Path(path_type=Path), envvar="LSDC_DATA",
                     help="The competition folder. Without it the phantom of the config stands in.")
_run = click.option("--run", "run_name", metavar="NAME", help="Name of the run. By default the config's name.")


@lsdc.command()
@_config_options
@click.option("--out", type=click.Path(path_type=Path), help="Where to write. By default below .lsdc/data/.")
@click.option("--workers", type=click.IntRange(min=0), default=0, help="Processes; 0 uses every core.")
@click.option("--quirks", metavar="NAMES", help="Force quirks: names with commas between, or all; see --list-quirks.")
@click.option("--list-quirks", is_flag=True, help="Print every quirk, its rates and what it is, and stop.")
@click.option("--sheet", type=click.Path(path_type=Path), help="Draw a contact sheet of a few studies to this PNG.")
def phantom(config: Path, overrides: tuple[str, ...], out: Path | None, workers: int, quirks: str | None,
            list_quirks: bool, sheet: Path | None) -> None:
    """Make the synthetic competition folder (or meet the one that is there).

    Settings (phantom.*): train_studies and test_studies, how many; seed, the same seed gives the same bytes;
    quirks, faults forced on the studies besides those that occur by chance.
    """
    from lsdc.cli.data import list_of_quirks, make_phantom, phantom_root
    from lsdc.config import load_settings

    if list_quirks:
        click.echo(list_of_quirks())
        return
    if quirks is not None:
        overrides = (*overrides, f"phantom.quirks=[{quirks}]")
    settings = load_settings(config, overrides)
    root = out or phantom_root(settings)
    click.echo(f"phantom: {make_phantom(root, settings, workers=workers)}  (truth beside it: {root / 'truth'})")
    if sheet:
        from lsdc.competition import open_folder
        from lsdc.show import draw_studies

        folder = open_folder(root / "competition")
        draw_studies(folder, folder.study_ids("train")[:SHOWN_STUDIES], sheet, box_mm=settings.detector.box_mm)
        click.echo(f"contact sheet: {sheet}")


@lsdc.command()
@click.argument("folder", type=click.Path(path_type=Path), required=False)
@_config_options
@_data
@click.option("--part", type=click.Choice(["train", "test", "both"]), default="both", show_default=True,
              help="What to look at; a hidden test set has no train part.")
@click.option("--workers", type=click.IntRange(min=0), default=0, help="Processes; 0 uses every core.")
@click.option("--pixels", is_flag=True, help="Decode the images too: those of one value, those that cannot be decoded.")
@click.option("--only", multiple=True, metavar="KIND", help="List these kinds only (all are counted).")
@click.option("--limit", type=click.IntRange(min=0), default=5, show_default=True, help="Lines listed of each kind.")
@click.option("--table", type=click.Path(path_type=Path, dir_okay=False), help="Write every finding to this csv file.")
def audit(folder: Path | None, config: Path, overrides: tuple[str, ...], data: Path | None, part: str, workers: int,
          pixels: bool, only: tuple[str, ...], limit: int, table: Path | None) -> None:
    """List every fault of a competition FOLDER (or --data, LSDC_DATA), grouped and counted.

    fatal: training or submitting is impossible or wrong. warning: something is lost, or contradicts itself.
    note: lsdc copes without any loss, other programs may not. Exits with 1 when something is fatal. Headers are
    read and nothing is written, but --table.
    """
    from lsdc.audit import Kind, audit_folder, text_of
    from lsdc.cli.data import make_phantom, phantom_root
    from lsdc.config import load_settings

    if unknown := sorted(set(only) - set(Kind)):
        raise click.BadParameter(f"{', '.join(unknown)}: the kinds are {', '.join(Kind)}", param_hint="--only")
    kinds = [Kind(name) for name in only]
    root = folder or data
    if root is None:
        settings = load_settings(config, overrides)
        root = make_phantom(phantom_root(settings), settings)
    found = audit_folder(root, parts=("train", "test") if part == "both" else (part,), workers=workers, pixels=pixels)
    click.echo(text_of(found, only=kinds, limit=limit))
    if table:
        found.write_table(table, only=kinds)
        click.echo(f"\ntable: {table}")
    if found.fatal:
        sys.exit(1)


@lsdc.command()
@click.argument("studies", nargs=-1, type=int, metavar="[STUDY]...")
@_config_options
@_data
@click.option("--out", type=click.Path(path_type=Path), help="The PNG to write. By default below the cache folder.")
@click.option("--locations", type=click.Path(path_type=Path),
              help="A locations.csv of a run: its places are drawn as crosses beside the annotated points.")
def show(studies: tuple[int, ...], config: Path, overrides: tuple[str, ...], data: Path | None, out: Path | None,
         locations: Path | None) -> None:
    """Draw the three planes of studies with points, boxes, levels and grades as one picture.

    STUDY is a study_id of either part; several make rows of one picture, none draws the first three of train. What
    a study lacks, and what cannot be read, is said in its place.
    """
    from lsdc.cli.data import open_data
    from lsdc.config import cache_root, load_settings

    settings = load_settings(config, overrides)
    folder = open_data(data, settings, training=data is None or (data / "train.csv").exists() or not data.is_dir())

    from lsdc.show import draw_studies
    from lsdc.tables import LOCATIONS

    studies = studies or tuple((folder.study_ids("train") or folder.study_ids("test"))[:SHOWN_STUDIES])
    out = out or cache_root() / "show" / f"{'-'.join(map(str, studies[:SHOWN_STUDIES]))}.png"
    draw_studies(folder, studies, out, box_mm=settings.detector.box_mm,
                 locations=LOCATIONS.read(locations) if locations else None)
    click.echo(out)


@lsdc.command("train-fold")
@click.option("--fold", type=int, required=True, help="The fold to hold out, counted from 0.")
@_config_options
@_data
@_run
def train_fold(fold: int, config: Path, overrides: tuple[str, ...], data: Path | None, run_name: str | None) -> None:
    """Train detector and classifier of one fold, predict its held-out studies, and score them."""
    _train([fold], config, overrides, data, run_name)


@lsdc.command()
@_config_options
@_data
@_run
def train(config: Path, overrides: tuple[str, ...], data: Path | None, run_name: str | None) -> None:
    """Train every fold, one after the other, and score them together."""
    _train(None, config, overrides, data, run_name)


def _train(folds, config, overrides, data, run_name) -> None:
    from lsdc.cli.data import open_data, run_path, show_settings
    from lsdc.config import load_settings
    from lsdc.device import choose_device
    from lsdc.errors import FoldError

    settings = load_settings(config, overrides)
    show_settings(settings, config, overrides)
    if settings.folds.file is None and any(not 0 <= fold < settings.folds.count for fold in folds or []):
        raise FoldError("a fold that does not exist", wanted=f"0 to {settings.folds.count - 1}", got=folds[0],
                        where=config, remedy="choose one of these with FOLD=..., or change folds.count")
    if data is not None and not data.is_dir():  # before anything slow
        open_data(data, settings)
    click.echo(f"device: {choose_device(settings.compute)}", err=True)
    folder = open_data(data, settings)

    from lsdc.folds import write_or_read_folds
    from lsdc.train import check_models, open_run, train_fold

    check_models(settings)
    run = open_run(run_path(run_name, config), settings, folder.root)
    made = write_or_read_folds(run.folds, folder.grades, settings.folds)
    for fold in folds or sorted(set(made.fold.tolist())):
        train_fold(folder, settings, fold, run)
    _print_evaluation(run, folder, settings)


@lsdc.command()
@_config_options
@_data
@_run
@click.option("--json", "as_json", is_flag=True, help="Print the figures as json instead of tables.")
def evaluate(config: Path, overrides: tuple[str, ...], data: Path | None, run_name: str | None, as_json: bool) -> None:
    """Score the out-of-fold predictions of a run beside the priors and the phantom's floor."""
    from lsdc.cli.data import open_data, open_finished_run, same_data

    run, settings = open_finished_run(run_name, config, overrides)
    folder = open_data(data, settings, run)
    same_data(run, folder.root)
    _print_evaluation(run, folder, settings, as_json=as_json)


def _print_evaluation(run, folder, settings, *, as_json: bool = False) -> None:
    import json

    from lsdc.evaluate import evaluate_run
    from lsdc.files import write_json

    result = evaluate_run(run, folder, settings.evaluation)
    click.echo(json.dumps(result.figures, indent=1) if as_json else result.text)
    write_json(run.evaluation, result.figures)


@lsdc.command()
@_config_options
@_data
@_run
@click.option("--name", help="Folder below submissions/. By default the run's name.")
@click.option("--replace", is_flag=True, help="Overwrite a submission of that name.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("submissions"), show_default=True)
def submit(config: Path, overrides: tuple[str, ...], data: Path | None, run_name: str | None, name: str | None,
           replace: bool, out: Path) -> None:
    """Run every trained fold over the test part and write a checked submission.csv with its manifest."""
    from lsdc.cli.data import open_data, open_finished_run, plain_name

    run, settings = open_finished_run(run_name, config, overrides)
    folder = open_data(data, settings, run, training=False)

    from lsdc.device import choose_device
    from lsdc.submit import make_submission

    target = out / plain_name(name or run.path.name)
    manifest = make_submission(folder, run, choose_device(settings.compute), target, replace=replace)
    click.echo(f"{target / 'submission.csv'}: {manifest['rows']} rows of {manifest['studies']} studies from folds "
               f"{', '.join(map(str, manifest['folds']))}; {manifest['fallback_rows']} rows are priors")
    for cause, rows in manifest["fallbacks"].items():
        click.echo(f"  {rows:5d} rows: {cause}")


@lsdc.command()
@_config_options
@_data
@_run
@click.option("--what", multiple=True, type=click.Choice(["phantom", "inference", "labels", "physics", "evidence"]),
              default=["phantom", "inference"], show_default=True, help="May be given several times.")
@click.option("--studies", type=click.IntRange(min=1), default=8, show_default=True,
              help="inference: test studies to time.")
@click.option("--training", type=click.IntRange(min=2), default=400, show_default=True,
              help="evidence: studies that the small networks learn from.")
@click.option("--scoring", type=click.IntRange(min=1), default=100, show_default=True,
              help="evidence: studies that they are scored on.")
@click.option("--steps", type=click.IntRange(min=1), default=2500, show_default=True,
              help="evidence: training steps of each network.")
def bench(config: Path, overrides: tuple[str, ...], data: Path | None, run_name: str | None, what: tuple[str, ...],
          studies: int, training: int, scoring: int, steps: int) -> None:
    """Make figures again, and keep them as json below .lsdc/cache/bench/.

    \b
    phantom    seconds and memory per study of making the phantom
    inference  seconds per study by stage, on the test part with the first trained fold of a run
    labels     rates, correlations and floor of the phantom's labels beside the competition's
    physics    how areas and depths measured on the phantom's images follow its latents
    evidence   small networks that see perfect crops, whole images, or slices without geometry

    All but inference are about the phantom of the config, whatever --data says.
    """
    from lsdc.cli.data import make_phantom, open_data, open_finished_run, phantom_root
    from lsdc.config import load_settings

    run, settings = (open_finished_run(run_name, config, overrides) if "inference" in what else
                     (None, load_settings(config, overrides)))

    for name in dict.fromkeys(what):  # each imports what it needs, as memory is measured too
        if name == "phantom":
            from lsdc.bench.generation import bench_generation

            text = bench_generation(settings.phantom.seed, studies=TIMED_PHANTOM_STUDIES)
        elif name == "inference":
            from lsdc.bench.inference import bench_inference

            text = bench_inference(open_data(data, settings, run, training=False), run, settings, studies=studies)
        elif name == "labels":
            from lsdc.bench.labels import bench_labels

            text = bench_labels(settings.phantom.seed, studies=LABELLED_STUDIES)
        elif name == "physics":
            from lsdc.bench.physics import bench_physics

            text = bench_physics(settings.phantom.seed, targets=MEASURED_TARGETS)
        else:
            from lsdc.bench.evidence import bench_evidence, evidence_settings

            own = evidence_settings(settings, training + scoring)
            folder = open_data(make_phantom(phantom_root(own), own), own)
            text = bench_evidence(folder, own, training=training, steps=steps)
        click.echo(f"{text}\n")


@lsdc.command()
@_data
def doctor(data: Path | None) -> None:
    """Say what this machine has and what is missing, with the remedy."""
    from lsdc.cli.doctor import examine

    findings = examine(data)
    for finding in findings:
        click.echo(finding.line)
    if any(finding.fatal for finding in findings):
        sys.exit(1)
