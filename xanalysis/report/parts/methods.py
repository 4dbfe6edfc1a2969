"""Methods: what was computed, how, with what, and whom to cite."""

from __future__ import annotations

from importlib.metadata import version

from xanalysis.report.document import Section
from xanalysis.report.material import Material

_PACKAGES = (
    "xanalysis",
    "numpy",
    "scipy",
    "pandas",
    "altair",
    "vl-convert-python",
    "typst",
)


def part(material: Material) -> Section:
    """The section."""
    section = Section("methods", "Methods")
    section.items += [
        "Gains. A gain is a score minus the score of the baseline without an intermediate "
        "task, of the same study, model, target task, language, metric and (where it was run) "
        "seed, in points of the 0\u2013100 scale. All gains of one target and language share one "
        "baseline, so they are correlated; tests therefore count languages, not scores. "
        "Intermediate-task training follows Phang et al. (2020) [phang2020].",
        "The grid. A cell is the mean of the languages' gains, seeds averaged first. Its 95 % "
        "interval holds for further languages and, where settings were run with several seeds, "
        "for further runs (two crossed random factors by the method of moments, Satterthwaite's "
        "degrees of freedom). Stars mark cells that differ from zero after Holm's adjustment "
        "[holm1979] over the whole grid.",
        "Families. Each language counts once, with its least-squares mean over target and "
        "intermediate tasks; families are compared by F tests, by permutation of whole "
        "languages, and in pairs with simultaneous (Tukey\u2013Kramer) intervals. Means carry "
        "the error of runs, contrasts between languages are free of it. The training "
        "language is left out. Families with one language are pooled. In how many languages a "
        "gain holds follows Dror et al. (2017) [dror2017].",
        "Explanations. Linear mixed models of language means with a random intercept per "
        "family, by restricted maximum likelihood (the profiled deviance of Bates et al. 2015 "
        "[bates2015]) and Satterthwaite's degrees of freedom. Distances are URIEL's "
        "[littell2017]; corpus sizes are those of CC-100 [conneau2020].",
        "Meta-analysis. Random-effects model of the mean gains of intermediate on target "
        "tasks, each weighted by its standard error over languages and runs, nested in training "
        "runs and targets where there are several, with small-sample corrected (Knapp\u2013Hartung "
        "[knapp2003] or CR2 cluster-robust) tests and a prediction interval.",
        "Claims. A verdict has two axes: whether the printed digits follow from the evidence "
        "(within half of the last printed digit), and what the evidence lets one conclude. A "
        "result that is not significant is not a refutation.",
        "Software. " + ", ".join(f"{name} {version(name)}" for name in _PACKAGES) + ".",
    ]
    return section
