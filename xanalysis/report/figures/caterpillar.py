"""Languages in order of gain, grouped by family."""

from __future__ import annotations

from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from xanalysis.report import text, theme
from xanalysis.report.document import Figure
from xanalysis.report.figures.draw import TIP, even, inline, vega

PER_FIGURE = 60


def draw(languages: pd.DataFrame, note: str = "") -> list[Figure]:
    """The caterpillar plot, in as many figures as keep it readable.

    Args:
        languages: language, name, family, mean, low, high; one row per language.
        note: How the intervals come about.
    """
    families = languages.groupby("family")["mean"].transform("mean")
    ordered = languages.assign(family_mean=families).sort_values(
        ["family_mean", "family", "mean"], ascending=[False, True, False], kind="stable"
    )
    low = float(np.nanmin(ordered[["low", "mean"]].to_numpy(np.float64)))
    high = float(np.nanmax(ordered[["high", "mean"]].to_numpy(np.float64)))
    pad = 0.04 * (high - low or 1.0)
    domain = [min(low - pad, 0.0), max(high + pad, 0.0)]
    parts = [ordered.iloc[list(rows)] for rows in even(range(len(ordered)), PER_FIGURE)]
    return [
        Figure(
            f"fig-languages-{number}" if len(parts) > 1 else "fig-languages",
            "Mean gain by language, grouped by family, best family first"
            + (f" ({number} of {len(parts)})" if len(parts) > 1 else ""),
            _finding(part),
            vega(_chart(part, domain)),
            note if number == len(parts) else "",
        )
        for number, part in enumerate(parts, 1)
    ]


def _chart(part: pd.DataFrame, domain: list[float]) -> Any:
    values, order = [], []
    for r in part.to_dict("records"):
        interval = text.interval(r["low"], r["high"])
        heading = TIP + r["family"]
        if heading not in order:
            order.append(heading)
        order.append(r["name"])
        values.append(
            {
                "language": r["name"],
                "mean": r["mean"],
                "low": r["low"] if r["low"] == r["low"] else r["mean"],
                "high": r["high"] if r["high"] == r["high"] else r["mean"],
                "tip": f"{TIP}{r['name']} ({r['family']}): "
                f"{text.number(r['mean'], sign=True)} {interval}",
            }
        )
    is_heading = f"datum.value[0] == '{TIP}'"
    scale = alt.Scale(domain=domain, nice=False)
    base = alt.Chart(inline(values)).encode(
        y=alt.Y(
            "language:N",
            # Families have a line of their own, as headings.
            scale=alt.Scale(domain=order),
            title=None,
            axis=alt.Axis(
                domain=False,
                ticks=False,
                labelPadding=8,
                labelFontWeight=alt.condition(is_heading, alt.value("bold"), alt.value("normal")),
            ),
        ),
        description="tip:N",
    )
    return alt.layer(
        alt.Chart(inline([{"zero": 0}]))
        .mark_rule(color=theme.MUTED, strokeDash=[3, 3])
        .encode(x=alt.X("zero:Q", scale=scale)),
        base.mark_rule(color=theme.POINT, strokeWidth=1.4).encode(
            x=alt.X("low:Q", scale=scale, title="gain, points"), x2="high:Q"
        ),
        base.mark_circle(color=theme.POINT, size=34, opacity=1).encode(
            x=alt.X("mean:Q", scale=scale)
        ),
    ).properties(width=320, height=alt.Step(14))


def _finding(part: pd.DataFrame) -> str:
    best, worst = part.iloc[int(part["mean"].argmax())], part.iloc[int(part["mean"].argmin())]
    above = int((part["low"] > 0).sum())
    return (
        f"Gains of {len(part)} languages in {part['family'].nunique()} families. Largest: "
        f"{best['name']} ({text.number(best['mean'], sign=True)}); smallest: {worst['name']} "
        f"({text.number(worst['mean'], sign=True)}); {above} intervals lie above zero."
    )
