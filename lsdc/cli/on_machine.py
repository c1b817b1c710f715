"""Commands about the machine: bench, doctor. Heavy imports stay inside the commands."""

import sys
from pathlib import Path

import click

from lsdc.cli.options import config_options, data_option, run_option
from lsdc.cli.say import say
from lsdc.cli.trials import FoldList

TIMED_STUDIES, TIMED_PHANTOM_STUDIES, MANY_STUDIES, MEASURED_TARGETS = 8, 3, 2000, 20  # many: as the competition has


@click.command()
@config_options
@data_option
@run_option
@click.option("--what", multiple=True, type=click.Choice(["stages", "phantom", "labels", "physics", "evidence",
                                                             "audit", "scores", "locations", "quality",
                                                             "ablation", "predict", "report", "sizes"]),
              default=["stages"], show_default=True, help="May be given several times.")
@click.option("--studies", type=click.IntRange(min=1), show_default=f"{TIMED_STUDIES}, of sizes 10000",
              help="predict: test studies to time. report: studies of the training part. sizes: the largest "
                   "size; a tenth and a hundredth of it come before.")
@click.option("--training", type=click.IntRange(min=2), default=400, show_default=True,
              help="evidence: studies that the small networks learn from.")
@click.option("--scoring", type=click.IntRange(min=1), default=100, show_default=True,
              help="evidence: studies that they are scored on.")
@click.option("--steps", type=click.IntRange(min=1), default=2500, show_default=True,
              help="evidence: training steps of each network.")
@click.option("--folds", type=FoldList(), default=(), metavar="0,1,...",
              help="quality, ablation: only these folds. By default all, of ablation fold 0.")
@click.option("--only", multiple=True, metavar="ROW", help="stages: measure only this one; may be repeated. quality, "
              "ablation: train only this row; the table has all finished ones.")
@click.option("--report-only", is_flag=True, help="quality, ablation: train nothing, print what is finished.")
@click.option("--variants", type=click.Path(path_type=Path), default=Path("configs/ablation.yaml"), show_default=True,
              help="ablation: names and the overrides that make each variant.")
def bench(config: Path, overrides: tuple[str, ...], data: Path | None, run_name: str | None, what: tuple[str, ...],
          studies: int | None, training: int, scoring: int, steps: int, **trial) -> None:
    """Make figures again, and keep them as json below .lsdc/cache/bench/.

    \b
    stages     every stage beside what a user would otherwise do, in turns: seconds, ratios, what bounds it
    phantom    seconds and memory per study of making the phantom, by stage
    predict    lsdc predict as a whole, with its processes, on a phantom of --studies test studies (or --data) with the
               first trained fold of a run: seconds by stage, memory at a quarter, half and the end
    labels     rates, correlations and floor of the phantom's labels beside the competition's
    physics    how areas and depths measured on the phantom's images follow its latents
    evidence   small networks that see perfect crops, whole images, or slices without geometry
    audit      the audit of 2,000 studies, which are links to the phantom's
    report     seconds and megabytes of lsdc report, on --studies of the phantom's training studies whose answers are
               the truth with noise
    sizes      seconds and memory of audit, tables, folds, scores, report index and submission at 100, 1,000 and 10,000
               studies, as figures and as a page with plots
    scores     seconds of the metric, its bootstrap, and all of lsdc evaluate, on labels of 2,000 studies
    locations  held-out studies of a run located with planes taken away, and from true points alone; and studies
               with other counts of lumbar-type bodies
    quality    every fold of the config's network and of the paper's recipe, beside priors and floor (hours)
    ablation   one fold of the config's network with each ingredient taken away or added

    Quality and ablation train each on a phantom of its own size and seed, or on --data, with the first network's
    detectors for all; their runs are named quality-* and ablation-* (--run changes the first word), and the same
    command goes on after a stop. The others, but for predict and locations, are about the phantom of the
    config, whatever --data says.
    """
    from lsdc.bench.saved import need_place
    from lsdc.cli.data import make_phantom, open_data, open_finished_run, phantom_root
    from lsdc.competition import open_folder
    from lsdc.config import load_settings

    of_run = {"predict", "locations"} & set(what)
    run, settings = (open_finished_run(run_name, config, overrides) if of_run else
                     (None, load_settings(config, overrides)))
    timed = studies or TIMED_STUDIES

    if not trial["report_only"]:
        need_place()
    for name in dict.fromkeys(what):  # each imports what it needs, as memory is measured too
        if name == "phantom":
            from lsdc.bench.generation import bench_generation

            text = bench_generation(settings.phantom.seed, studies=TIMED_PHANTOM_STUDIES)
        elif name == "stages":
            from lsdc.bench.stages import bench_stages, stages_settings

            own = stages_settings(settings)
            folder = open_folder(make_phantom(phantom_root(own), own))
            text = bench_stages(folder, own, only=trial["only"])
        elif name == "predict":
            from lsdc.bench.prediction import bench_prediction, prediction_settings

            own = prediction_settings(settings, timed)
            text = bench_prediction(data or make_phantom(phantom_root(own), own), run, settings)
        elif name == "locations":
            from lsdc.bench.locations import bench_locations, variant_settings

            folder, own = open_data(data, settings, run), variant_settings(settings)
            rare = open_data(make_phantom(phantom_root(own), own), own)
            text = bench_locations(folder, rare, run, settings.evaluation)
        elif name in ("quality", "ablation"):
            from lsdc.cli.trials import bench_networks

            text = bench_networks(name, config, overrides, data, run_name, **trial)
        elif name == "labels":
            from lsdc.bench.labels import bench_labels

            text = bench_labels(settings.phantom.seed, studies=MANY_STUDIES)
        elif name == "physics":
            from lsdc.bench.physics import bench_physics

            text = bench_physics(settings.phantom.seed, targets=MEASURED_TARGETS)
        elif name == "scores":
            from lsdc.bench.scores import bench_scores

            text = bench_scores(settings.phantom.seed, settings.evaluation, studies=MANY_STUDIES)
        elif name == "report":
            from lsdc.bench.report import bench_report

            text = bench_report(make_phantom(phantom_root(settings), settings), settings, studies=timed)
        elif name == "sizes":
            from lsdc.bench.sizes import bench_sizes, sizes_settings, sizes_to

            own = sizes_settings(settings)
            text = bench_sizes(make_phantom(phantom_root(own), own), own, sizes=sizes_to(studies))
        elif name == "audit":
            from lsdc.bench.audit import bench_audit

            text = bench_audit(make_phantom(phantom_root(settings), settings), studies=MANY_STUDIES)
        else:
            from lsdc.bench.evidence import bench_evidence, evidence_settings

            own = evidence_settings(settings, training + scoring)
            folder = open_data(make_phantom(phantom_root(own), own), own)
            text = bench_evidence(folder, own, training=training, steps=steps)
        say(f"{text}\n")


@click.command()
@data_option
@click.option("--deep", is_flag=True, help="Import the packages of training too, each in its own process (a minute).")
def doctor(data: Path | None, deep: bool) -> None:
    """Say what this machine has and what is missing, with the remedy."""
    from lsdc.cli.doctor import examine

    findings = examine(data, deep=deep)
    for finding in findings:
        say(finding.line)
    if any(finding.fatal for finding in findings):
        sys.exit(1)
