"""Estimates with intervals, one per line: means, contrasts, leave-one-out."""

from __future__ import annotations

from typing import Any

import altair as alt
import pandas as pd

from xanalysis.report import text, theme
from xanalysis.report.document import Figure
from xanalysis.report.figures.draw import TIP, inline, vega

WIDTH = 320  # with its labels a figure fits a phone without becoming too small to read


def draw(
    frame: pd.DataFrame,
    *,
    id: str,
    title: str,
    alt_text: str,
    label: str,
    value: str,
    low: str = "low",
    high: str = "high",
    axis: str = "gain, points",
    hollow: str = "",
    note: str = "",
    reference: float = 0.0,
) -> Figure:
    """Dots with whiskers.

    Args:
        frame: One line per row, drawn from top to bottom in the frame's order.
        id: Anchor.
        title: Caption.
        alt_text: The finding.
        label: Column with the lines' names.
        value: Column with the estimates.
        low: Column with lower ends.
        high: Column with upper ends.
        axis: Title of the axis.
        hollow: Column that says which dots are hollow.
        note: How to read it.
        reference: Where the vertical line stands.
    """
    spec = chart(frame, label, value, low, high, axis=axis, hollow=hollow, reference=reference)
    return Figure(id, title, alt_text, vega(spec), note)


def chart(
    frame: pd.DataFrame,
    label: str,
    value: str,
    low: str = "low",
    high: str = "high",
    *,
    axis: str,
    hollow: str = "",
    reference: float = 0.0,
    row_height: int = 18,
) -> Any:
    """The layers of dots, whiskers and the reference line."""
    values = []
    for r in frame.to_dict("records"):
        estimate = text.number(r[value], sign=True)
        interval = text.interval(r[low], r[high])
        values.append(
            {
                "label": str(r[label]),
                "value": _finite(r[value]),
                "low": _finite(r[low]),
                "high": _finite(r[high]),
                "hollow": bool(hollow and r[hollow]),
                "tip": f"{TIP}{r[label]}: {estimate} {interval}",
            }
        )
    y = alt.Y(
        "label:N",
        sort=[str(v["label"]) for v in values],
        title=None,
        axis=alt.Axis(domain=False, ticks=False, labelPadding=8),
    )
    base = alt.Chart(inline(values)).encode(y=y, description="tip:N")
    fill = alt.condition("datum.hollow", alt.value(theme.PAPER), alt.value(theme.POINT))
    return alt.layer(
        alt.Chart(inline([{"zero": reference}]))
        .mark_rule(color=theme.MUTED, strokeDash=[3, 3])
        .encode(x=alt.X("zero:Q")),
        base.mark_rule(color=theme.POINT, strokeWidth=1.6).encode(
            x=alt.X("low:Q", title=axis, scale=alt.Scale(zero=False)), x2="high:Q"
        ),
        base.mark_point(
            size=42, stroke=theme.POINT, filled=True, opacity=1, strokeWidth=1.4
        ).encode(x="value:Q", fill=fill),
    ).properties(width=WIDTH, height=alt.Step(row_height))


def _finite(value: float) -> float | None:
    return None if value is None or value != value or abs(value) == float("inf") else float(value)
