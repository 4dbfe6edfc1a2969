"""The report object: its parts, what it says of thin input, the same again on a second run."""

from __future__ import annotations

import json
import zlib

import numpy as np
import pandas as pd
import pytest

from xanalysis.errors import InputError
from xanalysis.report.assemble import build
from xanalysis.report.document import Claims, Column, Gap, Report, Table
from xanalysis.report.figures import FIGURES
from xanalysis.report.fonts import covered, families, family, spelled, writable, written
from xanalysis.report.names import own_name
from xanalysis.report.parts import PARTS
from xanalysis.report.render_html import html
from xanalysis.report.render_json import to_json
from xanalysis.report.render_latex import document
from xanalysis.report.render_pdf import pdf
from xanalysis.results.schema import conform
from xanalysis.results.simulate import simulate_grid
from xanalysis.study import Study


def test_all_eight_parts_in_order(report: Report) -> None:
    assert [section.id for section in report.sections] == list(PARTS)
    assert list(PARTS) == [
        "claims", "grid", "families", "explanations", "meta", "robustness", "methods", "provenance",
    ]  # fmt: skip


def test_every_kind_of_figure_is_there(report: Report) -> None:
    made = {figure.id for figure in report.figures}
    expected = {
        "fig-grid", "fig-languages", "fig-map", "fig-families", "fig-contrasts", "fig-forest",
        "fig-funnel", "fig-leave-one-out", "fig-seeds", "fig-partial-distance-syntactic",
    }  # fmt: skip
    assert expected <= made
    assert len(FIGURES) == 9
    for name in FIGURES:
        assert callable(FIGURES[name])


def test_figures_are_valid_vega_lite(report: Report) -> None:
    import altair

    for figure in report.figures:
        altair.Chart.from_dict(dict(figure.spec), validate=True)


def test_alternative_text_states_the_finding(report: Report) -> None:
    for figure in report.figures:
        assert any(letter.isdigit() for letter in figure.alt), figure.id
        assert len(figure.alt) > 40, figure.id


def test_grid_numbers_are_the_means_of_the_gains(report: Report, grid: pd.DataFrame) -> None:
    scores = grid.groupby(["intermediate", "target", "language"])["score"].mean()
    expected = (scores["squad_v1", "xnli"] - scores["none", "xnli"]).mean()
    cells = report.table("tab-cells").frame.set_index(["row", "target"])
    assert cells.loc[("squad_v1", "xnli"), "gain"] == pytest.approx(expected)
    gains = scores["squad_v1", "xnli"] - scores["none", "xnli"]
    assert cells.loc[("squad_v1", "xnli"), "se"] == pytest.approx(
        gains.std(ddof=1) / np.sqrt(len(gains))
    )


def test_missing_cell_is_marked_and_counted(report: Report) -> None:
    figure = next(f for f in report.figures if f.id == "fig-grid")
    assert "1 cells are missing" in figure.alt
    assert "ccg → panx: missing" in figure.svg
    row = next(r for r in report.table("tab-grid").texts if r[0] == "ccg")
    assert "–" in row


def test_degenerate_runs_are_told_with_and_without(report: Report) -> None:
    table = report.table("tab-degenerate")
    assert [row[0] for row in table.texts] == ["all runs", "without degenerate runs"]
    assert table.frame["scores"].iloc[0] - table.frame["scores"].iloc[1] == 13


def test_verdicts_have_their_rows_behind_them(report: Report) -> None:
    claims = next(i for i in report.section("claims").items if isinstance(i, Claims))
    best, fifth = claims.verdicts
    assert best["evidence"][0]["checks"][0]["rows"]
    assert fifth["verdict"] == "NOT ENOUGH INFO"
    assert fifth["missing"]


def test_every_link_leads_somewhere(report: Report, study: Study) -> None:
    import re

    page = html(report, study=study)
    ids = set(re.findall(r'\bid="([^"]+)"', page))
    assert len(ids) == len(re.findall(r'\bid="([^"]+)"', page)), "an id stands twice"
    links = re.findall(r'href="#([^"]*)"', page)
    assert len(links) > 50
    assert set(links) - ids == set()


def test_pooled_numbers_lead_to_what_was_pooled(report: Report, grid: pd.DataFrame) -> None:
    sets = {found.id: found for found in report.rows.sets}
    for name in ("tab-families", "tab-contrasts", "tab-model-distance", "tab-forest",
                 "tab-leave-one-out", "tab-heterogeneity"):  # fmt: skip
        assert set(report.table(name).rows) <= set(sets), name
    families = report.table("tab-families")
    for anchor, languages in zip(families.rows, families.frame["languages"].tolist(), strict=True):
        assert len(sets[anchor].members) == languages
    pairs = grid[grid["intermediate"] != "none"].groupby(["intermediate", "target"]).ngroups
    assert len(sets["set-effects"].members) == pairs


def test_every_number_leads_to_runs(report: Report) -> None:
    """Every link, followed to its end, reaches a run, a source or the evidence of a claim."""
    rows = report.rows
    leads: dict[str, set[str]] = {found.id: {a for _, a in found.members} for found in rows.sets}
    leads["rows-scores"] = {part.id for part in rows.scores}
    for part in rows.scores:
        leads[part.id] = {group.id for group in part.groups}
        leads.update({group.id: {run for _, run in group.heads} for group in part.groups})
    for language in rows.languages:
        leads[language.id] = {a for _, _, cells in language.lines for _, a in cells if a}
    ends = {run.id for run in rows.runs}
    for item in report.section("claims").items:
        if isinstance(item, Claims):
            ends |= {str(verdict["anchor"]) for verdict in item.verdicts}
    for table in report.tables:
        leads[table.id] = {
            link
            for row in range(len(table.frame))
            for column in table.columns
            if (link := table.link(row, column))
        }

    def reaches(name: str, seen: frozenset[str] = frozenset()) -> bool:
        if name in ends:
            return True
        onward = leads.get(name, set()) - seen
        return bool(onward) and all(reaches(other, seen | {name}) for other in onward)

    for table in report.tables:
        for link in leads[table.id]:
            assert reaches(link), (table.id, link)
    assert report.findings
    for finding in report.findings:
        assert reaches(finding.link), finding


def test_every_score_is_among_the_rows(report: Report, grid: pd.DataFrame) -> None:
    groups = [group for part in report.rows.scores for group in part.groups]
    shown = [score for group in groups for _, scores, _ in group.lines for score in scores]
    assert len(shown) == len(grid)
    assert sum(s.endswith("†") for s in shown) == int(grid["degenerate"].sum())
    runs = {run.id for run in report.rows.runs}
    assert all(run in runs for group in groups for _, run in group.heads)


def test_second_run_is_the_same_to_the_byte(
    report: Report, grid: pd.DataFrame, study: Study
) -> None:
    pages, papers, data, tex = [], [], [], []
    again = build(grid, claims=["small"], study=study, sources={"grid.csv": "0" * 64})
    for made in (report, again):
        pages.append(html(made, study=study))
        papers.append(pdf(made, study=study))
        data.append(to_json(made))
        tex.append(document(made))
    assert pages[0] == pages[1]
    assert zlib.crc32(papers[0]) == zlib.crc32(papers[1])
    assert data[0] == data[1]
    assert tex[0] == tex[1]


THIN = {
    "no seeds": lambda g: g.drop_duplicates(["intermediate", "target", "language"]).drop(
        columns=["seed", "run_key"]
    ),
    "one language": lambda g: g[g["language"] == "de"],
    "no baseline": lambda g: g[g["intermediate"] != "none"],
    "only the baseline": lambda g: g[g["intermediate"] == "none"],
    "one row": lambda g: g.head(1),
    "one target, one intermediate": lambda g: g[
        g["intermediate"].isin(["none", "mnli"]) & (g["target"] == "xnli")
    ],
    "constant gain": lambda g: g.assign(score=50.0 + 2 * (g["intermediate"] == "mnli")),
    "no standard errors": lambda g: g.assign(se=np.nan, se_source="none", seed=0).drop_duplicates(
        ["intermediate", "target", "language"]
    ),
    "nothing": lambda g: g.head(0),
    "languages nobody knows": lambda g: g.assign(language="qq-" + g["language"]),
}


@pytest.mark.parametrize("name", list(THIN))
def test_thin_input_renders_and_says_what_lacks(
    name: str, grid: pd.DataFrame, study: Study
) -> None:
    made = build(conform(THIN[name](grid)), study=study)
    gaps = [i for s in made.sections for i in s.items if isinstance(i, Gap)]
    assert all(gap.why for gap in gaps)
    if name not in ("no seeds", "no standard errors"):
        assert gaps, "nothing was said to be missing"
    page = html(made, study=study)
    assert page.count("could not be computed") == len(gaps)
    assert pdf(made, study=study).startswith(b"%PDF")
    json.loads(to_json(made))
    if name == "no seeds":
        assert "give no seeds" in page


@pytest.mark.slow
def test_300_languages(study: Study) -> None:
    from xanalysis.languages import known

    codes = [c if isinstance(c, str) else c.code for c in known()][:300]
    table = simulate_grid(languages=codes, targets=("xnli",), seeds=1, effects={"mnli": 1.0})
    made = build(table, study=study)
    figures = [f for f in made.figures if f.id.startswith("fig-languages-")]
    assert len(figures) >= 5
    assert all(f.height < 1500 for f in figures)
    assert len(html(made, study=study)) < 2e6


def test_claim_file_that_is_not_there(grid: pd.DataFrame, study: Study) -> None:
    with pytest.raises(InputError, match="smal1"):
        build(grid, claims=["smal1"], study=study)


def test_interval_and_star_columns() -> None:
    frame = pd.DataFrame({"a": [1.0, np.nan], "b": [2.0, 3.0], "s": [True, False]})
    columns = (Column("a", "x", "interval", high="b"), Column("b", "y", "gain", star="s"))
    assert Table("t", "t", columns, frame).texts == [["[1.00, 2.00]", "+2.00*"], ["–", "+3.00"]]


def test_fonts_cover_what_the_report_writes() -> None:
    from fontTools.ttLib import TTFont

    from xanalysis.report.fonts import FOLDER

    by_name: dict[str, set[int]] = {}
    for file in FOLDER.glob("*.?tf"):
        font = TTFont(file)
        name = font["name"].getDebugName(16) or font["name"].getDebugName(1)
        points = set(font.getBestCmap())
        by_name[name] = by_name.get(name, points) & points
    assert set(families()) == set(by_name)
    # What Vega must not look for in a font of the machine.
    assert set(map(ord, "−→–…×")) <= by_name["Noto Sans"]
    assert covered() <= set().union(*by_name.values())
    for letter in "aжم中":
        assert ord(letter) in by_name[family(letter)]
    assert writable(
        "−∞≤≥≠≈→✓✗×±²†…“”‘’–— Ελληνικά Кириллица العربية עברית हिन्दी ไทย 中文 日本語 한국어"
    )
    assert written("a\U00012000b") == "a[U+12000]b"


def test_a_text_says_the_font_of_every_letter() -> None:
    plain = '<svg><text x="1">mnli &amp; \u22121</text></svg>'
    assert spelled(plain) == plain
    arabic, hindi = (f'<tspan font-family="Noto Sans {n}">' for n in ("Arabic", "Devanagari"))
    assert spelled("<text>xquad مهمة ثانية-2</text>") == (
        f"<text>xquad {arabic}مهمة ثانية</tspan>-2</text>"
    )
    assert spelled("<text>हिन्दी भाषा</text>") == f"<text>{hindi}हिन्दी भाषा</tspan></text>"


@pytest.mark.parametrize(
    ("code", "name"), [("de", "Deutsch"), ("he", "עברית"), ("zh", "中文"), ("xx", "")]
)
def test_own_names(code: str, name: str) -> None:
    assert own_name(code) == name
