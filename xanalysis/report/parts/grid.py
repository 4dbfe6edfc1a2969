"""The grid: intermediate x target, and every language's gain."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd

from xanalysis.report import text
from xanalysis.report.document import Column, Finding, Item, Section, Table
from xanalysis.report.figures import FIGURES
from xanalysis.report.figures.draw import even
from xanalysis.report.material import Material
from xanalysis.report.parts import attempt
from xanalysis.report.slugs import anchor

_MOST_COLUMNS = 12  # targets beside each other in a table
_MEANS = (
    "Each number is the mean over languages of the gain over the baseline without an intermediate "
    "task, seeds averaged. "
)
_BOTH = (
    "The 95 % interval holds for further languages and further runs: a fine-tuned model's luck "
    "moves all its languages together. "
)
_LANGUAGES = (
    "Nothing was run twice, so the 95 % interval holds for further languages only, not for "
    "further runs, and is optimistic. "
)


def part(material: Material) -> Section:
    """The section."""
    section = Section("grid", "The grid")
    attempt(section, "The grid of gains", lambda: _grid(material, section))
    attempt(section, "The table of the grid", lambda: _table(material))
    return section


def _grid(material: Material, section: Section) -> Iterator[Item]:
    grid = material.grid
    known = grid[~grid["missing"]]
    missing = grid[grid["missing"]]
    if len(known):
        best = known.iloc[int(known["gain"].argmax())]
        told = (
            f"{_best(float(best['gain']))}: {best['row']} on {best['target']}, "
            f"{text.number(best['gain'], sign=True)} points"
            + _interval(best["low"], best["high"])
            + _counts(known)
        )
        section.findings.append(Finding(told, "tab-cells"))
    note = _intervals(grid)
    if len(missing):
        note += "Cells with × have no score, or no baseline to compare it with. "
    yield from FIGURES["heatmap"](grid, material.rows, material.targets, note.strip())
    notes = material.gains.attrs.get("notes", [])
    if notes:
        yield "On the gains: " + "; ".join(notes) + "."


def _intervals(grid: pd.DataFrame) -> str:
    """What the numbers and their intervals are."""
    if grid["se"].isna().all():
        return _MEANS + "With one language there is no interval. "
    return _MEANS + (_LANGUAGES if set(grid["over"].dropna()) == {"languages"} else _BOTH)


def _best(gain: float) -> str:
    if gain > 0:
        return "The largest mean gain"
    return "No cell of the grid has a mean gain above zero; the smallest loss"


def _interval(low: float, high: float) -> str:
    return f", 95 % interval {text.interval(low, high)}." if low == low else "; no interval."


def _counts(known: pd.DataFrame) -> str:
    if known["se"].isna().all():
        return ""
    clear = known[known["significant"]]
    up, down = int((clear["gain"] > 0).sum()), int((clear["gain"] < 0).sum())
    return (
        f" Of {len(known)} mean gains, {up or 'none'} {'is' if up == 1 else 'are'} significantly "
        f"above zero and {down or 'none'} below (5\u00a0%, Holm's adjustment)."
    )


def _table(material: Material) -> Iterator[Item]:
    grid = material.grid
    note = (
        _intervals(grid) + "* differs from zero after Holm's adjustment over all cells of the grid "
        "(5 %). Languages are related, so the intervals and tests are "
        "optimistic; the families section accounts for that."
    )
    parts = even(material.targets, _MOST_COLUMNS)
    for number, targets in enumerate(parts, 1):
        several = len(parts) > 1
        wide, columns, links = _wide(grid, material.rows, targets)
        yield Table(
            f"tab-grid-{number}" if several else "tab-grid",
            "Mean gain by intermediate and target task, in points"
            + f" ({number} of {len(parts)})" * several,
            columns,
            wide,
            note if number == len(parts) else "",
            links=links,
        )
    cells = grid[~grid["missing"]].reset_index(drop=True)
    yield Table(
        "tab-cells",
        "Every cell of the grid",
        (
            Column("row", "intermediate task"),
            Column("target", "target task"),
            Column("gain", "gain", "gain", star="significant"),
            Column("low", "95 % interval", "interval", high="high"),
            Column("se", "s.e.", "number"),
            Column("languages", "languages", "count"),
        ),
        cells,
        rows=[anchor(r, t) for r, t in zip(cells["row"], cells["target"], strict=True)],
    )


def _wide(
    grid: pd.DataFrame, rows: list[str], targets: Sequence[str]
) -> tuple[pd.DataFrame, tuple[Column, ...], dict[str, list[str | None]]]:
    """The grid with a column per target, how the columns are shown, and where cells lead to."""
    wide: dict[str, Any] = {"row": rows}
    columns = [Column("row", "intermediate task")]
    links: dict[str, list[str | None]] = {}
    for target in targets:
        cells = grid[grid["target"] == target].set_index("row").reindex(rows)
        wide[f"gain {target}"] = cells["gain"].to_numpy()
        wide[f"star {target}"] = cells["significant"].to_numpy(bool)
        columns.append(Column(f"gain {target}", target, "gain", star=f"star {target}"))
        links[f"gain {target}"] = [
            None if gone else anchor(row, target)
            for row, gone in zip(cells.index, cells["missing"], strict=True)
        ]
    return pd.DataFrame(wide), tuple(columns), links
