"""Funnel plot: effects against their standard errors."""

from __future__ import annotations

import altair as alt
import pandas as pd

from xanalysis.report import text, theme
from xanalysis.report.document import Figure
from xanalysis.report.figures.draw import TIP, inline, vega

MOST = 400


def draw(points: pd.DataFrame, *, center: float, alt_text: str, note: str = "") -> Figure:
    """The funnel.

    Args:
        points: name, effect, se, low, high (edges of the funnel at that standard error).
        center: The pooled effect.
        alt_text: The finding.
        note: How to read it.
    """
    shown = points
    if len(points) > MOST:
        # Evenly over the precisions, so that the funnel keeps its shape.
        order = points.sort_values(["se", "name"], kind="stable")
        shown = order.iloc[[round(i * (len(order) - 1) / (MOST - 1)) for i in range(MOST)]]
        note += f" {MOST} of {len(points):,} effects are drawn, evenly over their precisions."
    dots = [
        {
            "effect": r["effect"],
            "se": r["se"],
            "tip": f"{TIP}{r['name']}: {text.number(r['effect'], sign=True)} "
            f"(s.e. {text.number(r['se'])})",
        }
        for r in shown.to_dict("records")
    ]
    widest = points.iloc[int(points["se"].argmax())]
    edges = [
        {"side": side, "x": x, "se": se}
        for side, x in (("low", widest["low"]), ("high", widest["high"]), ("pooled", center))
        for x, se in ((center, 0.0), (x, float(widest["se"])))
    ]
    y = alt.Y("se:Q", title="standard error", scale=alt.Scale(reverse=True, zero=True))
    chart = alt.layer(
        alt.Chart(inline(edges))
        .mark_line(color=theme.MUTED, strokeDash=[4, 3], strokeWidth=1.2)
        .encode(x=alt.X("x:Q", title="gain, points"), y=y, detail="side:N"),
        alt.Chart(inline(dots))
        .mark_point(color=theme.POINT, size=26, opacity=0.85, strokeWidth=1.3)
        .encode(x="effect:Q", y=y, description="tip:N"),
    ).properties(width=360, height=230)
    return Figure("fig-funnel", "Gains against their standard errors", alt_text, vega(chart),
                  note.strip())  # fmt: skip
