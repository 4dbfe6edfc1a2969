"""Input that cannot be modelled ends in one clear sentence, or in a flag on the result."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from xanalysis import fit_mixed
from xanalysis.errors import InputError


@pytest.fixture
def data() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        [(f"l{g}", f"t{t}", r) for g in range(8) for t in range(4) for r in range(2)],
        columns=["language", "target", "repeat"],
    )
    table["family"] = np.where(table["language"] < "l4", "Uralic", "Turkic")
    table["x"] = rng.normal(size=len(table))
    table["gain"] = 1 + rng.normal(size=len(table)) + rng.normal(size=8)[np.repeat(range(8), 8)]
    table["v"] = 0.5
    return table


def error(formula: str, data: pd.DataFrame, **options) -> str:
    with pytest.raises(InputError) as caught:
        fit_mixed(formula, data, **options)
    return str(caught.value)


def test_unknown_columns_name_the_nearest(data):
    text = error("gain ~ famly + (1|language)", data)
    assert "'famly'" in text
    assert "did you mean 'family'" in text
    assert "did you mean 'language'" in error("gain ~ x + (1|langage)", data)
    assert "did you mean 'x'" in error("gain ~ 1 + (1|language)", data, weights="X")


def test_one_level(data):
    data["model"] = "xlmr"
    assert "one level ('xlmr')" in error("gain ~ 1 + (1|model)", data)
    assert "one level ('xlmr')" in error("gain ~ model + (1|language)", data)


def test_factors_made_by_the_formula(data):
    assert "'repeat' has one level" in error("gain ~ C(repeat)", data.assign(repeat=1))
    model = fit_mixed("gain ~ C(family, contr.treatment('Uralic')) + (1|language)", data)
    assert list(model.coefficients["term"]) == ["Intercept", "family[Turkic]"]
    means = model.means("family")
    again = fit_mixed("gain ~ C(family, contr.sum) + (1|language)", data).means("family")
    pd.testing.assert_frame_equal(means, again, rtol=1e-6)


def test_a_column_of_booleans_has_two_levels(data):
    model = fit_mixed("gain ~ uralic + (1|language)", data.assign(uralic=data["family"] < "U"))
    assert list(model.means("uralic")["uralic"]) == [False, True]


def test_a_response_of_objects(data):
    plain = fit_mixed("gain ~ x + (1|language)", data)
    objects = fit_mixed("gain ~ x + (1|language)", data.assign(gain=data["gain"].astype(object)))
    assert objects.deviance == plain.deviance
    assert "no number" in error("gain ~ x", data.assign(gain=data["gain"].astype(str)))


def test_a_model_without_groups_is_least_squares(data):
    model = fit_mixed("gain ~ x", data)
    slope = stats.linregress(data["x"], data["gain"])
    row = model.coefficients.iloc[1]
    assert row["estimate"] == pytest.approx(slope.slope)
    assert row["p"] == pytest.approx(slope.pvalue)
    assert model.coefficient_table(method="kenward-roger")["p"][1] == pytest.approx(slope.pvalue)


def test_no_fixed_effect(data):
    assert "no fixed effect" in error("gain ~ 0 + (1|language)", data)
    assert "no rows" in error("gain ~ 1 + (1|language)", data.iloc[:0])


def test_what_r_and_numpy_spell_otherwise(data):
    data["x"] = np.exp(data["x"])
    ours = fit_mixed("gain ~ np.log(x) + (1|language)", data)
    assert list(ours.coefficients["term"]) == ["Intercept", "log(x)"]
    squares = fit_mixed("gain ~ I(x^2) + (1|language)", data)
    assert squares.deviance == fit_mixed("gain ~ I(x**2) + (1|language)", data).deviance


def test_columns_that_are_no_columns(data):
    assert "holds values of the kind 'list'" in error("gain ~ z", data.assign(z=[[1]] * len(data)))
    assert "complex" in error("gain ~ z", data.assign(z=data["x"] * 1j))
    twice = pd.concat([data, data[["x"]]], axis=1)
    assert "stands in the data 2 times" in error("gain ~ x", twice)
    assert "no numbers" in error("gain ~ x", data, weights=["a"] * len(data))


def test_a_group_that_is_a_fixed_effect_too(data):
    model = fit_mixed("gain ~ language + (1|language) + (1|target)", data)
    assert "(1 | language) is left out" in model.notes[0]
    without = fit_mixed("gain ~ language + (1|target)", data)
    pd.testing.assert_frame_equal(model.coefficients, without.coefficients)
    # The fixed part may also be a coarser one that happens to have a level for each.
    data["kind"] = np.where(data["target"] < "t2", "qa", "tag")
    two = data[data["target"].isin(["t0", "t3"])]
    notes = fit_mixed("gain ~ kind + (1|target) + (1|language)", two).notes
    assert "(1 | target) is left out" in notes[0]


def test_no_residual_is_left(data):
    exact = data.drop_duplicates("language").assign(g=list("aabbccdd"), x=[0.0, 1] * 4)
    exact["gain"] = exact["x"] + np.repeat([1.0, 4, 2, 7], 2)
    notes = fit_mixed("gain ~ x + (1|g)", exact).notes
    assert any("no residual is left" in note for note in notes)


def test_predictions_of_rows_with_missing_values(data):
    model = fit_mixed("gain ~ family + x + (1|language)", data)
    new = data.iloc[:3].assign(family=["Uralic", None, "Uralic"], x=[0.1, 0.2, np.nan])
    assert list(model.predict(new).isna()) == [False, True, True]


def test_weights_follow_the_index(data):
    text = error("gain ~ x", data, weights=pd.Series(1.0, index=data.index[::-1]))
    assert "another index" in text


def test_constant_response_and_perfect_fit(data):
    assert "constant" in error("gain ~ 1 + (1|language)", data.assign(gain=2.5))
    assert "exactly" in error("gain ~ x + (1|language)", data.assign(gain=2 * data["x"] + 1))


def test_infinite_values_name_row_and_column(data):
    data.loc[5, "gain"] = np.inf
    assert "column 'gain' is infinite in row 5" in error("gain ~ 1 + (1|language)", data)


def test_undefined_transform(data):
    assert "log(x)" in error("gain ~ log(x) + (1|language)", data)


def test_missing_rows_are_dropped_counted_and_named(data):
    data.loc[[3, 7], "gain"] = np.nan
    data.loc[[9], "family"] = None
    model = fit_mixed("gain ~ family + (1|language)", data)
    assert model.n_rows == len(data) - 3
    assert dict(zip(model.dropped["row"], model.dropped["reason"], strict=True)) == {
        3: "gain is missing",
        7: "gain is missing",
        9: "family is missing",
    }
    assert "3 rows dropped" in model.notes[0]
    assert "3 rows dropped" in model.summary()
    assert "no row is left" in error("gain ~ 1 + (1|language)", data.assign(gain=np.nan))


def test_more_parameters_than_rows(data):
    few = data.iloc[:3].assign(a=[1.0, 2, 4], b=[3.0, 1, 2])
    assert "more parameters than rows" in error("gain ~ a + b + x", few)
    text = error("gain ~ 1 + (1|language:target:repeat)", data)
    assert "64 random effects for 64 rows" in text


def test_zero_variances_and_weights(data):
    data.loc[4, "v"] = 0.0
    text = error("gain ~ 1 + (1|language)", data, variances="v")
    assert "greater than 0" in text
    assert "row 4" in text
    assert "greater than 0" in error("gain ~ 1 + (1|language)", data, weights="v")
    assert "exclude each other" in error("gain ~ 1 + (1|target)", data, weights="v", variances="v")


def test_formulas_that_are_none(data):
    for formula in (
        "gain",
        "~ x",
        "gain ~ x | language",
        "gain ~ x + (1|language",
        "a ~ b ~ c",
        "gain ~ .",
    ):
        error(formula, data)
    assert "twice" in error("gain ~ x + (1|language) + (1|language)", data)
    assert "has no response" in error(" ~ x", data)


@pytest.mark.parametrize(
    "code", ["__import__('os').getcwd()", "{x.sum()}", "{[i for i in x]}", "open('a')"]
)
def test_formulas_run_no_code(data, code):
    error(f"gain ~ {code} + (1|language)", data)


def test_covariances_that_do_not_fit(data):
    names = [f"l{g}" for g in range(8)]
    tree = pd.DataFrame(np.eye(8), index=names, columns=names)
    formula = "gain ~ 1 + (1|language)"
    assert "unknown group" in error(formula, data, covariance={"langage": tree})
    assert "lacks 1 level" in error(
        formula, data, covariance={"language": tree.drop(index="l3", columns="l3")}
    )
    negative = tree.copy()
    negative.loc["l0", "l1"] = negative.loc["l1", "l0"] = 2.0
    assert "negative eigenvalue" in error(formula, data, covariance={"language": negative})


def test_zero_variance_between_levels_is_a_flag(data):
    rng = np.random.default_rng(1)
    noise = pd.Series(rng.normal(size=len(data)))
    data["gain"] = noise - noise.groupby(data["language"]).transform("mean")
    model = fit_mixed("gain ~ x + (1|language)", data)
    assert model.singular
    assert model.converged
    assert "language Intercept" in " ".join(model.notes)
    assert (model.random_effects["estimate"] == 0).all()
    table = model.coefficient_table(method="kenward-roger")
    assert np.isfinite(table[["se", "df", "p"]].to_numpy()).all()


def test_questions_about_what_is_not_there(data):
    model = fit_mixed("gain ~ family + x + (1|language)", data)
    for ask in (
        lambda: model.means("famly"),
        lambda: model.means("x"),
        lambda: model.means("family", at={"x": 0, "family": "Urlic"}),
        lambda: model.contrasts("family", "hollm"),
        lambda: model.coefficient_table(method="kenward"),
        lambda: model.conf_int("profil"),
        lambda: model.coefficient_table(level=95),
        lambda: model.means("family", level=0.0),
        lambda: model.predict(pd.DataFrame({"x": [1.0], "family": ["Bantu"]})),
        lambda: fit_mixed("gain ~ 1 + (1|language)", data, reml=False).inference("kenward-roger"),
        lambda: fit_mixed("gain ~ 1 + (1|target)", data).likelihood_ratio(model),
    ):
        with pytest.raises(InputError):
            ask()


def test_badly_scaled_columns_still_fit(data):
    plain = fit_mixed("gain ~ x + (1|language)", data)
    scaled = fit_mixed("gain ~ x + (1|language)", data.assign(x=data["x"] * 1e-4 + 1))
    assert scaled.deviance + 2 * np.log(1e4) == pytest.approx(plain.deviance, abs=1e-3)
