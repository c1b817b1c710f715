"""Pages that open from disk: a Jinja2 template, everything escaped, figures within, no script and no other file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Grid:
    """A table of a page, cells as text; the first of each row is its header. words: columns of text, by number."""

    caption: str
    headers: Sequence[str]
    rows: Sequence[Sequence[str]]
    words: frozenset[int] = frozenset({0})


@dataclass(frozen=True)
class Figure:
    """An svg of `lsdc.report.figures`; alt says what it shows to those who do not see it."""

    svg: str
    alt: str
    caption: str


@dataclass(frozen=True)
class Part:
    """A section of a page. name: of its place in the page; narrow: its tables stand side by side, in small print."""

    title: str
    name: str
    texts: Sequence[str] = ()
    figures: Sequence[Figure] = ()
    grids: Sequence[Grid] = ()
    narrow: bool = False


def key_value(caption: str, values: Mapping[str, str]) -> Grid:
    """A table of two columns, what and its value."""
    return Grid(caption, ("name", "value"), [list(pair) for pair in values.items()], frozenset({0, 1}))


def render(template: str, **values: object) -> str:
    """A page from a template of this room; an unknown name in a template is an error, all text is escaped."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(loader=PackageLoader("lsdc.report"), autoescape=True, undefined=StrictUndefined,
                              trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True)
    return environment.get_template(template).render(**values)
