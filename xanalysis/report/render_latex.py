"""LaTeX: booktabs tables, escaped so that no text can be a command."""

from __future__ import annotations

from xanalysis.report import text
from xanalysis.report.document import Column, Report, Table

PREAMBLE = r"""\documentclass[a4paper,10pt]{article}
\usepackage[utf8]{inputenc}
\usepackage[T1]{fontenc}
\usepackage{textcomp}
\usepackage[margin=20mm,landscape]{geometry}
\usepackage{booktabs,longtable,array}
"""
_LONG = 30  # rows from which a table may break over pages


def document(report: Report) -> str:
    """All tables as a document that compiles with pdfLaTeX."""
    title = text.latex(report.title)
    body = tables(report)
    return f"{PREAMBLE}\\title{{{title}}}\n\\date{{}}\n\\begin{{document}}\n\\maketitle\n{body}\\end{{document}}\n"  # noqa: E501


def tables(report: Report) -> str:
    """All tables, each to be pasted into a paper (needs booktabs, longtable, array)."""
    return "\n".join(table(item) for item in report.tables)


def table(item: Table) -> str:
    """One table: ``table`` where it is short, ``longtable`` where it may break.

    Columns of sentences share the line that the other columns leave, and wrap.
    """
    shape, size, wraps = _shape(item)
    heads = " & ".join(map(_head, item.columns, wraps)) + r" \\"
    rows = [" & ".join(map(_cell, row, item.columns, wraps)) + r" \\" for row in item.texts]
    caption = rf"\caption{{{text.latex(item.title)}}}\label{{{item.id.replace('tab-', 'tab:')}}}"
    note = rf"\par\smallskip\footnotesize {text.latex(item.note)}" if item.note else ""
    if len(rows) > _LONG:
        lines = [
            rf"{{{size}\setlength{{\tabcolsep}}{{4pt}}\setlength{{\LTcapwidth}}{{\linewidth}}",
            rf"\begin{{longtable}}{{@{{}}{shape}@{{}}}}",
            caption + r" \\",
            r"\toprule",
            heads,
            r"\midrule",
            r"\endhead",
            *rows,
            r"\bottomrule",
            r"\end{longtable}",
            note + "}",
        ]
    else:
        lines = [
            r"\begin{table}[htbp]",
            rf"\centering{size}\setlength{{\tabcolsep}}{{4pt}}",
            caption,
            rf"\begin{{tabular}}{{@{{}}{shape}@{{}}}}",
            r"\toprule",
            heads,
            r"\midrule",
            *rows,
            r"\bottomrule",
            r"\end{tabular}",
            note,
            r"\end{table}",
        ]
    return f"% {item.id}\n" + "\n".join(line for line in lines if line) + "\n"


# Type sizes, with how many characters fit on a line of the document below.
_SIZES = ((r"\small", 135), (r"\footnotesize", 150), (r"\scriptsize", 175), (r"\tiny", 235))
_WRAPS = 30  # characters from which a text wraps
_LEAST = 25  # characters that a line of a wrapping column has at least


def _shape(item: Table) -> tuple[str, str, list[bool]]:
    """The columns, the type size in which they fit on a line, and which of them wrap."""
    longest = [
        max([_longest_word(column.title), *(_length(row[index], column) for row in item.texts)])
        for index, column in enumerate(item.columns)
    ]
    wraps = [not c.numeric and n > _WRAPS for c, n in zip(item.columns, longest, strict=True)]
    taken = sum(n for n, wrap in zip(longest, wraps, strict=True) if not wrap) + 2 * len(longest)
    wanted = taken + _LEAST * sum(wraps)
    size, line = next((s for s in _SIZES if s[1] >= wanted), _SIZES[-1])
    shares = [min(n, 100) if wrap else 0 for n, wrap in zip(longest, wraps, strict=True)]
    left = max(0.2, 1 - taken / line)
    shape = ""
    for column, share in zip(item.columns, shares, strict=True):
        if share:
            width = min(left * share / sum(shares), 1.15 * share / line)
            shape += rf">{{\raggedright\arraybackslash}}p{{{width:.3f}\linewidth}}"
        else:
            shape += "r" if column.numeric else "l"
    return shape, size, wraps


def _longest_word(title: str) -> int:
    return max(map(len, title.split()), default=0)


def _head(column: Column, wrap: bool) -> str:
    """A heading; over a narrow column of numbers, one word to a line."""
    words = column.title.split(" ")
    if wrap or len(words) == 1:
        return text.latex(column.title)
    lines = r" \\ ".join(map(text.latex, words))
    side = "r" if column.numeric else "l"
    return rf"\begin{{tabular}}[b]{{@{{}}{side}@{{}}}}{lines}\end{{tabular}}"


def _cell(shown: str, column: Column, wrap: bool) -> str:
    if shown.endswith("*"):
        return text.latex(shown[:-1]) + "$^{*}$"
    if not _length(shown, column):
        return ""
    written = text.latex(shown)
    if wrap:  # names like mt5_readme_averages have no space to break at
        written = written.replace(r"\_", r"\_\allowbreak{}").replace("/", r"/\allowbreak{}")
    return written


def _length(shown: str, column: Column) -> int:
    """Letters on paper; none for a name in a script that pdfLaTeX cannot write."""
    points = text.latex(shown).count("{[}U+")
    return 0 if points and column.kind == "own" else len(shown) + 7 * points
