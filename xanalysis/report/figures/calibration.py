"""Reliability of stated confidences: share of supported claims against mean confidence."""

from __future__ import annotations

import altair as alt
import pandas as pd

from xanalysis.report import text, theme
from xanalysis.report.document import Figure
from xanalysis.report.figures.draw import TIP, inline, vega


def draw(bins: pd.DataFrame, *, id: str, outcome: str, alt_text: str, note: str = "") -> Figure:
    """The reliability diagram.

    Args:
        bins: confidence, supported, low, high, n.
        id: Anchor.
        outcome: What counts as true.
        alt_text: The finding.
        note: How to read it.
    """
    values = [
        {
            **{name: float(r[name]) for name in ("confidence", "supported", "low", "high", "n")},
            "tip": f"{TIP}confidence {text.number(r['confidence'])}: {text.number(r['supported'])} "
            f"supported {text.interval(r['low'], r['high'])}, {r['n']} claims",
        }
        for r in bins.to_dict("records")
    ]
    unit = alt.Scale(domain=[0, 1])
    x = alt.X("confidence:Q", title="stated confidence", scale=unit)
    base = alt.Chart(inline(values)).encode(description="tip:N")
    chart = alt.layer(
        alt.Chart(inline([{"a": 0, "b": 0}, {"a": 1, "b": 1}]))
        .mark_line(color=theme.MUTED, strokeDash=[4, 3], strokeWidth=1.2)
        .encode(x=alt.X("a:Q", scale=unit), y=alt.Y("b:Q", scale=unit)),
        base.mark_rule(color=theme.POINT, strokeWidth=1.6).encode(
            x=x, y=alt.Y("low:Q", title="share supported", scale=unit), y2="high:Q"
        ),
        base.mark_circle(color=theme.POINT, opacity=1).encode(
            x=x,
            y="supported:Q",
            size=alt.Size(
                "n:Q",
                title="claims",
                scale=alt.Scale(range=[40, 260], zero=False),
                legend=alt.Legend(values=sorted({float(n) for n in bins["n"]}), format="d"),
            ),
        ),
    ).properties(width=300, height=260)
    return Figure(id, f"Confidence against truth; true means {outcome}", alt_text,
                  vega(chart), note)  # fmt: skip
