"""Files inside the HTML file: results, tables, references, claims, as data URIs."""

from __future__ import annotations

import base64
import gzip
from dataclasses import dataclass

from xanalysis.report.document import Report
from xanalysis.report.references import bibtex
from xanalysis.report.render_latex import tables

_PLAIN_ROWS = 1000


@dataclass(frozen=True)
class Download:
    """A file that the reader can save.

    Attributes:
        name: File name.
        label: What the link says.
        href: The data URI.
    """

    name: str
    label: str
    href: str


def downloads(report: Report) -> list[Download]:
    """Everything that an HTML report carries along."""
    found = []
    if len(report.results):
        results = results_file(report)
        found.append(_file(results.name, results.label, results.kind, results.content))
    if report.tables:
        found.append(_file("tables.tex", "Tables (LaTeX)", "text/x-tex", tables(report).encode()))
    found.append(_file("references.bib", "References (BibTeX)", "text/plain", bibtex().encode()))
    for name, content in report.claim_files.items():
        found.append(_file(name, f"Claims ({name})", "text/plain", content.encode()))
    return found


@dataclass(frozen=True)
class ResultsFile:
    """The tidy table as a file: name, label, media type and content."""

    name: str
    label: str
    kind: str
    content: bytes


def results_file(report: Report) -> ResultsFile:
    """The tidy table as CSV, packed where it is long.

    Scores and errors have four decimals; the digits beyond would be half of the file. The JSON
    report has them all.
    """
    table = report.results.copy()
    for name in ("score", "se"):
        table[name] = table[name].round(4)
    content: bytes = table.to_csv(index=False, lineterminator="\n").encode()
    if len(table) <= _PLAIN_ROWS:
        return ResultsFile("results.csv", "Results (CSV)", "text/csv", content)
    packed = gzip.compress(content, 9, mtime=0)
    return ResultsFile("results.csv.gz", "Results (CSV, gzip)", "application/gzip", packed)


def _file(name: str, label: str, kind: str, content: bytes) -> Download:
    return Download(name, label, f"data:{kind};base64,{base64.b64encode(content).decode()}")
