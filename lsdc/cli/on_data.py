"""Commands about a folder of data: phantom, audit, show. Heavy imports stay inside the commands."""

import sys
from pathlib import Path

import click

from lsdc.cli.options import config_options, data_option
from lsdc.cli.say import say

SHOWN_STUDIES = 3  # drawn where none is named


@click.command()
@config_options
@click.option("--out", type=click.Path(path_type=Path), help="Where to write. By default below .lsdc/data/.")
@click.option("--workers", type=click.IntRange(min=0), default=0, help="Processes; 0 uses every core.")
@click.option("--quirks", metavar="NAMES", help="Force quirks: names with commas between, or all; see --list-quirks.")
@click.option("--list-quirks", is_flag=True, help="Print every quirk, its rates and what it is, and stop.")
@click.option("--sheet", type=click.Path(path_type=Path), help="Draw a contact sheet of a few studies to this PNG.")
def phantom(config: Path, overrides: tuple[str, ...], out: Path | None, workers: int, quirks: str | None,
            list_quirks: bool, sheet: Path | None) -> None:
    """Make the synthetic competition folder (or meet the one that is there).

    Settings (phantom.*): train_studies and test_studies, how many; seed, the same seed gives the same bytes;
    quirks, faults forced on the studies besides those that occur by chance; variants, only studies with these counts
    of lumbar-type bodies.
    """
    from lsdc.cli.data import list_of_quirks, make_phantom, need_png, phantom_root
    from lsdc.config import load_settings

    if list_quirks:
        say(list_of_quirks())
        return
    if quirks is not None:
        overrides = (*overrides, f"phantom.quirks=[{quirks}]")
    need_png(sheet)
    settings = load_settings(config, overrides)
    root = out or phantom_root(settings)
    say(f"phantom: {make_phantom(root, settings, workers=workers)}  (truth beside it: {root / 'truth'})")
    if sheet:
        from lsdc.competition import open_folder
        from lsdc.show import draw_studies

        folder = open_folder(root / "competition")
        draw_studies(folder, folder.study_ids("train")[:SHOWN_STUDIES], sheet, box_mm=settings.detector.box_mm)
        say(f"contact sheet: {sheet}")


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), required=False)
@config_options
@data_option
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
    say(text_of(found, only=kinds, limit=limit))
    if table:
        found.write_table(table, only=kinds)
        say(f"\ntable: {table}")
    if found.fatal:
        sys.exit(1)


@click.command()
@click.argument("studies", nargs=-1, type=int, metavar="[STUDY]...")
@config_options
@data_option
@click.option("--out", type=click.Path(path_type=Path), help="The PNG to write. By default below the cache folder.")
@click.option("--locations", type=click.Path(path_type=Path),
              help="A locations.csv of a run: its places are drawn as crosses beside the annotated points.")
def show(studies: tuple[int, ...], config: Path, overrides: tuple[str, ...], data: Path | None, out: Path | None,
         locations: Path | None) -> None:
    """Draw the three planes of studies with points, boxes, levels and grades as one picture.

    STUDY is a study_id of either part; several make rows of one picture, none draws the first three of train. What
    a study lacks, and what cannot be read, is said in its place.
    """
    from lsdc.cli.data import need_png, open_data
    from lsdc.config import cache_root, load_settings

    settings = load_settings(config, overrides)
    folder = open_data(data, settings, training=data is None or (data / "train.csv").exists() or not data.is_dir())

    from lsdc.show import draw_studies
    from lsdc.tables import LOCATIONS

    need_png(out)
    studies = studies or tuple((folder.study_ids("train") or folder.study_ids("test"))[:SHOWN_STUDIES])
    out = out or cache_root() / "show" / f"{'-'.join(map(str, studies[:SHOWN_STUDIES]))}.png"
    draw_studies(folder, studies, out, box_mm=settings.detector.box_mm,
                 locations=LOCATIONS.read(locations) if locations else None)
    say(out)
