"""``xanalysis report``: render the report."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("report")
@click.argument("results", nargs=-1)
@click.option(
    "--claims",
    "-c",
    multiple=True,
    help="Claim file, by path or by name in claims/; may be given several times. "
    "Default: claims/stilts.yaml if there is one, else all of claims/.",
)
@click.option("--no-claims", is_flag=True, help="Check no claims.")
@click.option(
    "--format",
    "formats",
    default="html,pdf",
    show_default=True,
    help="What to write, separated by commas: html, pdf, latex, json, csv, png (the figures), "
    "gallery (four figures for a README).",
)
@click.option("--template", help="Template in place of the usual: a *.html.j2 or *.typ.j2 file.")
@click.option("--title", help="Title of the report.")
@click.option("--limits", default="", help="What the results cannot say, below the summary.")
@click.option(
    "--output",
    "--out",
    "-o",
    default="out",
    show_default=True,
    type=click.Path(file_okay=False),
    help="Folder to write to.",
)
@click.option("--open", "show", is_flag=True, help="Open the report when it is written.")
def command(
    results: tuple[str, ...],
    claims: tuple[str, ...],
    no_claims: bool,
    formats: str,
    template: str | None,
    title: str | None,
    limits: str,
    output: str,
    show: bool,
) -> None:
    """Render a report of RESULTS (recipe names, stores, CSV or Parquet files).

    Without RESULTS, of all recipes that were run in this study. What cannot be computed is left
    out, and the report says why.
    """
    from xanalysis.report.assemble import TITLE, build
    from xanalysis.report.inputs import claim_files, evidence, read_results
    from xanalysis.report.write import render
    from xanalysis.study import Study

    study = Study.here()
    chosen = [name.strip() for name in formats.split(",") if name.strip()]
    table, sources = read_results(results, study)
    files = [] if no_claims else claim_files(claims, study)
    report = build(
        table,
        claims=files,
        study=study,
        title=title or TITLE,
        sources=sources,
        evidence=evidence(results, study),
        limits=limits,
    )
    written = render(report, output, formats=chosen, template=template, study=study)
    for line in report.findings:
        click.echo(f"- {line.text}")
    for name, path in written.items():
        size = path.stat().st_size if path.is_file() else 0
        click.echo(f"{name:6} {path}" + (f"  ({size / 1e6:.2f} MB)" if size else ""))
    if show:
        first = next(iter(written.values()))
        click.launch(Path(first).resolve().as_uri())
