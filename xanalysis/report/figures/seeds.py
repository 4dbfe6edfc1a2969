"""Every training run: how far seeds lie apart, and which runs collapsed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt
import pandas as pd

from xanalysis.report import text, theme
from xanalysis.report.document import Figure
from xanalysis.report.figures.draw import TIP, inline, vega

# Beyond these, only the cells whose seeds lie furthest apart are drawn.
_ROWS, _TARGETS, _MARKS = 25, 12, 600
_KINDS = ("ordinary", "degenerate")


def draw(runs: pd.DataFrame, rows: Sequence[str], targets: Sequence[str], note: str = "") -> Figure:
    """One mark per training run; of a large grid, the cells whose seeds lie furthest apart.

    Args:
        runs: row, target, seed, gain (mean over languages), degenerate.
        rows: Order of the rows.
        targets: Targets, in the order of the panels.
        note: How to read it.
    """
    if len(rows) <= _ROWS and len(targets) <= _TARGETS and len(runs) <= _MARKS:
        title = "Every training run: mean gain over languages, by seed"
        chart = _panels(_values(runs), rows, targets)
    else:
        shown, cells = _widest(runs)
        title = f"The {cells} cells whose seeds lie furthest apart: mean gain of every training run"
        chart = _lines(_values(shown))
        number = runs.groupby(["row", "target"]).ngroups
        note += (
            f" {cells} of {number:,} cells are drawn, those with the largest distance between two "
            "seeds; the table below sums up all of them, and every score stands among the rows."
        )
    return Figure("fig-seeds", title, _finding(runs), vega(chart), note.strip())


def _values(runs: pd.DataFrame) -> list[dict[str, Any]]:
    values = []
    for r in runs.to_dict("records"):
        seed = (
            "no seed given" if r["seed"] is None or r["seed"] != r["seed"] else f"seed {r['seed']}"
        )
        bad = bool(r["degenerate"])
        where = f"{r['row']} → {r['target']}"
        values.append(
            {
                "row": r["row"],
                "target": r["target"],
                "cell": where,
                "gain": r["gain"],
                "run": _KINDS[bad],
                "tip": f"{TIP}{where}, {seed}: {text.number(r['gain'], sign=True)}"
                f"{' (degenerate)' * bad}",
            }
        )
    return values


def _widest(runs: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """The runs of the cells with the largest distance between two seeds, and how many cells."""
    spread = runs.groupby(["row", "target"])["gain"].agg(["max", "min", "size"])
    spread = spread.assign(range=spread["max"] - spread["min"])
    spread = spread.sort_values("range", ascending=False, kind="stable")
    cells = int(min(40, max(10, (spread["size"].cumsum() <= _MARKS).sum())))
    order = pd.Series(range(min(cells, len(spread))), index=spread.index[:cells], name="order")
    shown = runs.join(order, on=["row", "target"], how="inner")
    return shown.sort_values(["order", "seed"], kind="stable"), len(order)


def _marks(y: alt.Y, axis: alt.Axis) -> Any:
    return (
        alt.Chart()
        .mark_point(size=34, strokeWidth=1.5, opacity=0.9)
        .encode(
            x=alt.X("gain:Q", title="gain, points", axis=axis),
            y=y,
            color=alt.Color(
                "run:N",
                scale=alt.Scale(domain=_KINDS, range=[theme.POINT, theme.ACCENT]),
                legend=alt.Legend(title=None, orient="top"),
            ),
            shape=alt.Shape("run:N", scale=alt.Scale(domain=_KINDS, range=["circle", "cross"])),
            description="tip:N",
        )
    )


def _zero() -> Any:
    # Of its own data: otherwise it is drawn once for every run.
    return (
        alt.Chart(inline([{"zero": 0}]))
        .mark_rule(color=theme.MUTED, strokeDash=[3, 3])
        .encode(x="zero:Q")
    )


def _panels(values: list[dict[str, Any]], rows: Sequence[str], targets: Sequence[str]) -> Any:
    columns = len(targets) if len(targets) < 3 else 3
    y = alt.Y("row:N", sort=list(rows), title=None, axis=alt.Axis(ticks=False, grid=True))
    marks = _marks(y, alt.Axis(tickCount=3, labelFlush=True)).properties(
        width=130 if columns > 1 else 300, height=alt.Step(20)
    )
    zero = alt.Chart().mark_rule(color=theme.MUTED, strokeDash=[3, 3]).encode(x=alt.datum(0))
    return alt.layer(zero, marks, data=inline(values)).facet(
        facet=alt.Facet("target:N", sort=list(targets), title=None), columns=columns, spacing=18
    )


def _lines(values: list[dict[str, Any]]) -> Any:
    order = list(dict.fromkeys(value["cell"] for value in values))
    y = alt.Y("cell:N", sort=order, title=None, axis=alt.Axis(ticks=False, grid=True))
    marks = _marks(y, alt.Axis()).properties(width=320, height=alt.Step(16))
    return alt.layer(_zero(), marks, data=inline(values))


def _finding(runs: pd.DataFrame) -> str:
    spread = runs.groupby(["row", "target"])["gain"].agg(lambda g: g.max() - g.min())
    row, target = spread.index[int(spread.argmax())]
    return (
        f"{len(runs)} training runs, {int(runs['degenerate'].sum())} of them degenerate. Seeds lie "
        f"{text.number(spread.median())} points apart at the median, most in {row} → {target} "
        f"({text.number(spread.max())})."
    )
