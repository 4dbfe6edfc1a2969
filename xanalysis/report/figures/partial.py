"""Partial effect of one number (a distance, a corpus size) on gain, with the raw points."""

from __future__ import annotations

import altair as alt
import pandas as pd

from xanalysis.report import text, theme
from xanalysis.report.document import Figure
from xanalysis.report.figures.draw import TIP, inline, vega


def draw(
    curve: pd.DataFrame,
    points: pd.DataFrame,
    *,
    id: str,
    title: str,
    axis: str,
    alt_text: str,
    note: str = "",
) -> Figure:
    """Line, band and points.

    Args:
        curve: x, mean, low, high: the model's marginal mean along x.
        points: x, y, label: what was measured.
        id: Anchor.
        title: Caption.
        axis: Title of the x axis.
        alt_text: The finding.
        note: What the model holds constant.
    """
    lines = inline(
        [{n: float(r[n]) for n in ("x", "mean", "low", "high")} for r in curve.to_dict("records")]
    )
    dots = [
        {
            "x": r["x"],
            "y": r["y"],
            "tip": f"{TIP}{r['label']}: {text.number(r['y'], sign=True)} at {text.number(r['x'])}",
        }
        for r in points.to_dict("records")
    ]
    x = alt.X("x:Q", title=axis, scale=alt.Scale(zero=False))
    chart = alt.layer(
        alt.Chart(lines)
        .mark_area(color=theme.POINT, opacity=0.18)
        .encode(x=x, y="low:Q", y2="high:Q"),
        alt.Chart(inline([{"zero": 0}]))
        .mark_rule(color=theme.MUTED, strokeDash=[3, 3])
        .encode(y=alt.Y("zero:Q", title="gain, points")),
        alt.Chart(inline(dots))
        .mark_point(color=theme.INK, size=26, opacity=0.75, strokeWidth=1.2)
        .encode(x=x, y="y:Q", description="tip:N"),
        alt.Chart(lines).mark_line(color=theme.POINT, strokeWidth=2.4).encode(x=x, y="mean:Q"),
    ).properties(width=360, height=220)
    return Figure(id, title, alt_text, vega(chart), note)
