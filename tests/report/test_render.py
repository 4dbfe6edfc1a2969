"""Renderers: the same numbers everywhere, nothing in a text executes, sizes, templates."""

from __future__ import annotations

import html as htmllib
import json
import re
import shutil
import subprocess
import time
import zlib
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from xanalysis.cli import main
from xanalysis.errors import InputError
from xanalysis.report import render_latex, text, theme
from xanalysis.report.assemble import build
from xanalysis.report.document import Column, Report, Table
from xanalysis.report.render_html import html
from xanalysis.report.render_json import csv_files, to_json
from xanalysis.report.render_pdf import content, pdf
from xanalysis.report.write import render
from xanalysis.results.schema import conform
from xanalysis.results.simulate import simulate_grid
from xanalysis.study import Study

EVIL = (
    "<script>alert(1)</script><img src=x onerror=alert(1)> \\write18{touch pwned} "
    '#eval("1") #read("/etc/passwd") {{7*7}} {%raw%} "]] "; مهمة $x$ & % _ ^ ~ {} \\input{a} [x]('
)
NUMBER = re.compile(r"[+−-]?\d+\.\d+")


def numbers(words: str) -> list[str]:
    return [n.replace("−", "-").lstrip("+") for n in NUMBER.findall(words)]


@pytest.fixture(scope="module")
def page(report: Report, study: Study) -> str:
    return html(report, study=study)


@pytest.fixture(scope="module")
def paper(report: Report, study: Study) -> bytes:
    return pdf(report, study=study)


def cells_of_html(page: str, name: str) -> list[list[str]]:
    body = re.search(rf'<table class="data[^"]*" id="{name}".*?<tbody>(.*?)</tbody>', page, re.S)
    assert body, name
    rows = re.findall(r"<tr>(.*?)</tr>", body.group(1), re.S)
    return [
        [htmllib.unescape(re.sub(r"<[^>]+>", "", c)) for c in re.findall(r"<t[hd].*?</t[hd]>", r)]
        for r in rows
    ]


def test_the_same_numbers_in_html_latex_and_json(report: Report, page: str) -> None:
    tex = render_latex.document(report)
    data = json.loads(to_json(report))
    by_id = {i["table"]: i for s in data["sections"] for i in s["items"] if "table" in i}
    compared = 0
    for table in report.tables:
        shown = [numbers(" ".join(row)) for row in table.texts]
        in_html = [numbers(" ".join(row)) for row in cells_of_html(page, table.id)]
        part = tex.partition(f"% {table.id}\n")[2].partition("% tab-")[0]
        body = part.partition("\\midrule")[2].partition("\\bottomrule")[0].replace("\\endhead", "")
        lines = [line for line in body.strip().split("\n") if line.strip()]
        in_tex = [numbers(line.replace("$-$", "−").replace("-{}", "-")) for line in lines]
        in_json = [numbers(" ".join(row)) for row in by_id[table.id]["printed"]]
        assert shown == in_html == in_tex == in_json, table.id
        compared += sum(map(len, shown))
    assert compared > 300


def test_json_numbers_round_to_the_printed_ones(report: Report) -> None:
    data = json.loads(to_json(report))
    by_id = {i["table"]: i for s in data["sections"] for i in s["items"] if "table" in i}
    for row, printed in zip(by_id["tab-cells"]["rows"], by_id["tab-cells"]["printed"], strict=True):
        assert printed[2].rstrip("*") == text.number(row["gain"], sign=True)


@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="pdftotext is not installed")
def test_the_same_numbers_in_the_pdf(report: Report, paper: bytes, tmp_path: Path) -> None:
    (tmp_path / "r.pdf").write_bytes(paper)
    subprocess.run(["pdftotext", "-layout", "r.pdf", "r.txt"], cwd=tmp_path, check=True)
    told = (tmp_path / "r.txt").read_text(encoding="utf-8")
    found = numbers(told)
    for table in report.tables:
        for row in table.texts:
            for value in numbers(" ".join(row)):
                assert value in found, (table.id, row)
    # And in order, for the tables whose cells do not wrap.
    for name in ("tab-cells", "tab-families", "tab-leave-one-out"):
        for row in report.table(name).texts:
            pattern = r"\s+".join(re.escape(word) for cell in row for word in cell.split())
            assert re.search(pattern, told), (name, row)


def test_limits_stand_below_the_summary(report: Report, study: Study) -> None:
    small = replace(report, limits="Two languages & one seed <only>.")
    page = html(small, study=study)
    summary = page[page.index('class="summary"') : page.index('class="toc"')]
    assert "Two languages &amp; one seed &lt;only&gt;." in summary
    assert json.loads(to_json(small))["limits"] == small.limits
    assert "What this cannot say" not in html(report, study=study)


def test_csv_is_unrounded(report: Report) -> None:
    import io

    files = csv_files(report)
    back = pd.read_csv(io.StringIO(files["cells.csv"]))
    assert back["gain"].tolist() == pytest.approx(report.table("tab-cells").frame["gain"].tolist())


def test_every_number_of_a_table_is_a_link(report: Report, page: str) -> None:
    ids = set(re.findall(r'\bid="([^"]+)"', page))
    linked = 0
    for table in report.tables:
        body = page.partition(f'id="{table.id}"')[2].partition("<tbody>")[2]
        body = body.partition("</tbody>")[0]
        for cell in re.findall(r'<t[hd][^>]*class="n[ "].*?</t[hd]>', body, re.S):
            link = re.search(r'<a href="#([^"]+)">', cell)
            if "–</t" not in cell:
                assert link, (table.id, cell)
                assert link.group(1) in ids, (table.id, cell)
                linked += 1
    assert linked > 200


def test_page_is_one_file_that_loads_nothing(page: str) -> None:
    found = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    assert found
    assert htmllib.unescape(found.group(1)).startswith("default-src 'none'")
    assert not re.search(r'(?:src|href)="(?!#|data:)', page)
    assert "@import" not in page
    assert "url(" not in page
    assert " style=" not in page
    assert page.count("<script") == 1


@pytest.fixture(scope="module")
def evil(grid: pd.DataFrame, study: Study) -> Report:
    table = grid.copy()
    for name in ("intermediate", "target"):
        table[name] = table[name].map(lambda v: v if v == "none" else v + EVIL)
    for name in ("study", "model", "recipe", "source", "task_type", "metric"):
        table[name] = EVIL
    long = EVIL * 40
    path = study.root / "claims" / "evil.yaml"
    path.write_text(
        json.dumps(
            {
                "paper": {"id": "arxiv:1", "short": EVIL},
                "claims": [
                    {
                        "id": "long",
                        "text": long,
                        "quantity": {"measure": "gain", "average_over": ["language", "target"]},
                        "check": [{"greater": {"than": "0"}}],
                    }
                ],
            }
        ),
        encoding="utf-8",
    )
    assert len(long) > 5000
    return build(conform(table), claims=[path], study=study, title=EVIL, limits=EVIL)


def test_html_in_any_text_stays_text(evil: Report, study: Study) -> None:
    page = html(evil, study=study)
    assert page.count("<script") == 1
    assert "<img" not in page
    assert "&lt;script&gt;" in page
    assert "{{7*7}}" in page


@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="pdftotext is not installed")
def test_typst_in_any_text_stays_text(evil: Report, study: Study, tmp_path: Path) -> None:
    (tmp_path / "r.pdf").write_bytes(pdf(evil, study=study))
    subprocess.run(["pdftotext", "-layout", "r.pdf", "r.txt"], cwd=tmp_path, check=True)
    told = (tmp_path / "r.txt").read_text(encoding="utf-8")
    assert '#eval("1")' in told
    assert "What this cannot say." in told
    assert "root:" not in told


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_latex_compiles_and_runs_nothing(evil: Report, report: Report, tmp_path: Path) -> None:
    for name, item in (("good", report), ("evil", evil)):
        (tmp_path / f"{name}.tex").write_text(render_latex.document(item), encoding="utf-8")
        run = subprocess.run(
            ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-shell-escape",
             f"{name}.tex"],
            cwd=tmp_path, capture_output=True, check=False,
        )  # fmt: skip
        assert run.returncode == 0, run.stdout.decode(errors="replace")[-1500:]
        told = run.stdout.decode(errors="replace").replace("\n", "")
        wide = [float(n) for n in re.findall(r"Overfull \\hbox \(([\d.]+)pt too wide", told)]
        assert name == "evil" or max(wide, default=0.0) < 20, wide
    assert not (tmp_path / "pwned").exists()


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_latex_tables_keep_to_the_page(tmp_path: Path) -> None:
    """Sentences wrap; many columns are set smaller."""
    sentence = "no evidence within scope: mt5_readme_xtreme_averages/per_language, and so on " * 4
    words = pd.DataFrame({"id": ["a-long-claim-id-that-is-one-word"] * 40})
    words = words.assign(x=1.5, why=sentence, more="of a second text that wraps")
    many = pd.DataFrame({"row": ["commonsenseqa"] * 3, **{f"t{i}": -12.34 for i in range(14)}})
    tables = [
        Table("tab-words", "Words", (Column("id", "claim"), Column("x", "estimate of it", "gain"),
                                     Column("why", "why"), Column("more", "more")), words),
        Table("tab-few", "A few", (Column("why", "why"), Column("more", "more")), words.head(3)),
        Table("tab-many", "Many", (Column("row", "row"), *(Column(f"t{i}", f"target {i}", "gain")
                                                           for i in range(14))), many),
    ]  # fmt: skip
    body = "".join(map(render_latex.table, tables))
    source = f"{render_latex.PREAMBLE}\\begin{{document}}\n{body}\\end{{document}}\n"
    (tmp_path / "t.tex").write_text(source, encoding="utf-8")
    run = subprocess.run(["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "t.tex"],
                         cwd=tmp_path, capture_output=True, check=False)  # fmt: skip
    told = run.stdout.decode(errors="replace").replace("\n", "")
    assert run.returncode == 0, told[-1500:]
    wide = [float(n) for n in re.findall(r"Overfull \\hbox \(([\d.]+)pt too wide", told)]
    assert max(wide, default=0.0) < 20, wide


def test_typst_strings_cannot_be_left() -> None:
    assert content('a"b\\c\nd') == '#"a\\"b\\\\c d";'
    assert content("") == ""


def test_boxes_never(report: Report, paper: bytes, tmp_path: Path) -> None:
    """Typst writes .notdef glyphs for what no font has: every character must be in a font."""
    from xanalysis.report.fonts import writable

    names = [row[2] for row in report.table("tab-languages").texts]
    assert all(map(writable, names))
    assert any(ord(name[0]) > 0x500 for name in names if name)


@pytest.mark.skipif(shutil.which("pdffonts") is None, reason="pdffonts is not installed")
def test_pdf_has_only_the_fonts_that_come_along(paper: bytes, tmp_path: Path) -> None:
    (tmp_path / "r.pdf").write_bytes(paper)
    run = subprocess.run(["pdffonts", "r.pdf"], cwd=tmp_path, capture_output=True, check=True)
    fonts = [line.split()[0] for line in run.stdout.decode().splitlines()[2:]]
    assert fonts
    assert all("Noto" in name for name in fonts), fonts


def test_5000_rows_are_under_2_megabytes(study: Study) -> None:
    table = simulate_grid(seeds=5)
    assert len(table) > 5000
    assert len(html(build(table, study=study), study=study).encode()) < 2e6


def known_languages(number: int) -> list[str]:
    from xanalysis.languages import known

    return [c if isinstance(c, str) else c.code for c in known()][:number]


LARGE = {
    "intermediates": lambda: {"effects": {f"task{i}": i / 10 for i in range(65)}},
    "languages": lambda: {"languages": known_languages(300), "seeds": 4,
                          "effects": {f"task{i}": float(i) for i in range(5)}},
    "targets": lambda: {"targets": tuple(f"target{i}" for i in range(60)),
                        "effects": {f"task{i}": float(i) for i in range(8)}},
    "seeds": lambda: {"seeds": 45},
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", list(LARGE))
def test_50000_rows_are_under_4_megabytes(name: str, study: Study) -> None:
    results = simulate_grid(**LARGE[name]())
    assert len(results) > 50000
    keys = results["intermediate"] + results["target"] + results["seed"].astype(str)
    results["run_key"] = keys.map(lambda key: f"{zlib.crc32(key.encode()):08x}" * 8)
    began = time.process_time()
    made = build(results, study=study)
    assert len(html(made, study=study).encode()) < 4e6
    assert pdf(made, study=study).startswith(b"%PDF")
    # Processor time, for a machine that does other things beside.
    assert time.process_time() - began < 60


def test_contrast_of_every_ink_in_light_and_dark() -> None:
    dark = theme.DARK
    inks = (theme.INK, theme.MUTED, *theme.VERDICTS.values())
    for colour in inks:
        assert theme.contrast(colour, theme.PAPER) >= 4.5, colour
        assert theme.contrast(dark[colour], dark[theme.PAPER]) >= 4.5, colour
    for ground, ink in zip(theme.DIVERGING, theme.ON_DIVERGING, strict=True):
        assert theme.contrast(ground, ink) >= 4.5, ground
        assert theme.contrast(dark[ground], dark[ink]) >= 4.5, ground
    for colour in (theme.POINT, theme.ACCENT, *theme.CATEGORIES):
        assert theme.contrast(colour, theme.PAPER) >= 3, colour
        assert theme.contrast(dark[colour], dark[theme.PAPER]) >= 3, colour


def test_every_colour_of_a_figure_turns_dark(report: Report) -> None:
    for figure in report.figures:
        used = set(re.findall(r'(?:fill|stroke)="(#[0-9a-fA-F]{6})"', figure.svg))
        assert used <= set(theme.DARK), (figure.id, used - set(theme.DARK))
        assert not re.search(r'(?:fill|stroke)="(?!#|none)', figure.svg), figure.id


def test_section_of_a_study(report: Report, tmp_path: Path) -> None:
    root = tmp_path / "mine"
    (root / "reports" / "sections").mkdir(parents=True)
    (root / "claims").mkdir()
    (root / "reports" / "sections" / "best-cells.html.j2").write_text(
        '{% from "macros.html.j2" import table with context %}<h2>Best cells</h2>\n'
        '{{ table(report.table("tab-families")) | replace("tab-families", "mine") }}'
        "<p>{{ 6 * 7 }}</p>",
        encoding="utf-8",
    )
    (root / "reports" / "sections" / "best-cells.typ.j2").write_text(
        "= Best cells\n{{ report.title }} {{ 6 * 7 }}\n", encoding="utf-8"
    )
    page = html(report, study=Study(root))
    assert '<section id="best-cells"><h2>Best cells</h2>' in page
    assert "<p>42</p>" in page
    assert pdf(report, study=Study(root)).startswith(b"%PDF")


def test_template_of_a_study(report: Report, tmp_path: Path) -> None:
    root = tmp_path / "mine"
    (root / "reports").mkdir(parents=True)
    (root / "claims").mkdir()
    mine = root / "reports" / "mine.html.j2"
    mine.write_text(
        '{% extends "report.html.j2" %}{% block after_grid %}<p>MINE {{ "<b>" }}</p>{% endblock %}',
        encoding="utf-8",
    )
    for given in ("mine.html", "reports/mine.html.j2", str(mine)):
        page = html(report, study=Study(root), template=given)
        assert "<p>MINE &lt;b&gt;</p>" in page


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("{{ report.nothing }}", "nothing"),
        ("{% for %}", "template"),
        ("{{ ''.__class__.__mro__ }}", "unsafe"),
    ],
)
def test_template_with_a_mistake(report: Report, tmp_path: Path, source: str, said: str) -> None:
    (tmp_path / "bad.html.j2").write_text(source, encoding="utf-8")
    with pytest.raises(InputError, match=said):
        html(report, study=Study(tmp_path), template=str(tmp_path / "bad.html.j2"))


def test_unknown_template_and_format(report: Report, study: Study, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"report\.html"):
        html(report, study=study, template="report.htm")
    with pytest.raises(InputError, match="did you mean 'html'"):
        render(report, tmp_path, formats=["htm"], study=study)
    assert not list(tmp_path.iterdir())


def test_command(
    grid: pd.DataFrame, study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(study.root)
    grid.to_csv(tmp_path / "g.csv", index=False)
    with pytest.raises(SystemExit) as end:
        main(["report", str(tmp_path / "g.csv"), "--claims", "small",
              "--format", "html,pdf,latex,json,csv", "-o", str(tmp_path / "out")])  # fmt: skip
    assert end.value.code == 0
    names = {p.name for p in (tmp_path / "out").iterdir()}
    assert names == {"report.html", "report.pdf", "tables.tex", "report.json", "references.bib",
                     "tables"}  # fmt: skip
    assert "report.html" in capsys.readouterr().out
    with pytest.raises(SystemExit) as end:
        main(["report", str(tmp_path / "h.csv"), "-o", str(tmp_path / "out2")])
    assert end.value.code == 2
    assert "g.csv" in capsys.readouterr().err
    assert not (tmp_path / "out2").exists()


@pytest.mark.parametrize(
    ("style", "said"),
    [("csv", "best,"), ("markdown", "| best: "), ("latex", "\\toprule"), ("json", '"id": "best"')],
)
def test_claims_in_every_format(
    style: str, said: str, grid: pd.DataFrame, study: Study, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(study.root)
    grid.to_csv(tmp_path / "g.csv", index=False)
    with pytest.raises(SystemExit) as end:
        main(["verify-claims", "small", "-e", str(tmp_path / "g.csv"), "--format", style])
    assert end.value.code == 0
    assert said in capsys.readouterr().out
