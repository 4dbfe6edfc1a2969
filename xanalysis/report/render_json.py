"""JSON and CSV: the same report for programs."""

from __future__ import annotations

import json
from typing import Any

from xanalysis import __version__
from xanalysis.report.document import Claims, Figure, Finding, Gap, Item, Report, Table
from xanalysis.report.values import plain, records


def to_json(report: Report) -> str:
    """The report as JSON: every number as it is, and as it is printed."""
    data = {
        "xanalysis": __version__,
        "title": report.title,
        "subtitle": report.subtitle,
        "findings": [_finding(line) for line in report.findings],
        "limits": report.limits,
        "sections": [
            {
                "id": section.id,
                "title": section.title,
                "findings": [_finding(line) for line in section.findings],
                "items": [_item(item) for item in section.items],
            }
            for section in report.sections
        ],
        "results": {
            "columns": list(report.results.columns),
            "rows": report.results.to_numpy(dtype=object).tolist(),
        },
    }
    return (
        json.dumps(plain(data), ensure_ascii=False, separators=(",", ":"), allow_nan=False) + "\n"
    )


def _finding(line: Finding) -> dict[str, str]:
    return {"text": line.text, "link": line.link}


def _item(item: Item) -> dict[str, Any]:
    match item:
        case Table():
            return {
                "table": item.id,
                "title": item.title,
                "note": item.note,
                "columns": [column.title for column in item.columns],
                "printed": item.texts,
                "rows": records(item.frame),
                "links": [
                    [item.link(row, column) for column in item.columns]
                    for row in range(len(item.texts))
                ],
            }
        case Figure():
            return {"figure": item.id, "title": item.title, "alt": item.alt, "note": item.note,
                    "vega_lite": dict(item.spec)}  # fmt: skip
        case Gap():
            return {"not_computed": item.what, "why": item.why}
        case Claims():
            return {"claims": item.id, "title": item.title, "verdicts": list(item.verdicts)}
        case _:
            return {"text": item}


def csv_files(report: Report) -> dict[str, str]:
    """File name to content: every table as CSV, with unrounded numbers."""
    return {
        f"{table.id.removeprefix('tab-')}.csv": table.frame.to_csv(index=False, lineterminator="\n")
        for table in report.tables
    }
