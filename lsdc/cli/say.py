"""What commands print."""

import click

from lsdc.errors import printable


def say(text: object, *, err: bool = False) -> None:
    """Print lines, which may hold words of others; err: on stderr."""
    click.echo(printable(str(text), lines=True), err=err)
