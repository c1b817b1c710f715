"""What the commands share: the data a run stands on, its folder, and the settings as shown."""

from pathlib import Path

import click

from lsdc.cli.say import say
from lsdc.competition import CompetitionFolder, open_folder
from lsdc.config import HOME, Settings, differences, load_settings, runs_root
from lsdc.errors import ConfigError, DataError
from lsdc.files import is_plain_name, need_space
from lsdc.record import data_fingerprint
from lsdc.runs import RunFolder
from lsdc.threads import cores

MAY_CHANGE = ("compute.", "evaluation.")  # after training
GIGABYTES_PER_STUDY = 0.03  # of the phantom, with room to spare


def phantom_root(settings: Settings) -> Path:
    """Where the phantom of these settings lies; other settings, another folder."""
    made = settings.phantom
    special = "".join(f"-{name}" for name in (*made.quirks, *made.variants))
    return HOME / "data" / f"phantom-{made.train_studies}-{made.test_studies}-seed{made.seed}{special}"


def make_phantom(root: Path, settings: Settings, *, workers: int = 0) -> Path:
    """The phantom's competition folder, generated if it is not there yet."""
    from lsdc.phantom import generate

    if not (root / "truth" / "phantom.json").exists():
        studies = settings.phantom.train_studies + settings.phantom.test_studies
        need_space(root, GIGABYTES_PER_STUDY * studies, f"a phantom of {studies} studies",
                   remedy="free some space, or ask for fewer studies (--set phantom.train_studies=...)")
    generate(root, settings.phantom, workers=workers or cores())
    return root / "competition"


def list_of_quirks() -> str:
    """Every quirk of the phantom as a table: name, share of studies in each part, what it is."""
    from tabulate import tabulate

    from lsdc.phantom.quirks import QUIRKS

    rows = [(name, f"{100 * quirk.rate_in('train'):.1f} %", f"{100 * quirk.rate_in('test'):.1f} %", quirk.text)
            if quirk.kind != "folder" else (name, f"{100 * quirk.rate:.0f} % of folders", "", quirk.text)
            for name, quirk in QUIRKS.items()]
    return tabulate(rows, headers=("quirk", "train", "test", "what it is"))


def open_data(data: Path | None, settings: Settings, run: RunFolder | None = None, *, training: bool = True
              ) -> CompetitionFolder:
    """The competition folder given, else the one that the run was made with, else the config's phantom."""
    if data is None and run is not None:
        data = Path(run.data()["folder"])
        if not data.is_dir():
            raise DataError("the data that this run was made with is not there", where=data,
                            remedy="give the folder's new place with DATA=... (or --data)")
    if data is None:
        data = make_phantom(phantom_root(settings), settings)
    say(f"data: {data}", err=True)
    return open_folder(data, training=training).keeping(settings.compute)


def run_path(run_name: str | None, config: Path) -> Path:
    return runs_root() / plain_name(run_name or config.stem)


def plain_name(name: str) -> str:
    """The name of a run or submission; ConfigError for one that would leave its folder."""
    if not is_plain_name(name):
        raise ConfigError("this is not a name", wanted="a plain folder name", got=repr(name),
                          remedy="choose a name without slashes; RUNS=... moves the folder of all runs")
    return name


def open_run_folder(run_name: str | None, config: Path) -> RunFolder:
    """A run that has a config; DataError that names those that are there."""
    if run_name is None and not config.exists():
        load_settings(config)  # says what is wrong with the name
    run = RunFolder(run_path(run_name, config))
    if not run.config.exists():
        there = sorted(path.parent.name for path in runs_root().glob("*/config.yaml"))
        raise DataError("this run does not exist", wanted=run.path.name, got=", ".join(there) or "no run at all",
                        where=runs_root(), remedy="name one with RUN=..., or run `make train-fold FOLD=0` first")
    return run


def open_finished_run(run_name: str | None, config: Path, overrides: tuple[str, ...]) -> tuple[RunFolder, Settings]:
    """A run that has a config, and the settings it was made with, overridden for this command only."""
    run = open_run_folder(run_name, config)
    if lost := [text for text in overrides if not text.startswith(MAY_CHANGE)]:
        raise ConfigError("a finished run keeps the settings it was made with", got=", ".join(lost),
                          wanted=" or ".join(f"{section}*" for section in MAY_CHANGE), where=run.config,
                          remedy="train another run with them: RUN=name")
    return run, load_settings(run.config, overrides)


def same_data(run: RunFolder, data: Path) -> None:
    """DataError unless the folder's csv files are those that the run was made with: a score needs its own labels."""
    if data_fingerprint(data) != run.data()["fingerprint"]:
        raise DataError("these are not the tables that the run was made with", wanted=run.data()["folder"], got=data,
                        remedy="give the run's own folder, or none")


def show_settings(settings: Settings, config: Path, overrides: tuple[str, ...]) -> None:
    """One line for each section of the effective settings, and what --set changed."""
    say(f"settings ({config}):", err=True)
    for section, values in settings.model_dump(mode="json").items():
        shown = ", ".join(f"{key}={value}" for key, value in values.items()) if isinstance(values, dict) else values
        say(f"  {section}: {shown}", err=True)
    if overrides:
        for line in differences(load_settings(config), settings):
            say(f"  --set {line}", err=True)


def need_png(path: Path | None) -> None:
    if path is not None and (path.suffix.lower() != ".png" or path.is_dir()):
        raise click.BadParameter(f"{path}: wanted the name of a .png file")
