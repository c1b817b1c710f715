"""--launch and what goes with it: commands whose work can be tasks on local processes or Slurm."""

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from lsdc.scale.terms import Launch


def launch_options(command):
    """--launch, --at-once, --launch-option; `launch_of` makes terms of them."""
    for option in (
        click.option("--launch-option", "launch_words", multiple=True, metavar="KEY=VALUE",
                     help="For each task: tries (3, so that a failed or killed one is restarted twice), gpus, cpus, "
                     "minutes; on Slurm also memory_gb, partition, account, qos, constraint, nodes, tasks_per_node, "
                     "setup, sbatch.NAME and others. May be given several times."),
        click.option("--at-once", type=int, metavar="N", help="Tasks that run at the same time. By default on this "
                     "machine one for each GPU, or two, and on Slurm all."),
        click.option("--launch", "cluster", type=click.Choice(("local", "slurm")), help="Do the work in tasks: "
                     "processes of this machine, which share its cores and GPUs, or jobs of Slurm (make setup "
                     "installs what this needs: submitit)."),
    ):
        command = option(command)
    return command


def launch_of(cluster: str | None, at_once: int | None, words: tuple[str, ...]) -> "Launch | None":
    """None without --launch; ConfigError for what cannot be launched."""
    if cluster is None:
        if at_once is not None or words:
            raise click.UsageError("--at-once and --launch-option go with --launch")
        return None
    from lsdc.scale.terms import Launch

    return Launch.of(cluster, at_once, words)
