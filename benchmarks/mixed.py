"""Mixed models: time beside statsmodels and lme4, growth with rows and levels, peak memory.

Run: python benchmarks/mixed.py [--quick]

About two minutes on two quiet cores, most of them statsmodels'. Every ratio is taken within this
one run, of seconds on the clock; CPU seconds stand beside them, which say more on a busy machine.
lme4 takes part where Rscript and lme4 are installed; its time is that of lmer() alone, without the
start of R or the reading of the data. Ours includes the reading of the formula, the building of the
columns, and, in the second figure, the coefficients with Satterthwaite's degrees of freedom.
statsmodels fits once, on one BLAS thread, with which it is fastest. Each row of the growth tables
is a process of its own, whose peak memory includes Python, its libraries and the table.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

import xanalysis as xa

CROSSED = (
    "gain ~ distance + (1|language) + (1|target) + (1|intermediate) + (1|model)"
    " + (1|target:language) + (1|target:intermediate)"
)
FACTORS = ("language", "target", "intermediate", "model")


def simulate(rows: int, languages: int, targets: int, middles: int, seed: int = 1) -> pd.DataFrame:
    """A transfer grid with four models, sampled with replacement to the number of rows."""
    rng = np.random.default_rng(seed)
    sizes = {"language": languages, "target": targets, "intermediate": middles, "model": 4}
    code = {name: rng.integers(0, size, rows) for name, size in sizes.items()}
    pair = code["target"] * languages + code["language"]
    middle = code["target"] * middles + code["intermediate"]
    distance = rng.uniform(0, 1, languages)[code["language"]]
    gain = 1.0 - distance + rng.normal(0, 1.3, rows)
    for name, size in sizes.items():
        gain += rng.normal(0, 0.8, size)[code[name]]
    gain += rng.normal(0, 0.6, targets * languages)[pair]
    gain += rng.normal(0, 0.5, targets * middles)[middle]
    table = pd.DataFrame({"gain": gain, "distance": distance})
    for name, size in sizes.items():
        labels = [f"{name[:2]}{i:05d}" for i in range(size)]
        table[name] = pd.Categorical.from_codes(code[name], labels)
    return table


def seconds(action: Callable[[], object], times: int = 5) -> tuple[float, float]:
    """Median seconds on the clock and of the CPU."""
    found = []
    for _ in range(times):
        start, cpu = time.perf_counter(), time.process_time()
        action()
        found.append((time.perf_counter() - start, time.process_time() - cpu))
    clock, used = np.median(found, axis=0).tolist()
    return clock, used


def statsmodels_fit(table: pd.DataFrame) -> float:
    """−2 log restricted likelihood of MixedLM on the same model."""
    from statsmodels.regression.mixed_linear_model import MixedLM

    table = table.assign(
        whole=1,
        target_language=table["target"].astype(str) + table["language"].astype(str),
        target_intermediate=table["target"].astype(str) + table["intermediate"].astype(str),
    )
    groups = [*FACTORS, "target_language", "target_intermediate"]
    with warnings.catch_warnings(), threadpool_limits(1):
        warnings.simplefilter("ignore")
        model = MixedLM.from_formula(
            "gain ~ distance",
            groups="whole",
            vc_formula={name: f"0 + C({name})" for name in groups},
            re_formula="0",
            data=table,
        )
        return -2 * float(model.fit(reml=True).llf)


R_CODE = """
suppressMessages(library(lme4)); d <- read.csv("{csv}", stringsAsFactors = TRUE)
f <- {formula}
t <- replicate(5, {{ s <- system.time(m <<- lmer(f, d)); c(s[["elapsed"]], sum(s[1:2])) }})
cat(apply(t, 1, median), format(REMLcrit(m), digits = 15), as.character(packageVersion("lme4")))
"""


def lme4_fit(table: pd.DataFrame) -> tuple[float, float, float, str] | None:
    """Seconds and CPU seconds of lmer(), its REML criterion and version; None without lme4."""
    if shutil.which("Rscript") is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        csv = Path(folder) / "table.csv"
        table.to_csv(csv, index=False)
        code = R_CODE.format(csv=csv, formula=CROSSED)
        done = subprocess.run(["Rscript", "-e", code], capture_output=True, text=True, check=False)
    if done.returncode:
        return None
    clock, used, deviance, version = done.stdout.split()
    return float(clock), float(used), float(deviance), version


def baselines(rows: int) -> None:
    table = simulate(rows, 30, 9, 5)
    model = xa.fit_mixed(CROSSED, table)
    fit = seconds(lambda: xa.fit_mixed(CROSSED, table))
    whole = seconds(lambda: xa.fit_mixed(CROSSED, table).coefficients)
    print(f"\n{rows} rows, 6 crossed groups, {levels(model)} levels; median of 5")
    print(f"{'':30s}{'seconds':>9}{'CPU':>9}  -2 log restricted likelihood")

    def line(name: str, time: tuple[float, float], deviance: float) -> None:
        print(f"  {name:28s}{time[0]:9.3f}{time[1]:9.3f}  {deviance:.6f}", flush=True)

    line("xanalysis", fit, model.deviance)
    line("xanalysis with coefficients", whole, model.deviance)
    r = lme4_fit(table)
    if r is None:
        print("  lme4: not installed, left out")
    else:
        line(f"lme4 {r[3]}", r[:2], r[2])
        print(
            f"  xanalysis / lme4: {fit[0] / r[0]:.2f}, CPU {fit[1] / r[1]:.2f} (bar: at most 0.5)"
        )
    found: list[float] = []
    other = seconds(lambda: found.append(statsmodels_fit(table)), times=1)
    line("statsmodels MixedLM (once)", other, found[0])
    ratios = [b / a for a, b in zip(fit, other, strict=True)]
    print(f"  statsmodels / xanalysis: {ratios[0]:.0f}, CPU {ratios[1]:.0f} (bar: at least 50)")


def levels(model: object) -> int:
    return sum(len(group.levels) for group in model.design.groups)  # type: ignore[attr-defined]


def one(rows: int, languages: int, targets: int, middles: int) -> None:
    """Fit once in this process, print facts as JSON."""
    xa.fit_mixed(CROSSED, simulate(1000, 10, 5, 4))  # loads the libraries
    table = simulate(rows, languages, targets, middles)
    start, cpu = time.perf_counter(), time.process_time()
    model = xa.fit_mixed(CROSSED, table)
    fitted, used = time.perf_counter(), time.process_time() - cpu
    _ = model.coefficients
    done = time.perf_counter()
    products = model.optimum.evaluation.products
    facts = {
        "rows": rows,
        "levels": levels(model),
        "fit": fitted - start,
        "cpu": used,
        "coefficients": done - fitted,
        "evaluations": model.optimum.evaluations,
        "dense": products.rest.shape[0],
        "converged": model.converged,
        "MiB": peak(),
    }
    print(json.dumps(facts))


def peak() -> float:
    """Peak memory of this process in MiB."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    # Linux hands a child its parent's ru_maxrss; VmHWM is its own.
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def growth(title: str, cases: list[tuple[int, int, int, int]]) -> None:
    print(f"\n{title}")
    print(
        f"{'rows':>9}{'levels':>8}{'dense':>7}{'fit s':>8}{'CPU s':>8}"
        f"{'+ df s':>8}{'evals':>7}{'MiB':>7}"
    )
    for case in cases:
        command = [sys.executable, __file__, "--one", *map(str, case)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        f = json.loads(done.stdout)
        flag = "" if f["converged"] else "  not converged"
        print(
            f"{f['rows']:>9}{f['levels']:>8}{f['dense']:>7}{f['fit']:>8.2f}{f['cpu']:>8.2f}"
            f"{f['coefficients']:>8.2f}{f['evaluations']:>7}{f['MiB']:>7.0f}{flag}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="small sizes only")
    parser.add_argument("--one", nargs=4, type=int, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        one(*args.one)
        return
    print(f"{os.cpu_count()} cores; numpy {np.__version__}, pandas {pd.__version__}")
    baselines(1000 if args.quick else 5000)
    rows = [1_000, 10_000] if args.quick else [1_000, 10_000, 100_000, 1_000_000]
    growth("Growth with rows", [(n, 30, 9, 5) for n in rows])
    sizes = [(10, 5, 4), (60, 12, 10), (200, 40, 25)]
    growth(
        "Growth with levels",
        [(10_000 if args.quick else 200_000, *size) for size in sizes],
    )
    if not args.quick:
        growth("A million rows, ten thousand levels (bar: 10 s)", [(1_000_000, 200, 40, 25)])


if __name__ == "__main__":
    main()
