"""Forest plot: subgroups, the pooled gain, and where a further study's gain would lie."""

from __future__ import annotations

from typing import Any

import altair as alt
import pandas as pd

from xanalysis.report import text, theme
from xanalysis.report.document import Figure
from xanalysis.report.figures.draw import TIP, even, inline, vega

PER_FIGURE = 50


def draw(rows: pd.DataFrame, *, alt_text: str, note: str = "") -> list[Figure]:
    """The forest plot, in as many figures as keep it readable; the pooled gain stands in each.

    Args:
        rows: label, estimate, low, high, effects, kind (``group``, ``pooled`` or ``prediction``),
            from top to bottom.
        alt_text: The finding.
        note: How it was pooled.
    """
    groups, others = rows[rows["kind"] == "group"], rows[rows["kind"] != "group"]
    domain = [min(0.0, *rows["low"].dropna(), *rows["estimate"]),
              max(0.0, *rows["high"].dropna(), *rows["estimate"])]  # fmt: skip
    parts = even(range(len(groups)), PER_FIGURE)
    return [
        Figure(
            f"fig-forest-{number}" if len(parts) > 1 else "fig-forest",
            "Pooled gain, with the interval in which a further study's true gain would lie"
            + (f" ({number} of {len(parts)})" if len(parts) > 1 else ""),
            alt_text,
            vega(_chart(pd.concat([groups.iloc[list(part)], others]), domain)),
            note if number == len(parts) else "",
        )
        for number, part in enumerate(parts, 1)
    ]


def _chart(rows: pd.DataFrame, domain: list[float]) -> Any:
    step = 24 if len(rows) < 20 else 17
    values = []
    for r in rows.to_dict("records"):
        ends = text.interval(r["low"], r["high"])
        shown = f"{text.number(r['estimate'], sign=True)} {ends}"
        if r["kind"] == "prediction":
            shown = ends
        values.append(
            {
                "label": r["label"],
                "kind": r["kind"],
                "estimate": r["estimate"],
                "low": r["low"] if r["low"] == r["low"] else r["estimate"],
                "high": r["high"] if r["high"] == r["high"] else r["estimate"],
                "size": float(r["effects"]) if r["effects"] == r["effects"] else 1.0,
                "shown": shown,
                "tip": f"{TIP}{r['label']}: {shown}",
            }
        )
    base = alt.Chart(inline(values)).encode(
        y=alt.Y(
            "label:N",
            sort=[v["label"] for v in values],
            title=None,
            axis=alt.Axis(domain=False, ticks=False, labelPadding=8),
        ),
        description="tip:N",
    )
    x = alt.X("low:Q", title="gain, points", scale=alt.Scale(domain=domain, nice=True))
    kind = "datum.kind == '{}'".format
    chart = alt.layer(
        alt.Chart(inline([{"zero": 0}]))
        .mark_rule(color=theme.MUTED, strokeDash=[3, 3])
        .encode(x="zero:Q"),
        base.transform_filter(kind("prediction"))
        .mark_rule(color=theme.ACCENT, strokeWidth=5, opacity=0.55)
        .encode(x=x, x2="high:Q"),
        base.transform_filter("datum.kind != 'prediction'")
        .mark_rule(color=theme.POINT, strokeWidth=1.6)
        .encode(x=x, x2="high:Q"),
        base.transform_filter(kind("group"))
        .mark_square(color=theme.POINT, opacity=1)
        .encode(
            x="estimate:Q",
            size=alt.Size("size:Q", legend=None, scale=alt.Scale(range=[30, 130], zero=False)),
        ),
        base.transform_filter(kind("pooled"))
        .mark_point(shape="diamond", filled=True, color=theme.INK, size=190, opacity=1)
        .encode(x="estimate:Q"),
    ).properties(width=230, height=alt.Step(step))
    words = (
        base.mark_text(align="left", color=theme.INK, x=0)
        .encode(y=alt.Y("label:N", sort=[v["label"] for v in values], axis=None), text="shown:N")
        .properties(width=130, height=alt.Step(step))
    )
    return alt.hconcat(chart, words, spacing=6)
