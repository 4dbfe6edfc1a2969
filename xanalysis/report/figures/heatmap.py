"""Intermediate x target: mean gain with its interval in every cell, missing cells marked."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any

import altair as alt
import pandas as pd

from xanalysis.report import text, theme
from xanalysis.report.document import Figure
from xanalysis.report.figures.draw import TIP, even, inline, vega
from xanalysis.report.figures.scale import MISSING, edges, labels, step

_SMALL = 9
# Cells beyond which a cell holds no interval, so that the picture can still be taken in.
DENSE = 200


def draw(
    grid: pd.DataFrame, rows: Sequence[str], targets: Sequence[str], note: str = ""
) -> list[Figure]:
    """The heat map, in as many figures as keep it readable.

    Args:
        grid: row, target, gain, low, high, languages, missing.
        rows: Order of the rows.
        targets: Order of the columns.
        note: How the intervals come about.
    """
    cuts = edges(grid["gain"].tolist())
    dense = len(rows) * len(targets) > DENSE
    parts = list(product(even(rows, 45 if dense else 20), even(targets, 16 if dense else 10)))
    if dense:
        note += (
            " The table below has the intervals, which a picture of so many cells has no room for."
        )
    ends = not dense and bool(grid["low"].notna().any())
    title = "Mean gain of every intermediate task on every target task, in points" + (
        ", with 95 % intervals" if ends else ""
    )
    figures = []
    for number, (some_rows, some_targets) in enumerate(parts, 1):
        cells = grid[grid["row"].isin(some_rows) & grid["target"].isin(some_targets)]
        figures.append(
            Figure(
                f"fig-grid-{number}" if len(parts) > 1 else "fig-grid",
                title + (f" ({number} of {len(parts)})" if len(parts) > 1 else ""),
                _finding(cells),
                vega(_chart(cells, some_rows, some_targets, cuts, dense)),
                note.strip() if number == len(parts) else "",
            )
        )
    return figures


def _chart(
    grid: pd.DataFrame,
    rows: Sequence[str],
    targets: Sequence[str],
    cuts: Sequence[float],
    dense: bool,
) -> Any:
    steps = labels(cuts)
    values = []
    for r in grid.to_dict("records"):
        where = f"{r['row']} → {r['target']}"
        place = {"row": r["row"], "target": r["target"]}
        if r["missing"]:
            values.append({**place, "step": MISSING, "gain": "×", "interval": "missing",
                           "tip": f"{TIP}{where}: missing"})  # fmt: skip
            continue
        gain, interval = text.number(r["gain"], sign=True), text.interval(r["low"], r["high"])
        values.append(
            {
                **place,
                "step": steps[step(r["gain"], cuts)],
                "gain": gain,
                "interval": "" if interval == text.DASH else interval,
                "tip": f"{TIP}{where}: {gain} points, 95 % interval {interval}, "
                + text.counted(r["languages"], "language"),
            }
        )
    order = [*steps, MISSING]
    legend = order if any(v["step"] == MISSING for v in values) else steps
    base = alt.Chart(inline(values)).encode(
        x=alt.X(
            "target:N",
            sort=list(targets),
            title="target task",
            axis=alt.Axis(orient="top", labelAngle=-35, domain=False, ticks=False, grid=False),
        ),
        y=alt.Y(
            "row:N",
            sort=list(rows),
            title="intermediate task",
            axis=alt.Axis(domain=False, ticks=False, grid=False),
        ),
    )
    fill = alt.Color(
        "step:N",
        scale=alt.Scale(domain=order, range=[*theme.DIVERGING, theme.MISSING]),
        legend=alt.Legend(
            title="gain, points",
            values=legend,
            symbolType="square",
            orient="bottom",
            direction="horizontal",
            columns=4 if len(targets) < 10 else 8,
        ),
    )
    ink = alt.Color(
        "step:N",
        scale=alt.Scale(domain=order, range=[*theme.ON_DIVERGING, theme.MUTED]),
        legend=None,
    )
    # Only the ground describes itself: texts let the pointer through.
    ground = base.mark_rect(stroke=theme.PAPER, strokeWidth=2).encode(
        color=fill, description="tip:N"
    )
    if dense:
        gains = base.mark_text(fontSize=10).encode(text="gain:N", color=ink)
        layers, width, height = [ground, gains], 48, 20
    else:
        gains = base.mark_text(fontSize=12, fontWeight="bold", dy=-5)
        ends = base.mark_text(fontSize=_SMALL, dy=9)
        layers = [
            ground,
            gains.encode(text="gain:N", color=ink),
            ends.encode(text="interval:N", color=ink),
        ]
        width, height = 72, 36
    chart = alt.layer(*layers).resolve_scale(color="independent")
    return chart.properties(width=alt.Step(width), height=alt.Step(height))


def _finding(grid: pd.DataFrame) -> str:
    known = grid[~grid["missing"]]
    if known.empty:
        return "Heat map without a single known cell."
    best, worst = known.iloc[int(known["gain"].argmax())], known.iloc[int(known["gain"].argmin())]
    above = int((known["low"] > 0).sum())
    below = int((known["high"] < 0).sum())
    return (
        f"Heat map of gains. The largest is {best['row']} on {best['target']} "
        f"({text.number(best['gain'], sign=True)} points), the smallest {worst['row']} on "
        f"{worst['target']} ({text.number(worst['gain'], sign=True)}). Of {len(known)} cells, "
        f"{above} have intervals above zero and {below} below; "
        f"{int(grid['missing'].sum())} cells are missing."
    )
