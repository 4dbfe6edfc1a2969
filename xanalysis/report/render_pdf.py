"""PDF through Typst: its own template, vector figures, only the fonts that come along."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import Any

from xanalysis.errors import InputError, MissingExtraError
from xanalysis.report.document import Figure, Report, Table
from xanalysis.report.downloads import results_file
from xanalysis.report.fonts import FOLDER, families, spelled, written
from xanalysis.report.references import line
from xanalysis.report.templates import environment, render, sections
from xanalysis.study import Study

_TEXT_WIDTH = 166.0  # mm, A4 less the margins
_TEXT_HEIGHT = 235.0
_MM_PER_PIXEL = 0.245


class Typst(str):
    """Text that is Typst's already and is not quoted again."""


def pdf(report: Report, *, study: Study | None = None, template: str | Path | None = None) -> bytes:
    """The report as PDF.

    Args:
        report: The report.
        study: Whose reports/ folder may replace or add templates.
        template: Template, by path or by name in reports/; ``report.typ`` by default.

    Raises:
        InputError: The template is not there or fails, or Typst cannot compile what it gives.
    """
    try:
        import typst
    except ImportError as error:  # pragma: no cover - typst is a dependency, wheels may lack
        raise MissingExtraError("the PDF report", "pdf") from error
    study = study or Study.here()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = _source(report, study, template, folder)
        (folder / "report.typ").write_text(source, encoding="utf-8")
        try:
            made: bytes = typst.compile(
                str(folder / "report.typ"),
                root=str(folder),
                font_paths=[str(FOLDER)],
                ignore_system_fonts=True,
                format="pdf",
                timestamp=0,
            )
        except typst.TypstError as error:
            raise InputError(f"Typst cannot compile the report: {error}") from error
    return made


def _source(report: Report, study: Study, template: str | Path | None, folder: Path) -> str:
    env = environment(study, autoescape=False, finalize=content)
    env.filters["quoted"] = lambda value: Typst(quoted(str(value)))
    env.filters["raw"] = lambda value: Typst(value)

    def image(figure: Figure) -> str:
        name = f"{figure.id}.svg"
        (folder / name).write_text(spelled(written(figure.svg)), encoding="utf-8")
        return name

    attached = results_file(report) if len(report.results) else None
    if attached:
        (folder / attached.name).write_bytes(attached.content)
    env.globals.update(
        image=image,
        figure_width=_figure_width,
        sentence=_sentence,
        widths=_widths,
        table_size=_table_size,
    )
    context: dict[str, Any] = {
        "report": report,
        "fonts": ", ".join(quoted(name) for name in families()),
        "references": [f"[{key}] {line(entry)}" for key, entry in report.references.items()],
        "attached": attached,
    }
    context["extra"] = [render(env, p, study, **context) for p in sections(study, "typ.j2")]
    return render(env, template or "report.typ", study, **context)


def content(value: Any) -> str:
    """An expression's value as Typst content: a string, so that nothing in it is markup."""
    if isinstance(value, Typst):
        return value
    return f"#{quoted(str(value))};" if str(value) else ""


def quoted(value: str) -> str:
    """A Typst string; characters that no font can write are given by their code points."""
    value = " ".join(written(value).split("\n"))
    # A zero-width space, at which a word too long for a line may break.
    value = re.sub(r"\S{70}", "\\g<0>\u200b", value)
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _figure_width(figure: Figure) -> str:
    width = min(figure.width * _MM_PER_PIXEL, _TEXT_WIDTH)
    width = min(width, _TEXT_HEIGHT * 0.9 * figure.width / figure.height)
    return f"{width:.1f}mm"


def _sentence(title: str) -> str:
    """A title as the first sentence of a caption."""
    return title if title.endswith((".", "?", "!")) else f"{title}."


def _longest(table: Table, index: int) -> int:
    cells = [len(row[index]) for row in table.texts]
    heads = max(map(len, re.split(r"[\s_]", table.columns[index].title)))
    return max([heads, *cells])


def _widths(table: Table) -> str:
    """Columns as wide as they are; long text shares what is left."""
    found = []
    most = 26 if table.wordy else 34
    for index, column in enumerate(table.columns):
        longest = _longest(table, index)
        sentences = any(" " in row[index] for row in table.texts)
        wraps = not column.numeric and longest > most and sentences
        found.append(f"{min(longest, 90)}fr" if wraps else "auto")
    return ", ".join(found) + ","


def _table_size(table: Table) -> str:
    width = sum(min(_longest(table, i), 34) + 2 for i in range(len(table.columns)))
    return f"{max(5.0, min(8.5, 8.5 * 100 / max(width, 1))):.1f}pt"
