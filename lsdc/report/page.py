"""Pages that open from disk: a Jinja2 template, everything escaped, figures within, no script and no other file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from lsdc.errors import LsdcError

TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True)
class Link:
    """A cell that leads elsewhere; href is ours, never what a file says."""

    text: str
    href: str


@dataclass(frozen=True)
class Grid:
    """A table of a page, cells as text; the first of each row is its header. words: columns of text, by number."""

    caption: str
    headers: Sequence[str]
    rows: Sequence[Sequence[str | Link]]
    words: frozenset[int] = frozenset({0})


@dataclass(frozen=True)
class Figure:
    """An svg of `lsdc.report.figures`; alt says what it shows to those who do not see it."""

    svg: str
    alt: str
    caption: str


@dataclass(frozen=True)
class Picture:
    """An image file of a report, relative to its folder."""

    file: str
    width: int
    height: int
    alt: str
    caption: str


@dataclass(frozen=True)
class Part:
    """A section of a page. name: of its place in the page; narrow: its tables stand side by side, in small print.

    Of a report's pages only: folded: tables that open on demand, under folded_title; notes: small print below.
    """

    title: str
    name: str
    texts: Sequence[str] = ()
    figures: Sequence[Figure] = ()
    grids: Sequence[Grid] = ()
    narrow: bool = False
    picture: Picture | None = None
    folded_title: str = ""
    folded: Sequence[Grid] = ()
    notes: Sequence[str] = ()


def key_value(caption: str, values: Mapping[str, str]) -> Grid:
    """A table of two columns, what and its value."""
    return Grid(caption, ("name", "value"), [list(pair) for pair in values.items()], frozenset({0, 1}))


def render(template: str, **values: object) -> str:
    """A page from a template of this room; an unknown name in a template is an error, all text is escaped.

    LsdcError when the template is missing.
    """
    from jinja2 import TemplateNotFound

    try:
        return _environment().get_template(template).render(**values)
    except TemplateNotFound as error:
        raise LsdcError("a template of the pages is missing", wanted=error.name, where=TEMPLATES,
                        remedy="install the kit again: make setup") from error


def asset(name: str) -> str:
    """A style sheet or script that pages of a report link to; LsdcError when it is missing."""
    try:
        return (TEMPLATES / name).read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise LsdcError("a file of the pages is missing", wanted=name, where=TEMPLATES,
                        remedy="install the kit again: make setup") from error


@cache
def _environment():
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined,
                       trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True, auto_reload=False)
