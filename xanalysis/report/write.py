"""Writing reports to files."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from xanalysis.errors import InputError, unknown_name
from xanalysis.report.assemble import build
from xanalysis.report.document import Report
from xanalysis.report.figures.draw import png
from xanalysis.report.references import bibtex
from xanalysis.report.render_html import html
from xanalysis.report.render_json import csv_files, to_json
from xanalysis.report.render_latex import document, table
from xanalysis.report.render_pdf import pdf
from xanalysis.study import Study

FORMATS = ("html", "pdf", "latex", "json", "csv", "png", "gallery")
# What a README shows: the grid, the languages, the map, the pooled gains.
PICTURES = ("fig-grid", "fig-languages", "fig-map", "fig-forest")


def render(
    report: Report | pd.DataFrame,
    output: str | Path = "out",
    *,
    formats: Sequence[str] = ("html", "pdf"),
    template: str | Path | None = None,
    claims: Sequence[str | Path] = (),
    study: Study | None = None,
) -> dict[str, Path]:
    """Write a report.

    Args:
        report: A report (:func:`xanalysis.report.assemble`), or results to make one from.
        output: Folder to write to.
        formats: Some of ``FORMATS``.
        template: A template for HTML (``*.html.j2``) or PDF (``*.typ.j2``) in place of the usual.
        claims: Claim files, where ``report`` is a table of results.
        study: Whose reports/ folder may replace or add templates.

    Returns:
        Format to the file that was written; for ``csv``, ``png`` and ``gallery`` the folder.

    Raises:
        InputError: An unknown format, a template that is not there or fails, a folder that cannot
            be written to. No file is left half-written.
    """
    study = study or Study.here()
    for name in formats:
        if name not in FORMATS:
            raise unknown_name("format", name, FORMATS)
    if isinstance(report, pd.DataFrame):
        report = build(report, claims=claims, study=study)
    folder = Path(output)
    files: dict[str, bytes] = {}
    main = {"html": "report.html", "pdf": "report.pdf", "latex": "tables.tex",
            "json": "report.json", "csv": "tables", "png": "figures",
            "gallery": ""}  # fmt: skip
    chosen = _by_format(template)
    for name in dict.fromkeys(formats):
        if name == "html":
            files["report.html"] = html(report, study=study, template=chosen.get("html")).encode()
        elif name == "pdf":
            files["report.pdf"] = pdf(report, study=study, template=chosen.get("pdf"))
        elif name == "json":
            files["report.json"] = to_json(report).encode()
        elif name == "latex":
            files["tables.tex"] = document(report).encode()
            files["references.bib"] = bibtex().encode()
            for item in report.tables:
                files[f"tables/{item.id.removeprefix('tab-')}.tex"] = table(item).encode()
        elif name == "png":
            files.update({f"figures/{f.id}.png": png(f.spec, 1.6) for f in report.figures})
        elif name == "gallery":
            shown = [f for f in report.figures if f.id.startswith(PICTURES)]
            files.update({f"{f.id.removeprefix('fig-')}.png": png(f.spec, 1.25) for f in shown})
        else:
            files.update({f"tables/{n}": c.encode() for n, c in csv_files(report).items()})
    write(folder, files)
    return {name: folder / main[name] for name in dict.fromkeys(formats)}


def gallery(report: Report, folder: str | Path, *, study: Study | None = None) -> dict[str, Path]:
    """Write a report as HTML and PDF, and four of its figures as PNG for a README.

    Args:
        report: The report.
        folder: Where to.
        study: Whose templates are used.

    Returns:
        Format to file.
    """
    return render(report, folder, formats=("html", "pdf", "gallery"), study=study)


def write(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write files, each in one step.

    Raises:
        InputError: The folder cannot be written to.
    """
    try:
        for name, content in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            unfinished = path.with_name(f".{path.name}.{os.getpid()}")
            try:
                unfinished.write_bytes(content)
                os.replace(unfinished, path)
            finally:
                unfinished.unlink(missing_ok=True)
    except OSError as error:
        raise InputError(f"cannot write: {error.strerror}", file=error.filename) from error


def _by_format(template: str | Path | None) -> dict[str, str | Path]:
    if template is None:
        return {}
    name = Path(template).name.removesuffix(".j2")
    return {"pdf" if name.endswith(".typ") else "html": template}
