"""HTML: one file that needs nothing else, readable without scripts."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Collection
from functools import cache
from pathlib import Path
from typing import Any

from markupsafe import Markup, escape

from xanalysis import __version__
from xanalysis.report import theme
from xanalysis.report.document import Figure, Report
from xanalysis.report.downloads import downloads
from xanalysis.report.references import line
from xanalysis.report.templates import environment, render, sections
from xanalysis.study import Study

_ASSETS = Path(__file__).parent / "assets"


def html(report: Report, *, study: Study | None = None, template: str | Path | None = None) -> str:
    """The report as HTML.

    Args:
        report: The report.
        study: Whose reports/ folder may replace or add templates.
        template: Template, by path or by name in reports/; ``report.html`` by default.

    Returns:
        One document: styles, script, figures and downloads inside, and a content security policy
        that allows nothing to be loaded and no other script to run.

    Raises:
        InputError: The template is not there or fails.
    """
    study = study or Study.here()
    env = environment(study, autoescape=True)
    env.globals["drawing"] = drawing
    env.globals["cited"] = lambda paragraph: cited(paragraph, report.references)
    css, js = _style(), (_ASSETS / "report.js").read_text(encoding="utf-8")
    context: dict[str, Any] = {
        "report": report,
        "css": Markup(css),
        "js": Markup(js),
        "csp": policy(css, js),
        "downloads": downloads(report),
        "references": [(key, line(entry)) for key, entry in report.references.items()],
        "version": __version__,
    }
    context["extra"] = [
        (path.name.removesuffix(".html.j2"), Markup(render(env, path, study, **context)))
        for path in sections(study, "html.j2")
    ]
    return render(env, template or "report.html", study, **context)


def policy(css: str, js: str) -> str:
    """A content security policy: this style sheet, this script, and nothing else."""
    return (
        f"default-src 'none'; style-src '{_digest(css)}'; script-src '{_digest(js)}'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def cited(paragraph: str, keys: Collection[str]) -> Markup:
    """A paragraph whose citations, ``[phang2020]``, lead to the list of references."""
    link = r'<a href="#ref-\1">[\1]</a>'
    found = re.sub(rf"\[({'|'.join(map(re.escape, keys))})\]", link, str(escape(paragraph)))
    return Markup(found if keys else escape(paragraph))


def drawing(figure: Figure) -> Markup:
    """A figure's SVG with its alternative text."""
    alt = escape(figure.alt)
    return Markup(figure.svg.replace("<svg ", f'<svg role="img" aria-label="{alt}" ', 1))


def _digest(content: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()


@cache
def _style() -> str:
    css = (_ASSETS / "report.css").read_text(encoding="utf-8")
    dark = [
        ":root{--ink:#e8eaed;--muted:#a9b0b8;--paper:#16181b;--panel:#1f2226;--rule:#3a3f46;"
        "--link:#7cc0f5;--gap:#2f2717;--gap-rule:#e6b422}",
        *(
            f".{word.split()[0]}{{color:{theme.DARK[colour]}}}"
            for word, colour in theme.VERDICTS.items()
        ),
        theme.dark_css("figure"),
    ]
    return css + "@media screen and (prefers-color-scheme:dark){" + "\n".join(dark) + "}"
