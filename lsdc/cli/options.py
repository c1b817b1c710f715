"""Options that commands share."""

import math
from pathlib import Path

import click

CONFIG = Path("configs/phantom.yaml")


class Number(click.FloatRange):
    """A number within a range, which neither nan nor inf is."""

    def convert(self, value, param, ctx) -> float:
        if not math.isfinite(number := super().convert(value, param, ctx)):
            self.fail(f"{value!r} is not a finite number", param, ctx)
        return number


overrides_option = click.option("--set", "overrides", multiple=True, metavar="SECTION.KEY=VALUE",
                                help="Change a setting; may be given several times.")


def config_options(command):
    """--config and --set."""
    for option in (
        overrides_option,
        click.option("--config", type=click.Path(path_type=Path), default=CONFIG, show_default=True,
                     help="The settings of the run."),
    ):
        command = option(command)
    return command


data_option = click.option("--data", type=click.Path(path_type=Path), envvar="LSDC_DATA",
                           help="The competition folder. Without it the phantom of the config stands in.")
run_option = click.option("--run", "run_name", metavar="NAME", help="Name of the run. By default the config's name.")
