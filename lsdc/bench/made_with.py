"""What figures were made with, as a part of their page."""

from collections.abc import Mapping

from lsdc.report.page import Part, key_value


def made_with(figures: Mapping) -> Part:
    """figures: as `save_figures` kept them."""
    known = figures["environment"]
    return Part("Made with", "made", grids=[key_value("Machine and versions", {
        "made": figures["made"], "commit": known["commit"] or "-", "command": known["command"],
        "machine": machine(figures), "python": known["python"],
        "packages": ", ".join(f"{name} {version}" for name, version in sorted(known["packages"].items()) if version)})])


def machine(figures: Mapping) -> str:
    """The machine of saved figures in a few words."""
    known = figures["environment"]
    return f"{known['system']} {known['processor']}, {known['cores']} cores"
