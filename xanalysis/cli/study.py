"""``xanalysis study``: a research question from grid to report."""

from __future__ import annotations

from pathlib import Path

import click

from xanalysis.cli.tables import Section, emit, format_option


@click.command("study")
@click.argument("name", required=False)
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

    Without NAME, list the questions.
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
    if dry_run or results is None:
        from xanalysis.cli.run_grid import command as run_grid

        ctx.invoke(
            run_grid,
            recipe=question.recipe,
            model=model,
            data=data,
            sources=sources,
            allow_partial=allow_partial,
            dry_run=dry_run,
        )
        if dry_run:
            return
    _answer(question, results or question.recipe, output, style)


def _answer(question: object, results: str, output: str, style: str) -> None:
    import json

    from xanalysis.claims import verify
    from xanalysis.cli import tables
    from xanalysis.questions.answer import answer
    from xanalysis.questions.record import Question
    from xanalysis.report import build, render
    from xanalysis.results import load_results
    from xanalysis.study import Study

    assert isinstance(question, Question)
    study = Study.here()
    table = load_results(results, study=study)
    answers = answer(question, table)
    claims = [] if question.claims is None else [study.find("claims", question.claims)]
    verdicts = [v for file in claims for v in verify(file, [table], study=study)]
    report = build(table, claims=claims, study=study, title=question.title, evidence=[table])
    folder = Path(output) / f"study-{question.recipe}"
    written = render(report, folder, formats=["html", "pdf"], study=study)
    if style == "json":
        content = {
            "question": question.question,
            "estimand": question.estimand,
            "answers": [found.to_dict() for found in answers],
            "verdicts": [json.loads(verdict.model_dump_json()) for verdict in verdicts],
            "report": {kind: str(path) for kind, path in written.items()},
        }
        click.echo(json.dumps(content, ensure_ascii=False, indent=2))
        return
    out = tables.console()
    out.print(question.title, style="bold", highlight=False)
    out.print(f"{question.question}\n", highlight=False)
    out.print(f"Estimand: {question.estimand}\n", highlight=False)
    for found in answers:
        out.print(f"→ {found.words}", highlight=False)
    for found in answers[:1]:
        if found.result is not None and not found.result.groups.empty:
            emit(Section("By family and task type", found.result.groups), style)
    for verdict in verdicts:
        out.print(f"{verdict.verdict:16} {verdict.text}", highlight=False)
    if question.limits:
        out.print(f"\nWhat this cannot say: {question.limits}", highlight=False)
    for kind, path in written.items():
        out.print(f"{kind:5} {path}", highlight=False)
