"""Small, odd and bad input of meta_analyse."""

from __future__ import annotations

import json
import math

import numpy as np
import pandas as pd
import pytest

import xanalysis as xa
from xanalysis.errors import InputError

Y, V = [1.0, 2.5, 0.3, 1.8], [0.2, 0.3, 0.1, 0.4]


@pytest.mark.parametrize(
    ("effects", "variances", "options", "says"),
    [
        ([1.0], [0.1], {}, "at least 2"),
        ([1.0, math.inf], [0.1, 0.1], {}, "effect '2' or its variance is infinite"),
        ([1.0, 2.0], [0.1, 0.0], {}, "the variance of effect '2' is 0"),
        ([1.0, 2.0], [0.1, -1.0], {"names": ["a", "b"]}, "the variance of effect 'b' is -1"),
        ([1.0, 2.0], [0.1], {}, "2 effects but 1 variances"),
        (["a", "b"], [0.1, 0.2], {}, "the effects are no numbers"),
        (pd.Series(Y), pd.Series(V, index=[4, 3, 2, 1]), {}, "different indexes"),
        (Y, V, {"method": "RELM"}, "did you mean 'REML'"),
        (Y, V, {"test": "zz"}, "unknown test 'zz'"),
        (Y, V, {"level": 95}, "level is 95"),
        (Y, V, {"moderators": pd.DataFrame({"x": [1, 1, 1, 1]})}, "moderator 'x' is the same"),
        (Y, V, {"moderators": pd.DataFrame({"x": list("abcd")})}, "4 coefficients for 4 effects"),
        (
            Y,
            V,
            {"moderators": pd.DataFrame({"x": [1, 2, 3, 5], "y": [2, 4, 6, 10]})},
            "moderator 'y' is a combination",
        ),
        (Y, V, {"moderators": pd.DataFrame({"x": [1, 2, 3, math.inf]})}, "infinite"),
        (Y, V, {"clusters": ["a"] * 4}, "one cluster"),
        (Y, V, {"clusters": ["a", "a", "b", "b"], "method": "DL"}, "no form for nested effects"),
        (Y, V, {"clusters": ["a", "b"]}, "4 effects but 2 rows of clusters"),
    ],
)
def test_says_what_is_wrong(effects, variances, options, says) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(InputError) as error:
        xa.meta_analyse(effects, variances, **options)
    assert says in str(error.value)


def test_missing_rows_are_counted_and_named() -> None:
    result = xa.meta_analyse([*Y, np.nan], [*V, 0.1], names=["a", "b", "c", "d", "lost"])
    assert result.k == 4
    assert result.notes[0] == "1 effect left out, because a value is missing: lost"


def test_summary_fits_a_terminal() -> None:
    effects, variances = [0.2, 0.5, 0.1, 0.9, 0.4], [0.05, 0.1, 0.02, 0.2, 0.04]
    for options in ({}, {"clusters": list("aabbc")}, {"moderators": pd.Series([1, 2, 3, 4, 6])}):
        result = xa.meta_analyse(effects, variances, **options)
        text = result.summary()
        assert f"{result.estimate:.4g}" in text
        assert f"Q({result.q[1]})" in text
        assert all(note in text for note in result.notes)
        assert all(len(line) <= 80 for line in text.split("Note:")[0].splitlines())


def test_two_equal_effects() -> None:
    result = xa.meta_analyse([1.0, 1.0], [0.1, 0.2])
    assert result.tau2 == 0
    assert result.estimate == pytest.approx(1.0)
    # Knapp-Hartung alone would claim an interval of no width here; adhoc does not.
    low, high = result.coefficients.loc[0, ["low", "high"]]
    assert high - low > 2 * 1.96 * math.sqrt(1 / (1 / 0.1 + 1 / 0.2))
    assert any("tau²" in note for note in result.notes)


@pytest.mark.parametrize("method", ["DL", "HE", "PM", "ML", "REML"])
def test_tau2_is_never_negative(method: str) -> None:
    result = xa.meta_analyse([1.0, 1.01, 0.99, 1.0], [1.0, 2.0, 1.0, 3.0], method=method)
    assert result.tau2 == 0
    values = result.heterogeneity.set_index("quantity")["value"]
    assert values["I2"] == 0
    assert values["H2"] == pytest.approx(1)


def test_json_is_plain() -> None:
    result = xa.meta_analyse(Y, V, clusters=["a", "a", "b", "b"])
    text = json.dumps(result.to_dict(), default=float)
    assert json.loads(text)["clusters"] == 2


def test_knapp_hartung_covers_where_z_does_not() -> None:
    """With 5 studies and real heterogeneity, z covers clearly less than 95 %, adhoc about that."""
    rng = np.random.default_rng(3)
    covered = {"z": 0, "adhoc": 0}
    runs = 300
    for _ in range(runs):
        v = rng.uniform(0.2, 1.0, 5)
        y = 1 + rng.normal(0, 1, 5) + rng.normal(0, np.sqrt(v))
        for test in covered:
            row = xa.meta_analyse(y, v, test=test, method="DL").coefficients.iloc[0]
            covered[test] += row["low"] <= 1 <= row["high"]
    assert covered["z"] / runs < 0.92
    assert covered["adhoc"] / runs > 0.92


def test_ignoring_clusters_is_caught() -> None:
    """Three effects per study share the study's error: the ordinary test rejects too often."""
    rng = np.random.default_rng(11)
    rejected = {"ordinary": 0, "nested": 0}
    runs = 60
    study = np.repeat(np.arange(10), 4)
    for _ in range(runs):
        y = rng.normal(0, 1, 10)[study] + rng.normal(0, 0.3, 40)
        v = np.full(40, 0.09)
        rejected["ordinary"] += xa.meta_analyse(y, v, method="DL").coefficients["p"][0] < 0.05
        rejected["nested"] += xa.meta_analyse(y, v, clusters=study).coefficients["p"][0] < 0.05
    assert rejected["ordinary"] / runs > 0.2
    assert rejected["nested"] / runs < 0.1


def test_forest_and_funnel() -> None:
    result = xa.meta_analyse(Y, V, names=list("abcd"))
    forest = result.forest()
    assert list(forest["kind"]) == ["effect"] * 4 + ["pooled", "prediction"]
    assert forest["weight"].iloc[:4].sum() == pytest.approx(100)
    funnel = result.funnel()
    widths = funnel["high"] - funnel["low"]
    assert (widths / funnel["se"]).std() == pytest.approx(0, abs=1e-9)


def test_leaving_out_clusters() -> None:
    result = xa.meta_analyse(
        [1.0, 1.2, 2.0, 2.2, 9.0, 9.5], [0.1] * 6, clusters=["a", "a", "b", "b", "c", "c"]
    )
    out = result.leave_one_out()
    assert len(out) == 3
    assert out["estimate"].idxmin() == 2


def test_subgroup_of_one() -> None:
    result = xa.meta_analyse(Y, V).subgroups(["x", "x", "x", "alone"])
    assert result.loc[1, "estimate"] == 1.8
    assert math.isnan(result.loc[1, "tau2"])


def test_two_clusters_that_agree_by_chance_do_not_make_a_narrow_interval():
    """With too few clusters the larger of the two standard errors counts, and that is said."""
    spread = np.array([-2.0, -1.0, 0.0, 1.0, 2.0])
    effects = np.concatenate([spread, spread + 0.01])
    result = xa.meta_analyse(effects, np.full(10, 0.04), clusters=["a"] * 5 + ["b"] * 5)
    row = result.coefficients.iloc[0]
    assert row["se"] > 0.9 * effects.std(ddof=1) / np.sqrt(len(effects))
    assert any("larger of" in note for note in result.notes)
