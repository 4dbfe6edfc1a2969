"""A map of the languages, coloured by gain. The coast is Natural Earth's; there are no borders."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import altair as alt
import pandas as pd

from xanalysis.report import text, theme
from xanalysis.report.document import Figure
from xanalysis.report.figures.draw import TIP, inline, vega
from xanalysis.report.figures.scale import edges, labels, step

_LAND = Path(__file__).parents[1] / "assets" / "land.json"


@cache
def _land() -> dict[str, Any]:
    shape: dict[str, Any] = json.loads(_LAND.read_text(encoding="utf-8"))
    return {"type": "Feature", "geometry": shape, "properties": {}}


def draw(languages: pd.DataFrame, note: str = "") -> Figure:
    """The map.

    Args:
        languages: name, mean, latitude, longitude; languages without a place do not count.
        note: Where the places are from.
    """
    placed = languages.dropna(subset=["latitude", "longitude"])
    cuts = edges(placed["mean"].tolist())
    steps = labels(cuts)
    points = [
        {
            "latitude": r["latitude"],
            "longitude": r["longitude"],
            "step": steps[step(r["mean"], cuts)],
            "tip": f"{TIP}{r['name']}: {text.number(r['mean'], sign=True)}",
        }
        for r in placed.sort_values("latitude", ascending=False).to_dict("records")
    ]
    chart = (
        alt.layer(
            alt.Chart(alt.graticule(step=[30, 30])).mark_geoshape(
                stroke=theme.GRID, strokeWidth=0.6, filled=False
            ),
            alt.Chart(inline([_land()])).mark_geoshape(fill=theme.LAND),
            alt.Chart(inline(points))
            .mark_circle(size=48, opacity=1, stroke=theme.INK, strokeWidth=0.8)
            .encode(
                longitude="longitude:Q",
                latitude="latitude:Q",
                fill=alt.Fill(
                    "step:N",
                    scale=alt.Scale(domain=steps, range=list(theme.DIVERGING)),
                    legend=alt.Legend(title="gain, points", orient="bottom", columns=4),
                ),
                description="tip:N",
            ),
        )
        .project("equalEarth", rotate=[-11, 0, 0])
        .properties(width=540, height=265)
    )
    best, worst = (
        placed.iloc[int(placed["mean"].argmax())],
        placed.iloc[int(placed["mean"].argmin())],
    )
    return Figure(
        "fig-map",
        "Where the languages are spoken, coloured by mean gain",
        f"World map of {len(points)} languages. Largest gain: {best['name']} "
        f"({text.number(best['mean'], sign=True)}); smallest: {worst['name']} "
        f"({text.number(worst['mean'], sign=True)}).",
        vega(chart),
        note,
    )
