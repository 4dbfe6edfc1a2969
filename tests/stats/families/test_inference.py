"""Permutation, partial conjunction, Holm, trees and Moran's I."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from xanalysis.errors import InputError
from xanalysis.languages import lookup
from xanalysis.results.simulate import LANGUAGES
from xanalysis.stats.families import holm, morans_i, partial_conjunction, tree_covariance
from xanalysis.stats.families.galton import accounted
from xanalysis.stats.families.inference import games_howell, language_tests, permutation_test, welch


def test_permutation_p_is_uniform_under_the_null() -> None:
    rng = np.random.default_rng(2)
    groups = np.array(list("aaaabbbbccdd"))
    p = [permutation_test(rng.normal(size=12), groups, permutations=199)[1] for _ in range(400)]
    assert np.mean(np.array(p) <= 0.05) < 0.08
    assert 0.4 < np.mean(p) < 0.6


def test_permutation_counts_the_observed_order() -> None:
    means = np.array([0.0, 0.1, 0.2, 9.0, 9.1, 9.2])
    f, p = permutation_test(means, np.array(list("aaabbb")), permutations=99)
    assert f > 1000
    # Of the 20 ways to split six languages in two, two are as extreme: p is near 0.1, never 0.
    assert 0.02 < p < 0.2


@pytest.mark.parametrize("groups", ["aaa", "abc"])
def test_permutation_without_groups(groups: str) -> None:
    f, p = permutation_test(np.array([1.0, 2.0, 3.0]), np.array(list(groups)))
    assert np.isnan(f)
    assert np.isnan(p)


@pytest.mark.parametrize(
    ("p", "at_least"),
    [
        ([], 0),
        ([0.2, 0.3], 0),
        ([0.01, 0.3, 0.4], 1),
        ([0.001, 0.001, 0.001], 3),
        # 4 of 4 needs the largest p below alpha; 3 of 4 needs twice the third.
        ([0.001, 0.002, 0.024, 0.06], 3),
        ([0.001, 0.002, 0.026, 0.06], 2),
    ],
)
def test_partial_conjunction(p: list[float], at_least: int) -> None:
    assert partial_conjunction(np.array(p)) == at_least


def test_holm() -> None:
    adjusted = holm(np.array([0.01, 0.04, np.nan, 0.03]))
    np.testing.assert_allclose(adjusted, [0.03, 0.06, np.nan, 0.06])


def test_language_tests_use_the_errors() -> None:
    cells = pd.DataFrame(
        {
            "language": ["de"] * 4,
            "shared": ["a", "a", "b", "b"],
            "gain": [2.0, 4.0, 1.0, 1.0],
            "se": [1.0, 1.0, 2.0, 2.0],
        }
    )
    row = language_tests(cells).iloc[0]
    assert row["gain"] == pytest.approx(2.0)
    # Within a baseline errors are fully correlated, between them independent.
    assert row["se"] == pytest.approx(np.sqrt(1.0**2 + 2.0**2) / 2)
    assert row["method"] == "errors"
    row = language_tests(cells.assign(se=np.nan)).iloc[0]
    assert row["method"] == "targets"
    assert row["se"] == pytest.approx(np.std([3.0, 1.0], ddof=1) / np.sqrt(2))
    row = language_tests(cells.assign(se=np.nan, shared="a")).iloc[0]
    assert row["method"] == "none"
    assert np.isnan(row["p"])


def test_games_howell_by_hand() -> None:
    languages = pd.DataFrame({"group": list("aaabbbb"), "mean": [1.0, 2, 3, 5, 5.5, 7, 8]})
    games = games_howell(languages)
    row = games.iloc[0]
    a, b = np.array([1.0, 2, 3]), np.array([5, 5.5, 7, 8])
    va, vb = a.var(ddof=1) / 3, b.var(ddof=1) / 4
    assert row["difference"] == pytest.approx(a.mean() - b.mean())
    assert row["df"] == pytest.approx((va + vb) ** 2 / (va**2 / 2 + vb**2 / 3))


def test_welch_is_that_of_pingouin() -> None:
    import pingouin

    languages = pd.DataFrame(
        {"group": list("aaabbbbccddde"), "mean": [1.0, 2, 3, 5, 5.5, 7, 8, 2, 4, 1, 1.5, 9, 3]}
    )
    languages.loc[languages["group"] == "e", "group"] = "(single-language)"
    told = pingouin.welch_anova(
        data=languages[languages["group"] != "(single-language)"], dv="mean", between="group"
    )
    found = welch(languages)
    assert found is not None
    numbers = told[["F", "ddof1", "ddof2"]].iloc[0].tolist()
    assert found[:3] == pytest.approx(numbers)
    p = next(c for c in told.columns if c.startswith("p") and "np2" not in c)
    assert found[3] == pytest.approx(told[p].iloc[0])
    assert welch(languages[languages["group"] == "a"]) is None


def test_tree_covariance() -> None:
    codes = ["de", "nl", "fr", "ru", "hi", "fi", "et", "hu", "eu"]
    tree = tree_covariance(codes)
    np.testing.assert_array_equal(np.diag(tree), 1)
    assert np.linalg.eigvalsh(tree).min() > 1e-6
    assert tree.loc["de", "nl"] > tree.loc["de", "fr"] > 0
    assert tree.loc["fi", "et"] > tree.loc["fi", "hu"] > 0
    assert tree.loc["de", "fi"] == tree.loc["eu", "fr"] == 0


def test_tree_of_all_simulated_languages_is_positive_definite() -> None:
    assert np.linalg.eigvalsh(tree_covariance(LANGUAGES)).min() > 1e-6


def test_language_twice() -> None:
    with pytest.raises(InputError, match="stands twice"):
        tree_covariance(["de", "deu"])


def test_moran_by_hand() -> None:
    codes = ["de", "nl", "fi", "et"]
    values = np.array([1.0, 2.0, -1.0, -2.0])
    found = morans_i(values, codes, kind="genetic", permutations=99)
    # Only the two pairs of one family are neighbours: I = sum of x_i x_j / sum of x_i².
    assert found.value == pytest.approx((2 * 1 * 2 + 2 * 1 * 2) / 10)
    assert found.expected == pytest.approx(-1 / 3)


@pytest.mark.parametrize(
    ("values", "codes", "says"),
    [
        ([1.0, 2.0, 3.0], ["de", "fi", "tr"], "at least 4"),
        ([1.0] * 4, ["de", "fi", "tr", "sw"], "all the same"),
        ([1.0, 2.0, 3.0, 5.0], ["de", "fi", "tr", "sw"], "no two languages are related"),
    ],
)
def test_moran_input(values: list[float], codes: list[str], says: str) -> None:
    with pytest.raises(InputError, match=says):
        morans_i(values, codes)


def test_slope_along_families_is_not_believed() -> None:
    """Galton's problem: covariate and gains both follow families, and have no other tie."""
    rng = np.random.default_rng(12)
    codes = [c for c in LANGUAGES if c != "en"]
    families = [lookup(c).family for c in codes]
    frame = pd.DataFrame({"language": codes, "family": families, "genus": families})
    rejected = dict.fromkeys(("none", "family"), 0)
    runs = 60
    for _ in range(runs):
        shift = {f: rng.normal(0, 1, 2) for f in sorted(set(families))}
        frame["mean"] = [shift[f][0] for f in families] + rng.normal(0, 0.5, len(codes))
        frame["x"] = [shift[f][1] for f in families] + rng.normal(0, 0.5, len(codes))
        for accounting in rejected:
            rejected[accounting] += accounted(frame, accounting, slope=True)[3] < 0.05
    assert rejected["none"] / runs > 0.12
    assert rejected["family"] / runs < 0.12
