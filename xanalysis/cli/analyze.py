"""``xanalysis analyze``: gains, mixed-effects model and language families of a results table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from xanalysis.cli.tables import Section, emit, format_option

if TYPE_CHECKING:
    from xanalysis.stats.analysis import Analysis


@click.command("analyze")
@click.argument("results", nargs=-1, required=True)
@click.option("--training-language", default="en", show_default=True, help="Not counted.")
@click.option(
    "--level",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=0.95,
    show_default=True,
    help="Of the intervals.",
)
@format_option()
def command(results: tuple[str, ...], training_language: str, level: float, style: str) -> None:
    """Gains over the baseline, one mixed model of them, and language families.

    RESULTS are recipe names, store folders, CSV or Parquet files.
    """
    from xanalysis.languages import canonical
    from xanalysis.results import load_results
    from xanalysis.stats import gains
    from xanalysis.stats.analysis import analyse
    from xanalysis.study import Study

    study = Study.here()
    table = gains(load_results(list(results), study=study), store=study.store)
    analysis = analyse(table, training_language=canonical(training_language), level=level)
    emit(_sections(analysis), style, payload=analysis.to_dict())


def _sections(analysis: Analysis) -> list[Section]:
    import pandas as pd

    sections = [
        Section(
            "Mean gain over languages",
            analysis.gains.drop(columns=["df", "p", "over"]).rename(
                columns={"languages": "langs", "above_zero": "> 0"}
            ),
            note=f"Points; interval over {_over(analysis)}; > 0: languages that gain.",
            key="gains",
        )
    ]
    model = analysis.model
    if model is not None:
        sections += [
            Section(
                "Mixed model",
                analysis.terms,
                note=f"{model.formula} ({model.n_rows} gains, REML, {analysis.df_method} df)",
                key="terms",
                digits={"df1": 0, "df2": 1},
            ),
            Section("Variance between", model.variances, key="variances"),
        ]
        if len(analysis.family_means):
            sections.append(
                Section(
                    "Marginal means of families",
                    analysis.family_means,
                    note="For further intermediate and target tasks, not only those at hand.",
                    key="family_means",
                    digits={"df": 1},
                )
            )
    if analysis.families is not None:
        sections.append(
            Section(
                "Tests between families",
                analysis.families.tests.drop(columns="by"),
                note="Each language counts once.",
                key="tests",
                digits={"df1": 0, "df2": 1},
            )
        )
    if analysis.notes:
        sections.append(Section("Notes", pd.DataFrame({"note": analysis.notes})))
    return sections


def _over(analysis: Analysis) -> str:
    """What the intervals of mean gains hold for."""
    kinds = sorted(set(analysis.gains["over"]))
    if kinds == ["languages"]:
        return "languages, not over runs: no setting was run twice"
    return " (or only ".join(reversed(kinds)) + (")" if len(kinds) > 1 else "")
