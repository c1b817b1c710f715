"""The `lsdc` command: subcommands in flow order. Each parses, loads, shows the settings and calls one function."""

import logging

import click

import lsdc as package
from lsdc.cli.on_blend import blend, submissions
from lsdc.cli.on_bundle import bundle
from lsdc.cli.on_data import audit, phantom, show
from lsdc.cli.on_machine import bench, doctor
from lsdc.cli.on_predict import predict
from lsdc.cli.on_reports import report, runs, summary
from lsdc.cli.on_runs import evaluate, submit
from lsdc.cli.on_training import train, train_detector, train_fold
from lsdc.progress import log_to_stderr


class _InFlowOrder(click.Group):
    def list_commands(self, ctx):
        return list(self.commands)


@click.group(cls=_InFlowOrder, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package.__version__)
@click.option("--verbose", "-v", is_flag=True, help="Show debugging lines, and where an error was raised.")
def lsdc(verbose: bool) -> None:
    """From a folder of lumbar MRI series to a scored submission.

    Without --data (or LSDC_DATA) a phantom is made and used: synthetic studies with a known truth, which say
    nothing about patients. It, runs and caches live under .lsdc/ (LSDC_RUNS and LSDC_CACHE move the latter two).
    """
    log_to_stderr(logging.DEBUG if verbose else logging.INFO)


for _command in (phantom, audit, show, train_detector, train_fold, train, evaluate, runs, summary, report, blend,
                 predict, submit, submissions, bundle, bench, doctor):
    lsdc.add_command(_command)
