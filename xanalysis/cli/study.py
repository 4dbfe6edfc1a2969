"""``xanalysis study``: a research question from grid to report."""

from __future__ import annotations

import sys
from contextlib import nullcontext, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING

import click

from xanalysis.cli.tables import Section, emit, format_option

if TYPE_CHECKING:
    from xanalysis.questions.answer import Answer
    from xanalysis.questions.record import Question, Scale


@click.command("study")
@click.argument("name", required=False)
@click.option(
    "--scale",
    type=click.Choice(["small", "full"]),
    help="small: generated tasks on the embedded model, in minutes. full: the question as asked, "
    "on the benchmark's tasks. Without it: full where --source names no cldr, else small.",
)
@click.option("--results", help="Use these results (recipe, store, CSV, Parquet); run nothing.")
@click.option("--model", help="Another pretrained model, as FacebookAI/xlm-roberta-large.")
@click.option("--data", type=click.Path(path_type=Path), help="Folder with task data files.")
@click.option("--source", "sources", multiple=True, help="files, cldr or hub.")
@click.option("--allow-partial", is_flag=True, help="Run what there are data for.")
@click.option("--dry-run", is_flag=True, help="Print what the grid would cost, and stop.")
@click.option("--output", "-o", default="out", show_default=True, help="Folder of the report.")
@format_option()
@click.pass_context
def command(
    ctx: click.Context,
    name: str | None,
    scale: Scale | None,
    results: str | None,
    model: str | None,
    data: Path | None,
    sources: tuple[str, ...],
    allow_partial: bool,
    dry_run: bool,
    output: str,
    style: str,
) -> None:
    """Run the research question NAME (A to E, or a file): grid, contrast, claims, report.

    Without NAME, list the questions. What a question would cost as asked, without any of its data:
    xanalysis study A --scale full --dry-run
    """
    import pandas as pd

    from xanalysis.questions.record import load_question
    from xanalysis.study import Study

    study = Study.here()
    if name is None:
        files = study.files("questions")
        rows = [(key.upper(), load_question(file).title) for key, file in files.items()]
        emit(Section("Questions", pd.DataFrame(rows, columns=["name", "title"])), style)
        return
    question = load_question(study.find("questions", name if Path(name).exists() else name.lower()))
    chosen = scale or ("full" if sources and "cldr" not in sources else "small")
    recipe = question.at(chosen)
    if dry_run or results is None:
        from xanalysis.cli.run_grid import command as run_grid

        json_plan = dry_run and style == "json"
        # What is said on the way must not stand before the answer's JSON.
        aside = redirect_stdout(sys.stderr) if style != "table" and not dry_run else nullcontext()
        with aside:
            ctx.invoke(
                run_grid,
                recipe=recipe,
                model=model,
                data=data,
                sources=sources,
                allow_partial=allow_partial,
                dry_run=dry_run,
                form="json" if json_plan else "text",
            )
        if dry_run:
            return
    _answer(question, recipe, results or recipe, output, style)


def _answer(question: Question, recipe: str, results: str, output: str, style: str) -> None:
    import json

    from xanalysis.claims import verify
    from xanalysis.claims.evidence import from_frame
    from xanalysis.cli import tables
    from xanalysis.questions.answer import answer
    from xanalysis.report import build, render
    from xanalysis.results import load_results
    from xanalysis.study import Study

    study = Study.here()
    table = load_results(results, study=study)
    answers = answer(question, table)
    claims = [] if question.claims is None else [study.find("claims", question.claims)]
    # English was trained on: its score is no transfer, and the claims are about transfer.
    abroad = from_frame(table[table["language"] != "en"], Path(results).stem)
    verdicts = [v for file in claims for v in verify(file, [abroad], study=study)]
    limits = question.full_limits if recipe == question.full else question.limits
    report = build(
        table,
        claims=claims,
        study=study,
        title=question.title,
        evidence=[abroad],
        limits=limits,
    )
    folder = Path(output) / f"study-{recipe}"
    written = render(report, folder, formats=["html", "pdf"], study=study)
    if style == "json":
        content = {
            "question": question.question,
            "estimand": question.estimand,
            "recipe": recipe,
            "answers": [found.to_dict() for found in answers],
            "verdicts": [json.loads(verdict.model_dump_json()) for verdict in verdicts],
            "limits": limits,
            "report": {kind: str(path) for kind, path in written.items()},
        }
        click.echo(json.dumps(content, ensure_ascii=False, indent=2))
        return
    out = tables.console()
    out.print(question.title, style="bold")
    out.print(f"{question.question}\n")
    out.print(f"Estimand: {question.estimand}\n")
    told: set[str] = set()
    for found in answers:
        _print(found, told)
    main = answers[0]
    if main.result is not None and not main.result.groups.empty:
        out.print(f"By group: {main.spec.what[0].lower()}{main.spec.what[1:]}")
        emit(_groups(main), style)
        out.print()
    for verdict in verdicts:
        out.print(f"{verdict.verdict:16} {verdict.text}")
    if limits:
        out.print(f"\nWhat this cannot say: {limits}")
    for kind, path in written.items():
        out.print(f"{kind:5} {path}")


def _print(found: Answer, told: set[str]) -> None:
    """A contrast's sentences, and the notes that were not ``told`` before."""
    from xanalysis.cli import tables

    out = tables.console()
    out.print(f"→ {found.words}")
    if found.resource:
        out.print(f"  {found.resource}")
    notes = () if found.result is None else found.result.notes
    for note in (note for note in notes if note not in told):
        out.print(f"  Note: {note}.", style="dim")
    told.update(notes)
    out.print()


_BY = {"family": "language family", "resource": "text in CC-100", "task_type": "task type"}


def _groups(found: Answer) -> list[Section]:
    """Tables of the main contrast's groups, each narrow enough for 80 columns."""
    assert found.result is not None
    sections = []
    for by, rows in found.result.groups.groupby("by", sort=False):
        frame = rows[["group", "languages", "estimate", "low", "high"]]
        frame = frame.assign(group=frame["group"].str.replace("_", " "))
        frame = frame.rename(columns={"group": _BY[str(by)], "estimate": "points"})
        digits = dict.fromkeys(("points", "low", "high"), 1)
        sections.append(Section("", frame.reset_index(drop=True), key=str(by), digits=digits))
    return sections
