"""compare_families: known truth, odd and bad input."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import f_oneway

import xanalysis as xa
from xanalysis.errors import InputError
from xanalysis.languages import lookup
from xanalysis.results.simulate import simulate_grid
from xanalysis.stats.families import FamilyComparison
from xanalysis.stats.families.crossed import crossed_model, formula
from xanalysis.stats.families.units import SINGLE, language_means, units

LANGUAGES = (
    "en",
    "de",
    "nl",
    "fr",
    "es",
    "fi",
    "hu",
    "et",
    "tr",
    "kk",
    "az",
    "sw",
    "zu",
    "yo",
    "ka",
)
TARGETS = ("xnli", "panx", "xquad")


def grid(shift: float = 0.0, family: str = "Uralic", **options: object) -> pd.DataFrame:
    """A grid in which one family gains ``shift`` points more."""
    options = {"targets": TARGETS, "languages": LANGUAGES, "seeds": 1, **options}
    table = simulate_grid(**options)  # type: ignore[arg-type]
    more = [lookup(c).family == family for c in table["language"]]
    table.loc[np.array(more) & (table["intermediate"] != "none"), "score"] += shift
    return table


@pytest.fixture(scope="module")
def shifted() -> FamilyComparison:
    return xa.compare_families(grid(3.0, random_state=1), by="task_type", permutations=999)


@pytest.fixture(scope="module")
def plain() -> FamilyComparison:
    return xa.compare_families(grid(3.0), permutations=999)


def test_finds_the_family_that_gains_more(plain: FamilyComparison) -> None:
    means = plain.means.set_index("family")["mean"]
    others = means.drop("Uralic")
    assert means["Uralic"] - others.mean() == pytest.approx(3, abs=0.7)
    assert (plain.tests["p"].iloc[:2] < 0.01).all()
    contrasts = plain.contrasts
    uralic = (contrasts["first"] == "Uralic") | (contrasts["second"] == "Uralic")
    assert (contrasts.loc[uralic, "p_holm"] < 0.05).all()
    assert (contrasts.loc[~uralic, "p_simultaneous"] > 0.05).all()


def test_leaving_it_out_ends_the_difference(plain: FamilyComparison) -> None:
    out = plain.leave_one_out.set_index("without")
    assert out.loc["(none)", "p_families"] < 0.01
    assert out.loc["Uralic", "p_families"] > 0.05
    assert out.loc["Uralic", "mean"] < out.loc["(none)", "mean"]
    assert out.loc["Uralic", "languages"] == 11


def test_overall_test_is_the_anova_of_language_means(plain: FamilyComparison) -> None:
    groups = [part["mean"] for _, part in plain.languages.groupby("group")]
    expected = f_oneway(*groups)
    row = plain.tests.iloc[0]
    assert row["statistic"] == pytest.approx(expected.statistic)
    assert row["p"] == pytest.approx(expected.pvalue)


def test_agrees_with_the_mixed_model_of_a_full_grid(plain: FamilyComparison) -> None:
    """Kenward-Roger's F in the crossed model is the F of the language means."""
    cells = units(grid(3.0)).cells
    model = crossed_model(cells)
    test = model.joint("group", method="kenward-roger")
    row = plain.tests.iloc[0]
    assert test.statistic == pytest.approx(row["statistic"], rel=1e-3)
    assert test.denominator == pytest.approx(row["df2"], rel=1e-3)


def test_singles_are_pooled_and_marked(plain: FamilyComparison) -> None:
    single = plain.means[plain.means["single"]]
    assert list(single["family"]) == [SINGLE]
    assert single["languages"].iloc[0] == 1
    assert any("Kartvelian" in note for note in plain.notes)


def test_training_language_is_left_out(plain: FamilyComparison) -> None:
    assert "en" not in set(plain.languages["language"])
    assert any("training language 'en'" in note for note in plain.notes)


def test_by_task_type(shifted: FamilyComparison) -> None:
    assert set(shifted.means["by"]) == {
        "classification",
        "structured_prediction",
        "question_answering",
    }
    # The shift is the same in every task type: no interaction.
    assert shifted.interaction is not None
    assert shifted.interaction > 0.05
    assert len(shifted.tests) == 9


def test_interaction_is_found() -> None:
    table = grid(0.0)
    uralic = np.array([lookup(c).family == "Uralic" for c in table["language"]])
    table.loc[
        uralic & (table["target"] == "xnli") & (table["intermediate"] != "none"), "score"
    ] += 4
    result = xa.compare_families(table, by="task_type", permutations=499)
    assert result.interaction is not None
    assert result.interaction < 0.02


def test_permutation_is_reproducible() -> None:
    first = xa.compare_families(grid(), permutations=199, random_state=4).tests
    second = xa.compare_families(grid(), permutations=199, random_state=4).tests
    pd.testing.assert_frame_equal(first, second)


def test_in_how_many_languages() -> None:
    """Gains of 2 points with small errors hold everywhere; three languages without gain do not."""
    quiet = {"gain_language": 0.0, "gain_target": 0.0, "seed": 0.3}
    table = grid(effects={"mnli": 2.0, "squad_v1": 2.0}, sd=quiet, seeds=3, n_examples=50000)
    holds = xa.compare_families(table, permutations=99).holds.set_index("scope")
    assert holds.loc["all languages", "holds"] == 14
    assert holds.loc["all languages", "at_least"] == 14
    for code in ("fi", "hu", "et"):
        drop = (table["language"] == code) & (table["intermediate"] != "none")
        table.loc[drop, "score"] -= 2.0
    holds = xa.compare_families(table, permutations=99).holds.set_index("scope")
    assert holds.loc["all languages", "holds"] == 11
    assert holds.loc["Uralic", "holds"] == 0


def test_galton_table(plain: FamilyComparison) -> None:
    table = plain.galton
    mean = table[table["estimate"] == "mean gain"].set_index("accounting")
    assert list(mean.index) == ["none", "family", "family > genus", "tree"]
    # With a family that differs, independence overstates how sure the mean is.
    assert mean.loc["family", "se"] > 1.3 * mean.loc["none", "se"]
    assert mean.loc["tree", "df"] < mean.loc["none", "df"]
    assert mean.loc["family", "related"] > 0.5
    assert {"syntactic distance", "geographic distance"} <= set(table["estimate"])
    moran = plain.moran.set_index(["distance", "what"])
    assert moran.loc[("genetic", "gains"), "p"] < 0.05
    assert moran.loc[("genetic", "after families"), "p"] > 0.05


def test_adjusted_means_do_not_depend_on_where_a_language_is_tested() -> None:
    """A language that is only tested on the easy target is not the better for it."""
    rows = [
        ("de", "easy", 5.0),
        ("de", "hard", 1.0),
        ("fi", "easy", 5.0),
        ("fi", "hard", 1.0),
        ("tr", "easy", 5.0),
    ]
    cells = pd.DataFrame(rows, columns=["language", "target", "gain"])
    for name in ("study", "model", "recipe", "intermediate", "metric", "split"):
        cells[name] = "x"
    means = language_means(cells).set_index("language")["mean"]
    assert means.std() == pytest.approx(0, abs=1e-9)
    weighted = (means * cells.groupby("language").size()).sum() / len(cells)
    assert weighted == pytest.approx(cells["gain"].mean())


def test_json_is_plain(shifted: FamilyComparison) -> None:
    text = json.dumps(shifted.to_dict(), default=lambda value: value.item())
    assert json.loads(text)["by"] == "task_type"


def test_formula_keeps_what_can_be_told_apart() -> None:
    cells = units(grid()).cells
    assert formula(cells) == (
        "gain ~ group + (1|language) + (1|target) + (1|intermediate)"
        " + (1|target:language) + (1|target:intermediate)"
    )
    one = cells[(cells["target"] == "xnli") & (cells["intermediate"] == "mnli")]
    assert formula(one) == "gain ~ group"


def only(codes: set[str]) -> Callable[[pd.DataFrame], pd.DataFrame]:
    return lambda table: table[table["language"].isin(codes)]


def constant(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(score=50.0 + (table["intermediate"] != "none"))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (only({"de"}), "in 1 language besides 'en'"),
        (only({"de", "fi"}), "at least 3 languages"),
        (only({"de", "nl", "fr"}), "all languages are of one family (Indo-European)"),
        (constant, "the gain is the same in every language"),
    ],
)
def test_too_little(change: Callable[[pd.DataFrame], pd.DataFrame], says: str) -> None:
    with pytest.raises(InputError) as error:
        xa.compare_families(change(grid()))
    assert says in str(error.value)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_gain_that_is_not_finite(value: float) -> None:
    gains = xa.gains(grid())
    gains.loc[gains.index[5], "gain"] = value
    with pytest.raises(InputError, match="expected finite gains"):
        xa.compare_families(gains)


def test_unknown_by() -> None:
    with pytest.raises(InputError, match="did you mean 'task_type'"):
        xa.compare_families(grid(), by="tasktype")


def test_every_family_single() -> None:
    """Nothing within families to compare with: flagged, not a traceback."""
    result = xa.compare_families(only({"de", "fi", "tr", "sw", "ka"})(grid()), permutations=99)
    assert list(result.means["family"]) == [SINGLE]
    assert result.contrasts.empty
    assert result.tests["p"].isna().all()
    assert any("no family has two languages" in note for note in result.notes)


def test_missing_cells_are_survived_and_named() -> None:
    table = grid()
    gone = (table["language"] == "fi") & (table["target"] == "xnli")
    gone |= (table["intermediate"] == "none") & (table["language"] == "sw")
    result = xa.compare_families(table[~gone], permutations=99)
    assert "sw" not in set(result.languages["language"])
    assert any("their baseline is missing" in note for note in result.notes)


def test_a_published_slope_that_is_only_families() -> None:
    """XLM-V's gains over XLM-R: a slope on syntactic distance that relatedness explains."""
    evidence = Path(__file__).parents[3] / "evidence" / "published"
    table = xa.load_results(evidence / "xlmv_paper_per_language.csv")
    gains = xa.gains(table, factor="model", baseline="XLM-R reimpl.")
    result = xa.compare_families(gains, permutations=99)
    slopes = result.galton.set_index(["estimate", "accounting"])["p"]
    assert slopes["syntactic distance", "none"] < 0.05
    assert slopes["syntactic distance", "family"] > 0.3
    assert any("a second metric of the same test" in note for note in result.notes)
