"""What is fitted, against dense algebra, statsmodels and identities."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import linalg, stats

from xanalysis import fit_mixed
from xanalysis.errors import InputError
from xanalysis.stats.mixed.deviance import diagonal, evaluate, lower
from xanalysis.stats.mixed.multiplicity import GreatestT
from xanalysis.stats.mixed.optimise import minimise
from xanalysis.stats.mixed.products import compute, loadings

from .reference import fitted, table


@pytest.fixture(scope="module")
def small() -> pd.DataFrame:
    return table("unbalanced")


FORMULAS = [
    "gain ~ distance + (1|language) + (1|target) + (1|target:language)",
    "gain ~ distance + (1 + distance | target) + (1|intermediate)",
    "gain ~ distance + (1 + distance || target) + (0 + task_type | language)",
    "gain ~ family + (1|language/target)",
    "gain ~ distance + (distance | target)",
]


def dense(model, theta, reml):
    """The deviance through the n × n covariance matrix."""
    design, products = model.design, model.optimum.evaluation.products
    z = loadings(design).toarray()
    scale = linalg.block_diag(
        *(
            np.kron(np.eye(t.levels), own)
            for t, own in zip(products.terms, lower(products, theta), strict=True)
        )
    )
    v = z @ scale @ scale.T @ z.T + np.diag(1 / design.weights)
    x, y = design.x, design.y
    inverse = np.linalg.inv(v)
    information = x.T @ inverse @ x
    r = y - x @ np.linalg.solve(information, x.T @ inverse @ y)
    quadratic, n, p = r @ inverse @ r, *x.shape
    left = n - p if reml else n
    logs = np.linalg.slogdet(v)[1] + (np.linalg.slogdet(information)[1] if reml else 0.0)
    if design.sigma2 is not None:
        return logs + left * np.log(2 * np.pi * design.sigma2) + quadratic / design.sigma2
    return logs + left * (1 + np.log(2 * np.pi * quadratic / left))


@pytest.mark.parametrize("reml", [True, False])
@pytest.mark.parametrize("formula", FORMULAS)
def test_deviance_and_gradient_against_dense_algebra(small, formula, reml):
    model = fit_mixed(formula, small, reml=reml, weights=1.0 + np.arange(len(small)) % 3)
    products = model.optimum.evaluation.products
    rng = np.random.default_rng(3)
    theta = np.where(diagonal(products), 0.7, 0.0) + 0.2 * rng.uniform(size=products.parameters)
    found = evaluate(products, theta)
    assert found.deviance(reml) == pytest.approx(dense(model, theta, reml), abs=1e-7)
    steps = 1e-5 * np.eye(len(theta))
    numeric = [
        (
            evaluate(products, theta + h).deviance(reml)
            - evaluate(products, theta - h).deviance(reml)
        )
        / 2e-5
        for h in steps
    ]
    np.testing.assert_allclose(found.gradient(reml), numeric, atol=1e-3)


@pytest.mark.parametrize("residual", [True, False])
def test_known_sampling_variances(small, residual):
    rng = np.random.default_rng(5)
    data = small.assign(v=rng.uniform(0.2, 2.0, len(small)))
    formula = "gain ~ distance + (1|language) + (1|target)"
    model = fit_mixed(formula, data, variances="v", residual=residual)
    assert model.sigma == pytest.approx(np.sqrt(data["v"].mean()))
    assert model.deviance == pytest.approx(dense(model, model.theta, True), abs=1e-6)
    assert ("Residual" in set(model.variances["group"])) == residual
    if residual:
        # The same by hand: a group of single rows beside weights 1 / v and sigma = 1.
        noise = float(model.variances.query("group == 'Residual'")["variance"].iloc[0])
        v = data["v"].to_numpy() + noise
        fixed = fit_mixed(formula, data, variances=v, residual=False)
        np.testing.assert_allclose(
            fixed.coefficients["estimate"], model.coefficients["estimate"], atol=1e-3
        )
    for x in (model.coefficients, model.coefficient_table(method="kenward-roger")):
        assert np.isfinite(x[["se", "df", "p"]].to_numpy()).all()


@pytest.mark.parametrize("seed", [22, 34])
def test_a_correlation_at_its_bound_is_no_wall(seed):
    rng = np.random.default_rng(seed)
    g = rng.integers(0, 8, 40)
    data = pd.DataFrame({"g": g, "f": rng.choice(list("abc"), 40), "x": rng.normal(size=40)})
    data["y"] = rng.normal(0, 0.5, 8)[g] + rng.normal(0, 0.5, 8)[g] * data["x"]
    data["y"] += rng.normal(size=40)
    model = fit_mixed("y ~ x + (x | g)", data)
    products = model.optimum.evaluation.products
    starts = [np.array([a, b, c]) for a in (0.2, 1.0) for b in (-0.3, 0.0, 0.3) for c in (0.1, 0.5)]
    least = min(minimise(products, True, start).evaluation.deviance(True) for start in starts)
    assert model.deviance <= least + 1e-6
    assert model.converged


def test_known_variances_in_other_units(small):
    data = small.assign(v=np.random.default_rng(5).uniform(0.2, 2.0, len(small)))
    formula = "gain ~ distance + (1|language) + (1|target)"
    points = fit_mixed(formula, data, variances="v")
    scaled = data.assign(gain=data["gain"] / 1e4, v=data["v"] / 1e8)
    shares = fit_mixed(formula, scaled, variances="v")
    assert not shares.singular
    np.testing.assert_allclose(shares.variances["sd"] * 1e4, points.variances["sd"], rtol=1e-6)
    np.testing.assert_allclose(shares.coefficients["df"], points.coefficients["df"], rtol=1e-5)
    np.testing.assert_allclose(shares.coefficients["p"], points.coefficients["p"], rtol=1e-5)


def test_equal_known_variances_are_an_ordinary_residual(small):
    formula = "gain ~ distance + (1|language) + (1|target)"
    plain = fit_mixed(formula, small)
    known = fit_mixed(formula, small, variances=np.full(len(small), 0.3))
    own = known.variances.set_index("group")["variance"]
    assert own["Residual"] + 0.3 == pytest.approx(plain.sigma**2, rel=1e-4)
    assert known.deviance == pytest.approx(plain.deviance, abs=1e-5)
    np.testing.assert_allclose(known.coefficients["se"], plain.coefficients["se"], rtol=1e-4)


def test_known_covariance_between_levels(small):
    names = sorted(small["language"].unique())
    rng = np.random.default_rng(2)
    root = rng.normal(size=(len(names), len(names)))
    matrix = root @ root.T / len(names) + 0.5 * np.eye(len(names))
    tree = pd.DataFrame(matrix, index=names, columns=names)
    formula = "gain ~ distance + (1|language) + (1|target)"
    model = fit_mixed(formula, small, covariance={"language": tree})
    design = model.design
    g, t = (design.groups[i].codes for i in (0, 1))
    tau = model.theta**2
    v = tau[0] * matrix[np.ix_(g, g)] + tau[1] * (t[:, None] == t) + np.eye(len(g))
    x, y = design.x, design.y
    information = x.T @ np.linalg.solve(v, x)
    r = y - x @ np.linalg.solve(information, x.T @ np.linalg.solve(v, y))
    left = len(y) - x.shape[1]
    quadratic = r @ np.linalg.solve(v, r)
    expected = np.linalg.slogdet(v)[1] + np.linalg.slogdet(information)[1]
    expected += left * (1 + np.log(2 * np.pi * quadratic / left))
    assert model.deviance == pytest.approx(expected, abs=1e-6)
    # Conditional modes and their deviations, by the rules of the normal distribution.
    cover = model.sigma**2 * tau[0] * matrix[:, g]
    modes = cover @ np.linalg.solve(v, r) / model.sigma**2
    spread = model.sigma**2 * tau[0] * matrix - cover @ np.linalg.solve(v, cover.T) / model.sigma**2
    own = model.random_effects.query("group == 'language'")
    np.testing.assert_allclose(own["estimate"], modes, atol=1e-6)
    np.testing.assert_allclose(own["sd"], np.sqrt(np.diag(spread)), atol=1e-6)
    identity = pd.DataFrame(np.eye(len(names)), index=names, columns=names)
    same = fit_mixed(formula, small, covariance={"language": identity})
    assert same.deviance == pytest.approx(fit_mixed(formula, small).deviance, abs=1e-6)


def test_kenward_roger_with_every_block_layout_is_the_dense_formula(small):
    """Covariance of the fixed effects by n × n matrices, on a model with slopes and weights."""
    data = small.iloc[::3]
    model = fit_mixed("gain ~ distance + (1 + distance | target) + (1|language)", data)
    design, t = model.design, model.optimum.evaluation.triangles
    z = loadings(design).toarray()
    first, second = (
        z[:, : 2 * len(design.groups[0].levels)],
        z[:, 2 * len(design.groups[0].levels) :],
    )
    a, b = first[:, ::2], first[:, 1::2]
    parts = [a @ a.T, a @ b.T + b @ a.T, b @ b.T, second @ second.T, np.eye(len(z))]
    s2 = model.sigma**2
    c0, c1 = s2 * t[0] @ t[0].T, s2 * t[1] @ t[1].T
    v = sum(w * g for w, g in zip([c0[0, 0], c0[0, 1], c0[1, 1], c1[0, 0], s2], parts, strict=True))
    inverse, x = np.linalg.inv(v), design.x
    phi = np.linalg.inv(x.T @ inverse @ x)
    p = [-x.T @ inverse @ g @ inverse @ x for g in parts]
    q = [[x.T @ inverse @ g @ inverse @ h @ inverse @ x for h in parts] for g in parts]
    information = np.array(
        [
            [
                np.trace(inverse @ g @ inverse @ h)
                - 2 * np.trace(phi @ q[i][j])
                + np.trace(phi @ p[i] @ phi @ p[j])
                for j, h in enumerate(parts)
            ]
            for i, g in enumerate(parts)
        ]
    )
    w = 2 * np.linalg.inv(information)
    inner = sum(w[i, j] * (q[i][j] - p[i] @ phi @ p[j]) for i in range(5) for j in range(5))
    expected = phi + 2 * phi @ inner @ phi
    np.testing.assert_allclose(model.covariance("kenward-roger"), expected, rtol=1e-6)


def test_against_statsmodels(small):
    mixedlm = pytest.importorskip("statsmodels.regression.mixed_linear_model")
    data = table("sleepstudy")
    ours = fit_mixed("Reaction ~ Days + (1 + Days | Subject)", data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = mixedlm.MixedLM.from_formula(
            "Reaction ~ Days", groups="Subject", re_formula="~Days", data=data
        ).fit()
    assert ours.deviance == pytest.approx(-2 * theirs.llf, abs=1e-4)
    np.testing.assert_allclose(ours.coefficients["estimate"], theirs.fe_params, rtol=1e-4)
    np.testing.assert_allclose(ours.coefficients["se"], theirs.bse_fe, rtol=1e-2)


CROSSED = {
    "Penicillin": ("diameter ~ 1", {"plate": "plate", "sample": "sample"}),
    "Pastes": ("strength ~ 1", {"batch": "batch", "batch:cask": "sample"}),
    "unbalanced": ("gain ~ family + distance", {"language": "language", "target": "target"}),
}


@pytest.mark.parametrize("reml", [True, False])
@pytest.mark.parametrize("name", CROSSED)
def test_crossed_and_nested_groups_against_statsmodels(name, reml):
    mixedlm = pytest.importorskip("statsmodels.regression.mixed_linear_model")
    fixed, groups = CROSSED[name]
    data = table(name)
    ours = fit_mixed(" + ".join([fixed, *(f"(1|{g})" for g in groups)]), data, reml=reml)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = mixedlm.MixedLM.from_formula(
            fixed,
            groups="whole",
            re_formula="0",
            vc_formula={column: f"0 + C({column})" for column in groups.values()},
            data=data.assign(whole=1),
        ).fit(reml=reml)
    assert ours.deviance == pytest.approx(-2 * theirs.llf, abs=1e-4)
    np.testing.assert_allclose(ours.coefficients["estimate"], theirs.fe_params, rtol=1e-3)
    np.testing.assert_allclose(ours.coefficients["se"], theirs.bse_fe, rtol=2e-2)
    variances = ours.variances.set_index("group")["variance"]
    found = dict(zip(theirs.model.exog_vc.names, theirs.vcomp, strict=True))
    for group, column in groups.items():
        assert found[column] == pytest.approx(variances[group], rel=1e-2)
    assert theirs.scale == pytest.approx(variances["Residual"], rel=1e-3)


def test_predictions_and_residuals(small):
    model = fit_mixed(
        "gain ~ family + distance + (1 + distance | target) + (1|target:language)", small
    )
    np.testing.assert_allclose(model.predict(small), model.fitted, atol=1e-10)
    np.testing.assert_allclose(model.fitted + model.residuals, small["gain"].to_numpy(), atol=1e-10)
    assert list(model.residuals.index) == list(small.index)
    new = small.iloc[[0]].assign(target="t99")
    fixed = model.predict(new, random=False)
    assert model.predict(new).iloc[0] == pytest.approx(fixed.iloc[0])
    assert model.predict(random=False).iloc[0] == pytest.approx(
        model.predict(small.iloc[[0]], random=False).iloc[0]
    )


def test_icc_and_r_squared(small):
    model = fit_mixed("gain ~ distance + (1|language) + (1|target)", small)
    shares = model.icc()
    variances = model.variances["variance"].to_numpy()
    np.testing.assert_allclose(shares["icc"], variances / variances.sum())
    fixed = np.var(model.predict(random=False), ddof=1)
    r2 = model.r_squared()
    assert r2["marginal"] == pytest.approx(fixed / (fixed + variances.sum()))
    assert r2["conditional"] == pytest.approx(1 - variances[-1] / (fixed + variances.sum()))


def test_names_stay_readable():
    terms = set(fitted("grid").coefficients["term"])
    assert {"Intercept", "family[Uralic]", "family[Uralic]:task_type[qa]"} <= terms


def test_summary_and_json():
    model = fitted("unbalanced")
    text = model.summary()
    assert max(len(line) for line in text.splitlines()[3:]) <= 80
    assert "family[Uralic]:task_type[qa]" in text
    found = json.loads(json.dumps(model.to_dict(), allow_nan=False))
    assert found["n_rows"] == model.n_rows
    assert len(found["coefficients"]) == len(model.coefficients)


def test_bootstrap_repeats_and_covers_the_estimate():
    model = fitted("Penicillin")
    frame = model.conf_int("bootstrap", n=60, random_state=4)
    pd.testing.assert_frame_equal(frame, model.conf_int("bootstrap", n=60, random_state=4))
    assert ((frame["low"] < frame["estimate"]) & (frame["estimate"] < frame["high"])).all()
    wald = model.conf_int()
    assert frame["high"][0] - frame["low"][0] == pytest.approx(
        wald["high"][0] - wald["low"][0], rel=0.5
    )


def test_bootstrap_of_a_likelihood_ratio_keeps_to_the_mixture(small):
    formula = "gain ~ distance + (1|language)"
    larger, smaller = fit_mixed(f"{formula} + (1|target)", small), fit_mixed(formula, small)
    found = larger.likelihood_ratio(smaller, bootstrap=99).iloc[0]
    assert found["p_mixture"] == pytest.approx(found["p"] / 2)
    assert found["p_bootstrap"] == pytest.approx(0.01)
    # No target at all: the variance is often estimated as zero, and then p is 1.
    noise = small.assign(gain=np.random.default_rng(8).normal(size=len(small)))
    larger, smaller = fit_mixed(f"{formula} + (1|target)", noise), fit_mixed(formula, noise)
    found = larger.likelihood_ratio(smaller, bootstrap=99).iloc[0]
    assert found["p_bootstrap"] == pytest.approx(found["p_mixture"], abs=0.15)


def test_contrasts_with_one_level(small):
    model = fit_mixed("gain ~ family + (1|language) + (1|target)", small)
    every = model.contrasts("family", "none").set_index("contrast")
    one = model.contrasts("family", "simultaneous", against="Turkic").set_index("contrast")
    assert all(name.endswith(" - Turkic") for name in one.index)
    assert len(one) == small["family"].nunique() - 1
    before = next(name for name in one.index if name in every.index)
    assert one.loc[before, "estimate"] == pytest.approx(every.loc[before, "estimate"])
    assert (one["p"] <= (len(one) * one["p_raw"]).clip(upper=1) + 1e-9).all()
    # Fewer comparisons, so less to adjust for than among all pairs.
    pairs = model.contrasts("family", "simultaneous").set_index("contrast")
    assert one.loc[before, "p"] < pairs.loc[before, "p"]
    with pytest.raises(InputError, match="did you mean 'Turkic'"):
        model.contrasts("family", against="Turkik")


def test_anova_knows_terms_and_empty_cells(small):
    model = fit_mixed("gain ~ family * task_type + poly(distance, 2) + (1|language)", small)
    table = model.anova().set_index("term")
    assert list(table.index) == ["family", "task_type", "distance", "family:task_type"]
    joint = model.joint("family")
    assert table.loc["family", "statistic"] == pytest.approx(joint.statistic)
    both = [i for i, t in enumerate(model.coefficients["term"]) if t.startswith("poly")]
    expected = model.test(np.eye(len(model.beta))[both])
    assert table.loc["distance", "numerator"] == 2
    assert table.loc["distance", "p"] == pytest.approx(expected.p)
    families = sorted(small["family"].unique())
    hole = small[~((small["family"] == families[0]) & (small["task_type"] == "qa"))]
    holed = fit_mixed("gain ~ family * task_type + (1|language)", hole)
    table = holed.anova().set_index("term")
    assert table.loc["family", "numerator"] == len(families) - 2
    assert table.loc["family", "p"] == pytest.approx(holed.joint("family").p, rel=1e-4)


def test_contrasts_within(small):
    model = fit_mixed("gain ~ family * task_type + (1|language) + (1|target)", small)
    within = model.contrasts("family", within="task_type")
    alone = model.contrasts("family", at={"task_type": "qa"}).set_index("contrast")
    part = within[within["task_type"] == "qa"].set_index("contrast")
    for key in ("estimate", "se", "p"):
        np.testing.assert_allclose(part[key], alone[key])
    assert len(within) == 3 * len(alone)


def test_greatest_t_of_independent_and_of_equal_statistics():
    t, df = 2.3, 7.0
    single = 2 * stats.t.sf(t, df)
    assert GreatestT(np.ones((3, 3))).tail(t, df) == pytest.approx(single, rel=1e-6)
    infinite = GreatestT(np.eye(4)).tail(t, np.inf)
    assert infinite == pytest.approx(1 - (1 - 2 * stats.norm.sf(t)) ** 4, abs=1e-4)
    assert GreatestT(np.eye(2)).critical(0.05, np.inf) == pytest.approx(2.2365, abs=1e-3)


def test_satterthwaite_keeps_its_level_with_six_languages():
    """z rejects a null effect of languages far too often; Satterthwaite does not."""
    rng = np.random.default_rng(11)
    code = np.repeat(np.arange(6), 8)
    normal = satterthwaite = 0
    samples = 300
    for _ in range(samples):
        data = pd.DataFrame({"language": code, "x": rng.normal(size=6)[code]})
        data["gain"] = rng.normal(size=6)[code] + rng.normal(size=len(code))
        row = fit_mixed("gain ~ x + (1|language)", data).coefficients.iloc[1]
        normal += 2 * stats.norm.sf(abs(row["statistic"])) < 0.05
        satterthwaite += row["p"] < 0.05
    assert satterthwaite / samples < 0.09
    assert normal / samples > 0.09


def test_every_option_of_elimination_gives_the_same_deviance(small, monkeypatch):
    from xanalysis.stats.mixed import blocks

    formula = "gain ~ distance + (1 + distance | target) + (1|language) + (1|target:language)"
    design = fit_mixed(formula, small).design
    theta = np.array([0.8, 0.1, 0.5, 0.6, 0.4])
    found = []
    for coupling in (blocks.SparseCoupling, blocks.DenseCoupling):
        monkeypatch.setattr(
            "xanalysis.stats.mixed.products.couple", lambda c, b, s, make=coupling: make(c, b)
        )
        one = evaluate(compute(design), theta)
        found.append((one.deviance(True), *one.gradient(True)))
    np.testing.assert_allclose(found[0], found[1], rtol=1e-9)
