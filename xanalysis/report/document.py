"""The report as one object: sections of paragraphs, tables, figures and verdicts, in order.

Renderers read it and compute nothing: a number is rounded once, in `Table.texts`, and so is the
same in HTML, PDF, LaTeX and JSON.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd

from xanalysis.report import text
from xanalysis.report.figures.draw import svg

if TYPE_CHECKING:
    from xanalysis.report.rows import Rows

Kind = Literal["text", "number", "plain", "gain", "count", "p", "interval", "own"]


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        key: Column of the frame; of an interval, the one with its lower end.
        title: Heading.
        kind: How values are written; ``plain`` numbers have decimals only where they need
            them; ``own`` is a name in its own script, left out where that cannot be written.
        digits: Decimals.
        high: Column of the upper end, for an interval.
        star: Column that says whether a star follows the number (significance).
    """

    key: str
    title: str
    kind: Kind = "text"
    digits: int = 2
    high: str = ""
    star: str = ""

    @property
    def numeric(self) -> bool:
        """Whether it is set flush right."""
        return self.kind not in ("text", "own")


@dataclass(frozen=True)
class Table:
    """A table with its numbers unrounded.

    Attributes:
        id: Anchor and file name.
        title: Caption.
        columns: What is shown, in order.
        frame: The numbers; may have more columns than are shown.
        note: What the reader must know: units, method, marks.
        rows: An anchor per row: where the scores behind its numbers stand.
        links: Column key to an anchor per row (None where there is none), where a column's rows
            are others, or its text leads somewhere.
    """

    id: str
    title: str
    columns: tuple[Column, ...]
    frame: pd.DataFrame
    note: str = ""
    rows: Sequence[str] = ()
    links: Mapping[str, Sequence[str | None]] = field(default_factory=dict)

    @cached_property
    def texts(self) -> list[list[str]]:
        """The cells as they are printed, row by row."""
        shown = [_column(self.frame, column) for column in self.columns]
        return [list(row) for row in zip(*shown, strict=True)] if shown else []

    @property
    def wordy(self) -> bool:
        """Whether a cell is a sentence: on a phone such a table is read row by row."""
        return any(len(cell) > 60 for row in self.texts for cell in row)

    def link(self, row: int, column: Column) -> str | None:
        """The anchor that a cell leads to."""
        anchors = self.links.get(column.key)
        if anchors is None and column.numeric and self.rows:
            return self.rows[row]
        return anchors[row] if anchors else None


def _column(frame: pd.DataFrame, column: Column) -> list[str]:
    values = frame[column.key].tolist()
    match column.kind:
        case "interval":
            ends = zip(values, frame[column.high].tolist(), strict=True)
            return [text.interval(low, high, column.digits) for low, high in ends]
        case "p":
            return [text.p_value(value) for value in values]
        case "plain":
            return [
                text.number(v, 0 if v == v and v == round(v) else column.digits) for v in values
            ]
        case "count":
            return [text.number(value, 0) for value in values]
        case "number" | "gain":
            sign = column.kind == "gain"
            shown = [text.number(value, column.digits, sign=sign) for value in values]
            if column.star:
                marks = frame[column.star].tolist()
                shown = [s + "*" * bool(m) for s, m in zip(shown, marks, strict=True)]
            return shown
        case _:
            return [text.cell(value, column.digits) for value in values]


@dataclass(frozen=True)
class Figure:
    """A figure.

    Attributes:
        id: Anchor and file name.
        title: Caption, what is shown.
        alt: What is to be seen: the finding, with its numbers.
        spec: Vega-Lite, with the data inside.
        note: How to read it.
    """

    id: str
    title: str
    alt: str
    spec: Mapping[str, Any]
    note: str = ""

    @cached_property
    def svg(self) -> str:
        """The drawing."""
        return svg(self.spec)

    @property
    def width(self) -> float:
        """Width in pixels."""
        return float(self.svg.partition('width="')[2].partition('"')[0])

    @property
    def height(self) -> float:
        """Height in pixels."""
        return float(self.svg.partition('height="')[2].partition('"')[0])


@dataclass(frozen=True)
class Gap:
    """What could not be computed, and why."""

    what: str
    why: str


@dataclass(frozen=True)
class Finding:
    """What the reader should take away, and the anchor of the numbers it is from."""

    text: str
    link: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Claims:
    """Verdicts on the claims of one file.

    Attributes:
        id: Anchor.
        title: The paper.
        verdicts: As plain values (see :class:`xanalysis.claims.Verdict`).
    """

    id: str
    title: str
    verdicts: tuple[dict[str, Any], ...]


Item = str | Table | Figure | Claims | Gap


@dataclass
class Section:
    """A part of the report.

    Attributes:
        id: Anchor.
        title: Heading.
        items: Paragraphs, tables, figures, verdicts and gaps, in reading order.
        findings: What the reader should take away, for the summary at the top.
    """

    id: str
    title: str
    items: list[Item] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    @property
    def tables(self) -> list[Table]:
        """Its tables."""
        return [item for item in self.items if isinstance(item, Table)]

    @property
    def figures(self) -> list[Figure]:
        """Its figures."""
        return [item for item in self.items if isinstance(item, Figure)]


@dataclass(frozen=True)
class Report:
    """Everything a renderer needs.

    Attributes:
        title: Title.
        subtitle: What was analysed, in one line.
        sections: The parts, in order.
        results: The tidy table that everything comes from.
        rows: The rows behind the numbers, grouped.
        claim_files: Name to content of the claim files.
        references: BibTeX entries by key.
        limits: What the numbers cannot say, in the words of whoever made them.
    """

    title: str
    subtitle: str
    sections: tuple[Section, ...]
    results: pd.DataFrame
    rows: Rows
    claim_files: Mapping[str, str] = field(default_factory=dict)
    references: Mapping[str, str] = field(default_factory=dict)
    limits: str = ""

    @property
    def findings(self) -> list[Finding]:
        """The summary."""
        return [line for section in self.sections for line in section.findings]

    @property
    def tables(self) -> list[Table]:
        """All tables, in order."""
        return [table for section in self.sections for table in section.tables]

    @property
    def figures(self) -> list[Figure]:
        """All figures, in order."""
        return [figure for section in self.sections for figure in section.figures]

    def section(self, name: str) -> Section:
        """The section with an id."""
        return next(section for section in self.sections if section.id == name)

    def table(self, name: str) -> Table:
        """The table with an id."""
        return next(table for table in self.tables if table.id == name)
