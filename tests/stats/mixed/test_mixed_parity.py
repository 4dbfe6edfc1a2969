"""Our numbers beside those of lme4, lmerTest, pbkrtest and emmeans (tests/reference/mixed)."""

from __future__ import annotations

import re

import numpy as np
import pytest
from scipy import stats

from xanalysis import fit_mixed

from .reference import NAMES, column, fitted, numbers, table

WITH_KENWARD_ROGER = [name for name in NAMES if "kr_df" in numbers(name)]


def test_the_cases_asked_for_are_all_there():
    asked = {"sleepstudy", "Penicillin", "InstEval", "Pastes", "grid", "singular", "unbalanced"}
    assert asked | {"missing_cell"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_deviance_and_estimates_are_lme4s(name):
    model = fitted(name)
    assert model.n_rows == numbers(name)["n"]
    assert model.deviance <= numbers(name)["deviance"] + 1e-6
    assert model.deviance == pytest.approx(numbers(name)["deviance"], abs=1e-4)
    assert model.sigma == pytest.approx(numbers(name)["sigma"], abs=1e-4)
    table = model.coefficients
    np.testing.assert_allclose(table["estimate"], column(name, "beta"), atol=1e-4, rtol=1e-6)
    np.testing.assert_allclose(table["se"], column(name, "se"), atol=1e-4, rtol=1e-5)
    assert model.singular == numbers(name)["singular"]
    assert model.converged


@pytest.mark.parametrize("name", NAMES)
def test_variances_are_lme4s(name):
    theirs = numbers(name)["variances"]
    keys = zip(theirs["group"], theirs["var1"], theirs["var2"], strict=True)
    ours = {}
    for row in fitted(name).variances.itertuples():
        ours[swap(row.group), row.term] = row.variance
    for (group, one, other), value in zip(keys, theirs["vcov"], strict=True):
        if other is not None:
            continue  # a covariance; the correlations are covered by the deviance
        group = re.sub(r"\.\d+$", "", group)
        term = "" if one is None else one.replace("(Intercept)", "Intercept")
        sd = np.sqrt(ours[swap(group), term])
        assert sd == pytest.approx(np.sqrt(value), abs=1e-4, rel=1e-5)


def swap(group: str) -> str:
    """lme4 writes a nested group from the inside out: cask:batch."""
    return ":".join(sorted(group.split(":")))


@pytest.mark.parametrize("name", NAMES)
def test_satterthwaite_is_lmertests(name):
    table = fitted(name).coefficients
    np.testing.assert_allclose(table["df"], column(name, "df"), rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(table["p"], column(name, "p"), rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("name", WITH_KENWARD_ROGER)
def test_kenward_roger_is_pbkrtests(name):
    table = fitted(name).coefficient_table(method="kenward-roger")
    np.testing.assert_allclose(table["se"], column(name, "kr_se"), rtol=1e-4)
    np.testing.assert_allclose(table["df"], column(name, "kr_df"), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("name", NAMES)
def test_modes_and_their_deviations_are_lme4s(name):
    theirs = numbers(name)["modes"]
    frame = fitted(name).random_effects
    scale = max(1e-3, float(np.abs(theirs["estimate"]).max()))
    ours = {}
    for r in frame.itertuples():
        parts = zip(r.group.split(":"), r.level.split(":"), strict=True)
        level = ":".join(value for _, value in sorted(parts))
        ours[swap(r.group), level, r.term] = (r.estimate, r.sd)
    checked = 0
    for i, group in enumerate(theirs["group"]):
        group = re.sub(r"\.\d+$", "", group)
        parts = zip(group.split(":"), theirs["level"][i].split(":"), strict=True)
        level = ":".join(value for _, value in sorted(parts))
        term = theirs["term"][i].replace("(Intercept)", "Intercept")
        estimate, sd = ours[swap(group), level, term]
        assert estimate == pytest.approx(theirs["estimate"][i], abs=1e-4 * scale)
        assert sd == pytest.approx(theirs["sd"][i], abs=1e-4 * scale)
        checked += 1
    assert checked >= min(6, len(frame))


def test_an_empty_cell_drops_the_column_that_lme4_drops():
    model = fitted("missing_cell")
    assert model.aliased == ("family[Dravidian]:task_type[qa]",)
    assert numbers("missing_cell")["dropped"] == "familyDravidian:task_typeqa"
    assert "family[Dravidian]:task_type[qa]" in " ".join(model.notes)
    theirs = numbers("missing_cell")["marginal"]
    means = fitted("missing_cell").means("family")
    assert list(means["family"]) == theirs["family"]
    expected = np.array([np.nan if v is None else v for v in theirs["mean"]], dtype=float)
    assert np.isnan(expected).sum() == 1
    np.testing.assert_allclose(means["estimate"], expected, atol=1e-4)


@pytest.mark.parametrize("method", ["satterthwaite", "kenward_roger"])
def test_marginal_means_and_contrasts_are_emmeans(method):
    theirs = numbers("unbalanced")["marginal"][method]
    model, own = fitted("unbalanced"), method.replace("_", "-")
    means = model.means("family", method=own)
    assert list(means["family"]) == theirs["family"]
    for ours, key in (("estimate", "mean"), ("se", "se"), ("low", "low"), ("high", "high")):
        np.testing.assert_allclose(means[ours], theirs[key], atol=1e-4)
    np.testing.assert_allclose(means["df"], theirs["df"], rtol=1e-3)
    holm = model.contrasts("family", "holm", method=own)
    assert list(holm["contrast"]) == theirs["contrast"]
    np.testing.assert_allclose(holm["estimate"], theirs["estimate"], atol=1e-4)
    np.testing.assert_allclose(holm["se"], theirs["contrast_se"], atol=1e-4)
    np.testing.assert_allclose(holm["df"], theirs["contrast_df"], rtol=1e-3)
    np.testing.assert_allclose(holm["p"], theirs["holm"], atol=1e-5)
    tukey = model.contrasts("family", "tukey", method=own)
    np.testing.assert_allclose(tukey["p"], theirs["tukey"], atol=1e-5)
    np.testing.assert_allclose(tukey["low"], theirs["tukey_low"], atol=1e-3)
    np.testing.assert_allclose(tukey["high"], theirs["tukey_high"], atol=1e-3)
    # emmeans draws its multivariate t at random, to about three digits.
    simultaneous = model.contrasts("family", "simultaneous", method=own)
    np.testing.assert_allclose(simultaneous["p"], theirs["mvt"], atol=2e-3)


@pytest.mark.parametrize(("method", "key"), [("satterthwaite", ""), ("kenward-roger", "kr_")])
def test_joint_tests_are_lmertests_and_pbkrtests(method, key):
    theirs = numbers("unbalanced")["joint"]
    joint = fitted("unbalanced").joint("family", method=method)
    assert joint.numerator == theirs[f"{key}df1"]
    assert joint.statistic == pytest.approx(theirs[f"{key}f"], rel=1e-4)
    assert joint.denominator == pytest.approx(theirs[f"{key}df2"], rel=1e-3)
    assert joint.p == pytest.approx(theirs[f"{key}p"], rel=1e-3)


@pytest.mark.parametrize("method", ["satterthwaite", "kenward_roger"])
def test_anova_is_lmertests(method):
    theirs = numbers("unbalanced")["anova"][method]
    ours = fitted("unbalanced").anova(method=method.replace("_", "-"))
    assert list(ours["term"]) == theirs["term"]
    assert list(ours["numerator"]) == theirs["df1"]
    for key, name in (("f", "statistic"), ("df2", "denominator"), ("p", "p")):
        np.testing.assert_allclose(ours[name], theirs[key], rtol=1e-3)


@pytest.mark.parametrize(
    ("name", "case", "share"),
    [
        ("sleepstudy", "sleepstudy_ml", 1e-4),
        ("Penicillin", "Penicillin", 1e-4),
        # lme4 interpolates this one's profile.
        ("singular_correlation", "singular_correlation", 1e-3),
    ],
)
def test_profile_intervals_are_lme4s(name, case, share):
    theirs = numbers(case)["profile"]
    expected = {
        lme4s(term): ends
        for term, *ends in zip(theirs["terms"], theirs["low"], theirs["high"], strict=True)
    }
    frame = fitted(name).conf_int("profile")
    assert set(frame["term"]) == set(expected)
    for row in frame.itertuples():
        width = expected[row.term][1] - expected[row.term][0]
        np.testing.assert_allclose([row.low, row.high], expected[row.term], atol=share * width)


def lme4s(term: str) -> str:
    """``sd_(Intercept)|plate`` is our ``plate Intercept``."""
    term = term.replace("(Intercept)", "Intercept")
    if term == "sigma":
        return "Residual"
    if term.startswith("sd_"):
        what, group = term[3:].split("|")
        return f"{group} {what}"
    if term.startswith("cor_"):
        what, group = term[4:].split("|")
        one, other = what.split(".")
        return f"{group} {other}, {one}"
    return term


def test_likelihood_ratio_is_lme4s():
    theirs = numbers("sleepstudy_ml")["likelihood_ratio"]
    smaller = fit_mixed("Reaction ~ Days + (1 | Subject)", table("sleepstudy"))
    found = fitted("sleepstudy").likelihood_ratio(smaller).iloc[0]
    assert found["statistic"] == pytest.approx(theirs["statistic"], abs=1e-5)
    assert found["df"] == theirs["df"]
    assert found["p"] == pytest.approx(theirs["p"], rel=1e-4)
    assert found["boundary"]
    # A slope and its correlation: half of chi-square with 2, half with 1 degree of freedom.
    assert found["p_mixture"] == pytest.approx(
        (found["p"] + stats.chi2.sf(found["statistic"], 1)) / 2
    )
