"""What a section of the report is made of. The template knows how each kind looks."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import plotly.graph_objects as go


@dataclass(frozen=True)
class Link:
    """A cell or line that leads to a file, relative to the page."""

    text: str
    href: str


@dataclass(frozen=True)
class Text:
    """A paragraph; `note` sets it apart as a remark."""

    kind: ClassVar[str] = "text"
    text: str
    note: bool = False


@dataclass(frozen=True)
class Heading:
    """A heading below that of the section; with a `name`, the contents lead to it and show its `key` number."""

    kind: ClassVar[str] = "heading"
    text: str
    name: str = ""
    key: str = ""


@dataclass(frozen=True)
class Bullets:
    kind: ClassVar[str] = "bullets"
    items: list[str]


@dataclass(frozen=True)
class Links:
    kind: ClassVar[str] = "links"
    items: list[Link]


@dataclass(frozen=True)
class Table:
    """Rows of cells, each text or a `Link`; `numeric` holds the numbers of the columns aligned to the right."""

    kind: ClassVar[str] = "table"
    columns: list[str]
    rows: Sequence[Sequence[str | Link]]
    numeric: set[int] = field(default_factory=set)
    caption: str = ""


@dataclass(frozen=True)
class Origin:
    """Where a figure comes from: how much is in it, of which model or sweep, the rule and its files; `stills` are for
    papers.
    """

    shown: str
    source: str
    rule: str
    data: list[Link]
    stills: list[Link] = field(default_factory=list)


@dataclass(frozen=True)
class Figure:
    """An interactive figure and its caption; `narrow` keeps it from stretching over the page."""

    kind: ClassVar[str] = "figure"
    name: str
    figure: go.Figure
    caption: str
    narrow: bool = False
    origin: Origin | None = None

    @property
    def height(self) -> int:
        return self.figure.layout.height


@dataclass(frozen=True)
class Image:
    """A still picture that is kept in the page; `source` is a data URI, `width` its largest on the page in pixels."""

    kind: ClassVar[str] = "image"
    source: str
    caption: str
    width: int


@dataclass(frozen=True)
class Map:
    """A map of windows, as `genoglot.report.maps` packs it."""

    kind: ClassVar[str] = "map"
    name: str
    packed: dict[str, Any]
    caption: str
    origin: Origin | None = None


Block = Text | Heading | Bullets | Links | Table | Figure | Image | Map


@dataclass(frozen=True)
class Section:
    """A section; `short` is its title in the navigation, `missing` says in one line why it
    is empty.
    """

    name: str
    title: str
    short: str
    blocks: list[Block] = field(default_factory=list)
    missing: str = ""
