"""Write docs/findings.md: what a measured grid says of the claims it was run for.

    python -m xanalysis.questions.findings evidence/grids/real-small.parquet

Every number of the page is computed here from the table, its provenance and the claim file.
"""

from __future__ import annotations

import argparse
import itertools
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup

from xanalysis.claims import Verdict, verify
from xanalysis.errors import InputError
from xanalysis.questions.answer import Answer, answer
from xanalysis.questions.record import Question, load_question
from xanalysis.report import text
from xanalysis.report.document import Column, Kind, Table
from xanalysis.report.material import Material
from xanalysis.report.templates import environment, render
from xanalysis.results import BASELINE, load_results
from xanalysis.runner.load import load_recipe
from xanalysis.runner.provenance import beside
from xanalysis.stats import gains
from xanalysis.stats.analysis import Analysis, analyse
from xanalysis.stats.contrast import contrast
from xanalysis.stats.families import compare_families
from xanalysis.stats.meta.over_results import GainsMeta, meta_of_gains
from xanalysis.stats.pairs import pair_gains
from xanalysis.study import Study
from xanalysis.tasks.catalogue import TASKS

# The names under which a claim asks for what the grid has a stand-in for.
STANDS_FOR = {"anli": "anli_plus", "mrpc": "qqp"}


@dataclass(frozen=True)
class Findings:
    """What the page is made from; everything is computed when it is first asked for.

    Attributes:
        table: Results of the grid.
        question: What was asked.
        study: Where claims and published evidence are.
        provenance: What stands beside the table; empty without it.
    """

    table: pd.DataFrame
    question: Question
    study: Study
    provenance: Mapping[str, Any]

    @cached_property
    def abroad(self) -> pd.DataFrame:
        """Scores in languages that were not trained on."""
        return self.table[self.table["language"] != "en"]

    @cached_property
    def material(self) -> Material:
        """Gains of one metric per target."""
        return Material(self.abroad.reset_index(drop=True), self.study)

    @cached_property
    def answers(self) -> list[Answer]:
        """The question's contrasts."""
        return answer(self.question, self.table)

    @cached_property
    def learnt(self) -> Answer:
        """The first contrast without scores that have a degenerate training behind them."""
        first = self.question.model_copy(update={"contrasts": self.question.contrasts[:1]})
        return answer(first, self.table[~self.table["degenerate"].astype(bool)])[0]

    @property
    def collapsed(self) -> str:
        """How many scores have a degenerate training behind them."""
        return f"{int(self.abroad['degenerate'].sum()):,} of {len(self.abroad):,} scores"

    @cached_property
    def targets(self) -> pd.DataFrame:
        """One row per target: baseline, gain and its interval, the best intermediate task.

        Columns target, task_type, languages, baseline (mean zero-shot score), room (to 100), gain,
        low, high, best, best_gain, learnt (percent of evaluations without a degenerate training
        behind them).
        """
        means = pair_gains(self.material.gains, ["target"]).set_index("target")
        pairs = pair_gains(self.material.gains).set_index(["target", "intermediate"])["gain"]
        base = self.abroad[self.abroad["intermediate"] == BASELINE]
        rows = []
        for target in self.material.targets:
            metric = self.material.metrics[target]
            own = base[(base["target"] == target) & (base["metric"] == metric)]
            tests = self.table[self.table["target"] == target].drop_duplicates("run_key")
            best = str(pairs[target].idxmax())
            score = own.groupby("language")["score"].mean().mean()
            rows.append(
                {
                    "target": target,
                    "task_type": str(tests["task_type"].iloc[0]).replace("_", " "),
                    "languages": own["language"].nunique(),
                    "baseline": score,
                    "room": 100 - score,
                    **means.loc[target, ["gain", "low", "high"]].to_dict(),
                    "best": best,
                    "best_gain": pairs[target, best],
                    "learnt": 100 * (1 - float(tests["degenerate"].astype(float).mean())),
                }
            )
        return pd.DataFrame(rows)

    @property
    def least(self) -> Any:
        """The target with the smallest mean gain, a row of ``targets``."""
        return self.targets.sort_values("gain").iloc[0]

    @property
    def most(self) -> Any:
        """The target with the largest mean gain, a row of ``targets``."""
        return self.targets.sort_values("gain").iloc[-1]

    @cached_property
    def intermediates(self) -> pd.DataFrame:
        """One row per intermediate task: the contrast with the baseline over all targets."""
        rows = []
        for name in self.material.rows:
            found = contrast(self.abroad, {"intermediate": name})
            kept = ("estimate", "low", "high", "p", "above", "languages", "runs")
            rows.append({"intermediate": name, **{key: getattr(found, key) for key in kept}})
        return pd.DataFrame(rows)

    @cached_property
    def analysis(self) -> Analysis:
        """The mixed model of gains and the comparison of families."""
        return analyse(self.table)

    @cached_property
    def interaction(self) -> tuple[float, list[str]] | None:
        """P of family x type of task by permuting whole languages, and the types it is about.

        Only languages that have all types take part. Where that leaves too few, the types of the
        fewest languages are left out, one by one; None where two types are too many.
        """
        gains = self.material.gains
        counts = gains.groupby("task_type", observed=True)["language"].nunique()
        types = list(counts.sort_values(kind="stable").index)
        while len(types) > 1:
            chosen = gains[gains["task_type"].isin(types)]
            try:
                found = compare_families(chosen, by="task_type").interaction
            except InputError:
                return None
            if found is not None and not np.isnan(found):
                return found, sorted(str(name).replace("_", " ") for name in types)
            types = types[1:]
        return None

    @cached_property
    def verdicts(self) -> list[Verdict]:
        """The claims that scores can decide, with stand-ins under the names claims use."""
        assert self.question.claims is not None
        renamed = self.abroad.assign(
            intermediate=self.abroad["intermediate"].astype(str).replace(STANDS_FOR)
        )
        found = verify(self.study.find("claims", self.question.claims), [renamed], study=self.study)
        return [verdict for verdict in found if verdict.missing or verdict.replication]

    @property
    def tally(self) -> str:
        """How many claims this grid agrees with, in a sentence."""
        said = [verdict.replication for verdict in self.verdicts]
        asked = sum(each is not None for each in said)
        yes, no = said.count("SUPPORTED"), said.count("REFUTED")
        return (
            f"Of {len(said)} claims of the paper that scores can decide, {asked} can be asked of "
            f"this grid: it agrees with {yes}, disagrees with {no} and cannot tell for "
            f"{asked - yes - no}."
        )

    def checks(self, verdict: Verdict) -> Iterator[str]:
        """What each check of a claim says of this grid."""
        for evidence in verdict.evidence:
            if evidence.role == "replication":
                yield evidence.rule

    @cached_property
    def meta(self) -> GainsMeta:
        """Gains of intermediate training across this and published models, by model."""
        tables = [self.abroad]
        for name, path in self.study.files("evidence").items():
            try:
                found = load_results([str(path)], study=self.study)
            except InputError:
                continue  # no table of scores by language
            found = found[found["language"] != "en"]
            if {BASELINE} < set(found["intermediate"]) and "grids" not in Path(name).parts:
                tables.append(found)
        return meta_of_gains(gains(pd.concat(tables, ignore_index=True)), by="model")

    @cached_property
    def unfinished(self) -> str:
        """What the recipe asks for and the table lacks, in a sentence; empty where it is whole."""
        recipe = load_recipe(self.study.find("runners", self.question.recipe))
        there = self.table.groupby(["intermediate", "target"])["seed"].nunique()
        lacking: dict[str, int] = {}
        cells = 0
        for setup in recipe.setups().values():
            names = [BASELINE, *(mixture.name for mixture in setup.mixtures())]
            for name, target in itertools.product(names, setup.targets):
                # Without any training there is one score, whatever the seeds.
                trained = name != BASELINE or setup.trained_on(TASKS[target])
                wanted = len(setup.seeds) if trained else 1
                found = min(wanted, int(there.get((name, target), 0) or not trained))
                cells += wanted
                lacking[name] = lacking.get(name, 0) + wanted - found
        missing = sum(lacking.values())
        if not missing:
            return ""
        gone = [name for name in lacking if name not in set(self.table["intermediate"].astype(str))]
        nothing = f"; nothing yet of {', '.join(gone)}" if gone else ""
        return (
            f"The grid is not finished: {cells - missing} of {cells} cells (intermediate, target, "
            f"seed) are here{nothing}."
        )

    @property
    def runs(self) -> dict[str, Any]:
        """How the grid was run: stages, hours, machines, versions."""
        stages = self.provenance.get("stages", {}).values()
        trained = [stage for stage in stages if stage["kind"] != "evaluate"]
        return {
            "trainings": len(trained),
            "evaluations": len(stages) - len(trained),
            "hours": sum(stage.get("seconds", 0.0) for stage in stages) / 3600,
            "environments": self.provenance.get("environments", []),
            "notes": self.provenance.get("notes", []),
        }


def main() -> None:
    """Write the page."""
    parser = argparse.ArgumentParser(description="Write docs/findings.md from a results table.")
    parser.add_argument("table", type=Path)
    parser.add_argument("--question", default="replication")
    parser.add_argument("-o", "--output", type=Path, default=Path("docs/findings.md"))
    given = parser.parse_args()
    study = Study.here()
    file = beside(given.table)
    findings = Findings(
        table=load_results([str(given.table)], study=study),
        question=load_question(study.find("questions", given.question)),
        study=study,
        provenance=json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {},
    )
    given.output.write_text(page(findings, given.table), encoding="utf-8")


def page(findings: Findings, source: Path) -> str:
    """The page as Markdown."""
    env = environment(findings.study, autoescape=False, finalize=_plain)
    env.globals.update(number=text.number, p_value=text.p_value, table=table, code=_code)
    env.globals["breaks"] = lambda lines: Markup("<br>").join(map(_escaped, lines))
    return render(env, "findings.md.j2", findings.study, it=findings, source=source.as_posix())


def table(frame: pd.DataFrame, *columns: tuple[str, str, Kind]) -> Markup:
    """A Markdown table, its numbers written as in a report.

    Args:
        frame: The numbers; an interval's lower end is its column, the upper one ``high``.
        columns: Key, title and kind of each ``Column``.
    """
    shown = tuple(Column(key, title, kind, digits=1, high="high") for key, title, kind in columns)
    lines = [[column.title for column in shown]]
    lines.append(["---:" if column.numeric else "---" for column in shown])
    lines += Table("", "", shown, frame).texts
    return Markup("\n".join("| " + " | ".join(map(_escaped, line)) + " |" for line in lines))


def _escaped(value: str) -> Markup:
    """Text that cannot become markup or break a table's row."""
    for mark in "|<":
        value = value.replace(mark, "\\" + mark)
    return Markup(value)


def _code(value: str) -> Markup:
    """Text as it is, outside tables: nothing is markup between backticks but a backtick."""
    return Markup("`" + value.replace("`", "'") + "`")


def _plain(value: Any) -> Any:
    return _escaped(value) if isinstance(value, str) and not isinstance(value, Markup) else value


if __name__ == "__main__":
    main()
