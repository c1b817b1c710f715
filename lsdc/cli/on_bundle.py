"""Commands about the offline notebook: bundle and what is done with one. Heavy imports stay inside the commands."""

import sys
from pathlib import Path

import click

from lsdc.cli.options import Number
from lsdc.cli.say import say
from lsdc.cli.trials import FoldList

BUNDLE = Path(".lsdc/bundle")
directory = click.argument("folder", type=click.Path(path_type=Path), default=BUNDLE, required=False)


class _MakesByDefault(click.Group):
    """`lsdc bundle RUN ...` is `lsdc bundle make RUN ...`."""

    def parse_args(self, ctx, args):
        if args and args[0] not in self.commands and args[0] not in ("--help", "-h"):
            args = ["make", *args]
        return super().parse_args(ctx, args)

    def list_commands(self, ctx):
        return list(self.commands)


@click.group(cls=_MakesByDefault)
def bundle() -> None:
    """Pack trained runs for an offline notebook, verify the bundle, push it.

    \b
      lsdc bundle RUN --out DIR      the same as lsdc bundle make RUN --out DIR
      lsdc bundle verify DIR         try it as the notebook will: offline, read-only, with the image's packages
      lsdc bundle push DIR           what the kaggle client would be told
    """


@bundle.command()
@click.argument("runs", nargs=-1, metavar="[RUN]...")
@click.option("--out", type=click.Path(path_type=Path), default=BUNDLE, show_default=True, help="The folder to write.")
@click.option("--replace", is_flag=True, help="Overwrite a bundle that is there.")
@click.option("--blend", "blend_file", type=click.Path(path_type=Path), metavar="FILE",
              help="Blend the runs that this file of `lsdc blend` names.")
@click.option("--folds", type=FoldList(), default=(), metavar="0,1,...", help="Only these folds. By default all "
              "trained ones.")
@click.option("--wheel", "wheels", multiple=True, type=click.Path(path_type=Path), metavar="FILE",
              help="A wheel of a package that the image lacks, such as python-gdcm. May be repeated.")
@click.option("--image", default="2026", show_default=True, help="The notebook image that it is for.")
@click.option("--machine", type=click.Choice(["t4", "p100", "cpu"]), default="t4", show_default=True)
@click.option("--script", is_flag=True, help="Push the script kernel instead of the notebook; both are in the bundle.")
@click.option("--owner", envvar="KAGGLE_USERNAME", help="Name of the account. [env: KAGGLE_USERNAME]")
@click.option("--title", help="Title of the data set. By default: lsdc bundle RUN.")
@click.option("--kernel-title", help="Title of the notebook. By default: lsdc submit RUN.")
@click.option("--hours", type=Number(min=0, min_open=True, max=9), default=8.5, show_default=True,
              help="When the notebook has to be done, hours after its start; the site ends it after 9.")
@click.option("--fallback-limit", type=Number(0, 1), default=0.10, show_default=True,
              help="Share of rows that priors may answer before the notebook fails when it is saved.")
def make(runs: tuple[str, ...], out: Path, replace: bool, blend_file: Path | None, folds: tuple[int, ...],
         wheels: tuple[Path, ...], image: str, machine: str, script: bool, owner: str | None, title: str | None,
         kernel_title: str | None, hours: float,
         fallback_limit: float) -> None:
    """Write a flat folder: wheel, models, notebook, script, metadata, and a manifest of every file.

    RUN is the name of a run or a run folder; several need --blend, which alone is enough.
    """
    from lsdc.cli.data import open_run_folder
    from lsdc.kernel import Order, make_bundle
    from lsdc.kernel.image import image_of
    from lsdc.kernel.metadata import NOBODY, Names
    from lsdc.kernel.page import score_text
    from lsdc.runs import RunFolder

    if blend_file is not None and not runs:
        from lsdc.blend import read_blend

        runs = tuple(member.run for member in read_blend(blend_file).members if member.run is not None)
    _need("build", "setuptools", "packaging", "nbformat")
    chosen = tuple(RunFolder(Path(name)) if (Path(name) / "config.yaml").is_file() else
                   open_run_folder(name, Path(f"{name}.yaml")) for name in runs)
    word = (blend_file.stem if blend_file else chosen[0].path.name if chosen else "").replace("_", " ")
    names = Names(owner or NOBODY, title or f"lsdc bundle {word}", kernel_title or f"lsdc submit {word}")
    manifest = make_bundle(Order(chosen, names, image_of(image), tuple(folds), blend_file, wheels, machine, script,
                                 hours, fallback_limit), out, replace=replace)
    size = sum(told["size"] for told in manifest["files"].values()) / 1e6
    say(f"{out}: {len(manifest['files']) + 1} files, {size:.1f} MB, data set {names.dataset_id}, notebook "
        f"{names.kernel_id}")
    for name, told in manifest["runs"].items():
        say(f"  {name}: folds {', '.join(map(str, told['folds']))}; "
            f"{score_text(told['out_of_fold'], told['folds'])}")
    if names.owner == NOBODY:
        say("  nobody's yet: give your account's name with --owner (make bundle OWNER=name) before pushing")


@bundle.command()
@directory
@click.option("--into", type=click.Path(path_type=Path), required=True, help="A scratch folder.")
@click.option("--lenient", is_flag=True, help="Leave out what is damaged, instead of ending with an error.")
def unfold(folder: Path, into: Path, lenient: bool) -> None:
    """What the notebook calls first: check every hash, lay the runs out, print how to predict, as json."""
    import json

    from lsdc.kernel.unfold import unfold

    say(json.dumps(unfold(folder, into, lenient=lenient)))


@bundle.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--sample", type=click.Path(path_type=Path), required=True, help="sample_submission.csv.")
def check(file: Path, sample: Path) -> None:
    """Whether a submission has exactly the sample's rows, in its order, with probabilities."""
    from lsdc.kernel.submission import check_submission

    told = check_submission(file, sample)
    say(f"valid: {told['rows']} rows of {told['studies']} studies")


@bundle.command()
@directory
@click.option("--environment", "kinds", multiple=True, type=click.Choice(["here", "image", "newest"]),
              default=("image", "newest"), show_default=True,
              help="Clean environments, by what is in them; all is tried in the first. May be repeated.")
@click.option("--python", type=click.Path(path_type=Path), help="The interpreter of image and newest; by default this "
              "one, whatever the image has.")
@click.option("--sandbox", type=click.Choice(["root", "user", "guards"]), help="By default the first of these that "
              "works here.")
@click.option("--many", type=click.IntRange(min=0), default=0, metavar="N", show_default=True,
              help="Time N clean studies too.")
@click.option("--most-fallback", type=Number(0, 1), default=0.10, show_default=True,
              help="Share of rows that may be priors although their series are there and can be read.")
@click.option("--quick", is_flag=True, help="Execute the notebook on each set once, the script not at all.")
@click.option("--json", "as_json", is_flag=True, help="Print the same as json.")
def verify(folder: Path, kinds: tuple[str, ...], python: Path | None, sandbox: str | None, many: int,
           most_fallback: float, quick: bool, as_json: bool) -> None:
    """Try a bundle as its notebook will: offline, input read-only, HOME empty, only the image's packages.

    \b
    here    this interpreter's packages, by links; downloads nothing
    image   the versions of the notebook image, downloaded once (5 GB with torch), as far as this Python has them
    newest  the newest versions, downloaded once, with this interpreter's torch

    Exits with 1 when anything fails. Environments and studies are kept below the cache folder.
    """
    import json

    from lsdc.config import cache_root
    from lsdc.errors import LsdcError
    from lsdc.kernel.manifest import read_manifest
    from lsdc.kernel.page import plain, text_of
    from lsdc.kernel.verify import FIRST, QUICK, Plan
    from lsdc.kernel.verify import verify as verify_bundle

    _need("packaging", "nbformat", "nbclient", "ipykernel")
    plan = Plan(kinds, python, sandbox, many, most_fallback, QUICK if quick else FIRST)
    checks = verify_bundle(folder, cache_root(), plan)
    try:
        manifest = read_manifest(folder)
    except LsdcError:
        manifest = None  # the first check says so
    say(json.dumps(plain(checks, folder), indent=1) if as_json else text_of(checks, folder, manifest))
    if any(check.faults for check in checks):
        sys.exit(1)


@bundle.command()
@directory
@click.option("--new", is_flag=True, help="The data set is not there yet: create it, instead of a new version.")
@click.option("--yes", is_flag=True, help="Do it. Without, it is only shown.")
def push(folder: Path, new: bool, yes: bool) -> None:
    """Show what the kaggle client would be told to upload data set and notebook; tell it only with --yes."""
    import shlex

    from lsdc.kernel.push import push, push_commands

    commands = push_commands(folder, new=new)
    for command in commands:
        say(shlex.join(command))
    if not yes:
        say("nothing was done: --yes (make push YES=1) does it", err=True)
        return
    push(commands)


def _need(*modules: str) -> None:
    """LsdcError unless these are installed."""
    import importlib.util

    from lsdc.errors import LsdcError

    if missing := [name for name in modules if importlib.util.find_spec(name) is None]:
        raise LsdcError("packages that make and verify bundles are not installed", wanted=", ".join(modules),
                        got=f"no {', '.join(missing)}", remedy="make setup, or pip install 'lsdc[kernel]'")
