"""The shipped claims against the shipped evidence; scope, replication, conflict, missing cells."""

from __future__ import annotations

import csv
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from xanalysis.claims import EvidenceSet, load_claims, load_evidence, verify
from xanalysis.claims.extract.averages import averages
from xanalysis.claims.schema import ClaimFile
from xanalysis.claims.template import template_for
from xanalysis.errors import InputError
from xanalysis.results.simulate import simulate_grid
from xanalysis.study import Study

ROOT = Path(__file__).parents[2]
STUDY = Study(ROOT)
DESIGN = {
    "xlmr-large-start", "three-phases", "nine-english-intermediate-tasks", "xtreme-aims",
    "nine-tasks-studied", "intermediate-task-kinds", "single-and-multi-task", "xtreme-targets",
    "formats-covered",
}  # fmt: skip


@pytest.fixture(scope="module")
def published():
    return load_evidence("published", STUDY)


def by_id(verdicts):
    return {verdict.id: verdict for verdict in verdicts}


def test_the_claims_of_the_syntheses(published):
    found = by_id(verify("stilts", published, study=STUDY))
    assert len(found) == 16
    assert {name for name, v in found.items() if v.verdict == "SUPPORTED"} == DESIGN
    unknown = {name: v for name, v in found.items() if v.verdict == "NOT ENOUGH INFO"}
    assert len(unknown) == 7
    assert all(v.missing for v in unknown.values())
    best = found["best-models-xtreme"]
    assert {(c["intermediate"], c["target"]) for c in best.missing} == {
        (i, t) for i in ("none", "best_per_target") for t in ("bucc2018", "tatoeba")
    }
    assert "over the 7 of 9 targets at hand it is 2.5" in best.rule


def test_every_verdict_carries_its_trail():
    for verdict in verify("quoted-systems", study=STUDY):
        assert verdict.arithmetic != "cannot-compute"
        for result in verdict.evidence:
            assert len(result.sha256) == 64
            for check in result.checks:
                assert check.n_rows == len(check.rows) > 0
                for row in check.rows:
                    line = (ROOT / row["file"]).read_text(encoding="utf-8").splitlines()
                    cells = next(csv.reader([line[row["line"] - 1]]))
                    assert row["system"] in cells
                    assert any(cell and _number(cell) == row["score"] for cell in cells)


def _number(cell):
    try:
        return float(cell)
    except ValueError:
        return None


def test_printed_averages_match_but_for_the_known_ones(published):
    verdicts = [*verify("xlmr", published, study=STUDY),
                *verify("published-averages", published, study=STUDY)]  # fmt: skip
    counts = Counter(v.arithmetic for v in verdicts)
    assert counts["matches"] + counts["rounding-only"] == 137
    wrong = {v.text.split(" averages ")[0]: v for v in verdicts if v.arithmetic == "mismatch"}
    assert counts["mismatch"] == 4
    assert set(wrong) == {"XLM-R Large", "XLM-R reimpl.", "Lample and Conneau (2019)"}
    assert all(v.verdict == "REFUTED" for v in wrong.values())
    swapped = {v.checks and v.estimate: v.text for v in verdicts if "Lample" in v.text
               and v.arithmetic == "mismatch"}  # fmt: skip
    assert sorted(round(value, 2) for value in swapped) == [70.72, 71.26]


def test_the_averages_agree_with_the_table_of_checks(published):
    """Another program's recomputation, file by file, says the same."""
    path = ROOT / "evidence/published/checks_printed_avg_vs_mean_of_languages.csv"
    with path.open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 142
    assert sum(row["flag"] == "ok" for row in rows) == 138
    verdicts = [*verify("xlmr", published, study=STUDY),
                *verify("published-averages", published, study=STUDY)]  # fmt: skip
    ours = Counter(
        (Path(v.evidence[0].file).name, round(v.estimate, 3), v.arithmetic == "mismatch")
        for v in verdicts
    )
    here = {path.name for path in (ROOT / "evidence/published").glob("*.csv")}
    theirs = Counter(
        (row["file"], round(float(row["mean_of_langs"]), 3), row["flag"] != "ok")
        for row in rows
        if row["file"] in here
    )
    assert theirs - ours == Counter()


def test_sources_that_quote_one_system_differently_conflict():
    found = by_id(verify("quoted-systems", study=STUDY))
    conflicts = {name for name, v in found.items() if v.verdict == "CONFLICTING"}
    assert conflicts == {
        "x-stilts-xnli", "x-stilts-pawsx", "x-stilts-panx", "x-stilts-xquad", "x-stilts-mlqa",
        "xlm-r-large-mlqa-hindi",
    }  # fmt: skip
    assert {name for name, v in found.items() if v.arithmetic == "mismatch"} - conflicts == {
        "filter-average-over-tasks", "xlm-r-structured-prediction",
    }  # fmt: skip
    assert found["x-stilts-tydiqa"].verdict == "SUPPORTED"
    assert all(found[f"xlm-r-{task}"].verdict == "SUPPORTED" for task in ("xnli", "mlqa", "panx"))


def test_the_first_version_says_other_things(published):
    found = by_id(verify("stilts-v1", published, study=STUDY))
    assert found["seven-intermediate-tasks"].verdict == "REFUTED"
    assert "9 and not 7" in found["seven-intermediate-tasks"].rule


def claim(**fields) -> ClaimFile:
    quantity = {
        "measure": "gain",
        "where": {"intermediate": "a"},
        "average_over": ["language", "target"],
    }
    base = {"id": "c", "text": "t", "quantity": quantity}
    return ClaimFile.model_validate({"paper": {"id": "p"}, "claims": [{**base, **fields}]})


def grid(name="grid", effect=2.0, model="xlm-roberta-large", **more) -> EvidenceSet:
    frame = simulate_grid(
        effects={"a": effect}, targets=("xnli", "panx"), languages=("en", "de", "fi", "sw"),
        sd={"gain_target": 0.0, "gain_language": 0.1, "seed": 0.1}, **more,
    )  # fmt: skip
    frame["model"] = model
    return EvidenceSet(name, frame)


def test_another_model_is_a_replication_and_verifies_no_digits():
    scope = {"model": "xlm-roberta-large"}
    file = claim(scope=scope, check=[{"equals": {"value": "2.0"}}])
    direct = verify(file, grid())[0]
    assert direct.arithmetic in ("matches", "rounding-only", "mismatch")
    other = verify(file, grid(model="another"))[0]
    assert (other.verdict, other.arithmetic) == ("NOT ENOUGH INFO", "cannot-compute")
    assert other.replication == "SUPPORTED"
    assert [r.role for r in other.evidence] == ["replication"]
    against = verify(file, grid(model="another", effect=-2.0))[0]
    assert (against.verdict, against.replication) == ("NOT ENOUGH INFO", "REFUTED")


@pytest.mark.parametrize("name", ["FacebookAI/xlm-roberta-large", "XLM-R Large", "xlmr.large"])
def test_one_model_under_several_names(name):
    file = claim(scope={"model": "xlm-roberta-large"}, check=[{"greater": {"than": "1"}}])
    assert verify(file, grid(model=name))[0].verdict == "SUPPORTED"


def test_another_split_is_a_replication():
    file = claim(scope={"split": "dev"}, check=[{"greater": {"than": "1"}}])
    found = verify(file, grid())[0]
    assert (found.verdict, found.replication) == ("NOT ENOUGH INFO", "SUPPORTED")


def test_a_claim_says_itself_what_a_replication_looks_like():
    file = claim(
        scope={"model": "xlm-roberta-large"},
        quantity={"measure": "gain", "where": {"intermediate": "squad_v1"},
                  "average_over": ["language", "target"]},
        check=[{"equals": {"value": "8.2"}}],
        replicate=[{
            "says": "any intermediate task helps",
            "quantity": {"measure": "gain", "average_over": ["language", "target", "intermediate"]},
            "check": [{"greater": {"than": "0"}}],
        }],
    )  # fmt: skip
    found = verify(file, grid(model="another"))[0]
    assert (found.verdict, found.replication) == ("NOT ENOUGH INFO", "SUPPORTED")
    assert found.evidence[0].rule.startswith("any intermediate task helps: SUPPORTED")


def test_sets_that_disagree_conflict_and_silent_ones_do_not():
    file = claim(check=[{"greater": {"than": "1"}}])
    sets = [grid("one", 3.0), grid("two", -1.0), grid("none", 2.0, study="x")]
    sets[2] = EvidenceSet("none", sets[2].frame[sets[2].frame["intermediate"] == "none"])
    found = verify(file, sets)[0]
    assert found.verdict == "CONFLICTING"
    assert [r.evidence for r in found.evidence] == ["one", "two"]
    assert "SUPPORTED by one" in found.rule
    assert "REFUTED by two" in found.rule


def test_missing_cells_are_named():
    file = claim(
        quantity={"measure": "gain", "where": {"target": ["xnli", "pawsx"]}, "by": "intermediate",
                  "average_over": ["language", "target"]},
        check=[{"equals": {"values": {"a": "1.0", "b": "2.0"}}}],
    )  # fmt: skip
    found = verify(file, grid())[0]
    assert found.verdict == "NOT ENOUGH INFO"
    assert {(c["intermediate"], c["target"]) for c in found.missing} == {
        ("none", "pawsx"), ("a", "pawsx"), ("b", "xnli"), ("b", "pawsx"),
    }  # fmt: skip


def test_a_missing_baseline_is_named():
    frame = grid().frame
    lost = (frame["intermediate"] == "none") & (frame["language"] == "fi")
    found = verify(claim(check=[{"greater": {"than": "0"}}]), EvidenceSet("x", frame[~lost]))[0]
    assert found.verdict == "NOT ENOUGH INFO"
    assert "lack their baseline" in found.rule


def test_rows_that_differ_in_something_unsaid_are_not_mixed():
    frame = grid().frame
    frame = EvidenceSet("x", frame.assign(metric=np.where(frame["seed"] == 0, "f1", "em")))
    found = verify(claim(check=[{"greater": {"than": "0"}}]), frame)[0]
    assert found.verdict == "NOT ENOUGH INFO"
    assert "the rows differ in metric (f1, em)" in found.rule


def test_each_target_may_be_tested_on_a_split_of_its_own():
    frame = grid().frame
    both = {"measure": "gain", "average_over": ["language", "target"]}
    file = claim(quantity=both, check=[{"greater": {"than": "0"}}])
    own = frame.assign(split=np.where(frame["target"] == "xnli", "test", "dev"))
    found = verify(file, EvidenceSet("x", own))[0]
    assert found.verdict == verify(file, grid())[0].verdict == "SUPPORTED"
    assert found.estimate == verify(file, grid())[0].estimate
    (check,) = found.evidence[0].checks
    assert "targets are tested on different splits (test, dev)" in check.notes
    mixed = frame.assign(split=np.where(frame["seed"] == 0, "test", "dev"))
    found = verify(file, EvidenceSet("x", mixed))[0]
    assert found.verdict == "NOT ENOUGH INFO"
    assert "the rows differ in split (test, dev)" in found.rule


def test_a_filled_template_is_evidence(tmp_path):
    names = ("squad-mnli-hellaswag", "multi-task-best")
    text = template_for("stilts", names, wide=True, study=STUDY)
    rows = list(csv.reader(text.splitlines()))
    assert len(rows) == 1 + 11
    targets = rows[0][4:-1]
    assert (len(targets), rows[0][-1]) == (9, "average")
    gains = {"squad_v1": 8.2, "mnli": 7.5, "hellaswag": 7.0, "multi": 8.7}
    for row in rows[1:]:
        row[4:] = [f"{60 + gains.get(row[2], 0 if row[2] == 'none' else 5):.1f}"] * 10
    path = tmp_path / "table.csv"
    path.write_text("\n".join(map(",".join, rows)), encoding="utf-8")
    found = by_id(verify("stilts", path, only=names, study=STUDY))
    for name in names:
        assert (found[name].verdict, found[name].arithmetic) == ("NOT ENOUGH INFO", "matches")
        assert "one seed without a standard error" in found[name].rule
    rows[2][4] = "99.9"
    path.write_text("\n".join(map(",".join, rows)), encoding="utf-8")
    assert verify("stilts", path, only=names[:1], study=STUDY)[0].arithmetic == "mismatch"


def test_a_long_template_is_evidence_too(tmp_path):
    path = tmp_path / "long.csv"
    text = template_for("stilts", ["squad-mnli-hellaswag"], study=STUDY)
    filled = "\n".join(line + ("70.0" if line.endswith(",") else "") for line in text.splitlines())
    path.write_text(filled, encoding="utf-8")
    found = verify("stilts", path, only=["squad-mnli-hellaswag"], study=STUDY)[0]
    assert found.arithmetic == "mismatch"


@pytest.mark.parametrize(
    ("cell", "words"), [("8,2", "plain decimal"), ("170.0", "0 to 100"), ("7e1", "plain decimal")]
)
def test_a_wrongly_filled_template_is_refused_with_its_line(tmp_path, cell, words):
    path = tmp_path / "t.csv"
    path.write_text(f'intermediate,xnli\nnone,70.0\nmnli,"{cell}"\n', encoding="utf-8")
    with pytest.raises(InputError, match=words) as caught:
        load_evidence(path)
    assert caught.value.line == 3


def test_a_half_written_table_is_refused_with_its_line(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("intermediate,target,language,score\nnone,xnli,en,70.0\nmnli,xn", "utf-8")
    with pytest.raises(InputError, match="row has 2 cells") as caught:
        load_evidence(path)
    assert caught.value.line == 3


def test_results_files_are_read_alike(tmp_path):
    frame = grid().frame
    frame.to_parquet(tmp_path / "g.parquet")
    frame.to_csv(tmp_path / "g.csv", index=False)
    file = claim(check=[{"greater": {"than": "1"}}])
    one, two = (verify(file, tmp_path / f"g.{kind}")[0] for kind in ("parquet", "csv"))
    assert one.verdict == two.verdict == "SUPPORTED"
    assert one.estimate == pytest.approx(two.estimate, abs=1e-6)


def test_collapsed_runs_are_kept_and_told():
    frame = grid().frame
    frame["degenerate"] = (frame["intermediate"] == "a") & (frame["seed"] == 0)
    found = verify(claim(check=[{"greater": {"than": "0"}}]), EvidenceSet("x", frame))[0]
    (check,) = found.evidence[0].checks
    assert check.notes == ("8 of 48 rows are of runs that collapsed",)


@pytest.mark.parametrize(
    ("name", "tables"),
    [("xlmr", ["xlmr_paper_per_language"]), ("published-averages", None)],
)
def test_the_claims_about_averages_are_what_the_command_writes(name, tables):
    shipped = load_claims(ROOT / "claims" / f"{name}.yaml")
    names = [f"published/{table}" for table in tables] if tables else list(shipped.evidence)
    made = averages(load_evidence(names, STUDY), paper=shipped.paper.id, short=shipped.paper.short)
    assert made == shipped


def test_a_store_is_read_by_its_results(tmp_path):
    (tmp_path / "stages").mkdir()
    (tmp_path / "results").mkdir()
    grid().frame.to_parquet(tmp_path / "stages" / "other.parquet")
    grid().frame.to_parquet(tmp_path / "results" / "mine.parquet")
    assert [found.name for found in load_evidence(tmp_path)] == ["mine"]


def test_the_deciding_rule_is_one_sentence():
    frame = simulate_grid(
        effects={"multi": 1.0, "squad_v1": 3.0, "mnli": 2.0, "ccg": 2.5}, seeds=3,
        targets=("xnli", "panx"), languages=("en", "de", "fi", "sw", "tr"),
        sd={"gain_target": 0.0, "gain_language": 0.1, "seed": 0.1},
    )  # fmt: skip
    by_task = {"measure": "gain", "by": "intermediate", "average_over": ["language", "target"]}
    file = claim(quantity=by_task, check=[{"best": {"group": "multi"}}])
    rule = verify(file, EvidenceSet("x", frame))[0].rule
    assert re.fullmatch(
        r"REFUTED: multi is 4th of 4, [12]\.\d points below squad_v1, "
        r"simultaneous 95 % interval −\d\.\d … −\d\.\d",
        rule,
    )


def test_verdicts_repeat_to_the_last_digit():
    file = claim(
        quantity={"measure": "gain", "by": "language", "average_over": ["target"]},
        check=[{"holds_for": {"quantifier": "all", "greater": "0"}}],
    )
    assert verify(file, grid()) == verify(file, grid())


def test_benchmark_order_of_averaging():
    """Metrics first, then languages, then targets: a target with many languages counts once."""
    frame = grid().frame
    frame = frame[~((frame["target"] == "panx") & (frame["language"] != "en"))]
    frame = frame.assign(score=np.where(frame["target"] == "xnli", 40.0, 80.0))
    quantity = {"measure": "score", "where": {"intermediate": "a"}}
    value = {}
    for order in (["language", "target"], ["target", "language"]):
        file = claim(quantity={**quantity, "average_over": order},
                     check=[{"equals": {"value": "60"}}])  # fmt: skip
        value[order[0]] = verify(file, EvidenceSet("x", frame))[0].estimate
    assert value["language"] == 60.0
    assert value["target"] == 45.0


def test_unknown_claims_are_named():
    with pytest.raises(InputError, match="did you mean 'three-phases'"):
        verify("stilts", "published", only=["three-phase"], study=STUDY)
    assert len(load_claims(ROOT / "claims/stilts.yaml").documents) == 5
