"""Simulated grids with known truth, for tests, benchmarks and operating characteristics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from xanalysis.results.schema import BASELINE, conform

_TYPES = {
    "xnli": "classification",
    "pawsx": "classification",
    "udpos": "structured_prediction",
    "panx": "structured_prediction",
    "xquad": "question_answering",
    "mlqa": "question_answering",
    "tydiqa": "question_answering",
    "bucc2018": "retrieval",
    "tatoeba": "retrieval",
}
LANGUAGES = (
    "en",
    "de",
    "nl",
    "fr",
    "es",
    "ru",
    "el",
    "hi",
    "ur",
    "fa",
    "fi",
    "hu",
    "et",
    "tr",
    "kk",
    "ar",
    "he",
    "zh",
    "ja",
    "ko",
    "th",
    "vi",
    "id",
    "tl",
    "jv",
    "ta",
    "te",
    "ka",
    "eu",
    "sw",
    "yo",
)


def simulate_grid(
    *,
    effects: Mapping[str, float] | None = None,
    targets: Sequence[str] = tuple(_TYPES),
    languages: Sequence[str] = LANGUAGES,
    seeds: int = 3,
    sd: Mapping[str, float] | None = None,
    n_examples: int = 1000,
    random_state: int = 0,
    study: str = "simulated",
) -> pd.DataFrame:
    """A tidy results table whose gains are known.

    Args:
        effects: Mean gain per intermediate task, in points; the baseline is added.
        targets: Target tasks, of XTREME.
        languages: Canonical codes; every target has all of them.
        seeds: Seeds per cell.
        sd: Standard deviations, in points, of the random parts: ``language``, ``target`` (scores),
            ``cell`` (score of a target in a language), ``gain_language``, ``gain_target`` (gain of
            an intermediate by language / target), ``run`` (a fine-tuned model's luck, in all
            languages alike; 0 unless given) and ``seed`` (noise of each score of a run).
        n_examples: Test examples per score.
        random_state: Seed of the generator.
        study: Name of the study.

    Returns:
        A table as in :mod:`xanalysis.results.schema`.
    """
    effects = {"mnli": 2.0, "squad_v1": 3.0, "ccg": -1.0} if effects is None else effects
    parts = {
        "language": 6.0,
        "target": 6.0,
        "cell": 3.0,
        "gain_language": 0.5,
        "gain_target": 1.0,
        "run": 0.0,
        "seed": 0.8,
    }
    parts.update(sd or {})
    rng = np.random.default_rng(random_state)
    language = dict(zip(languages, rng.normal(0, parts["language"], len(languages)), strict=True))
    target = dict(zip(targets, rng.normal(0, parts["target"], len(targets)), strict=True))
    rows = []
    cell = {(t, g): rng.normal(0, parts["cell"]) for t in targets for g in languages}
    for name, effect in {BASELINE: 0.0, **effects}.items():
        by_language = {g: rng.normal(0, parts["gain_language"]) for g in languages}
        by_target = {t: rng.normal(0, parts["gain_target"]) for t in targets}
        for t in targets:
            luck = rng.normal(0, parts["run"], seeds) if parts["run"] else np.zeros(seeds)
            for g in languages:
                gain = 0.0 if name == BASELINE else effect + by_language[g] + by_target[t]
                for seed in range(seeds):
                    score = 60 + language[g] + target[t] + cell[t, g] + gain
                    score += luck[seed] + rng.normal(0, parts["seed"])
                    rows.append((name, t, _TYPES.get(t, "unknown"), g, seed, score))
    frame = pd.DataFrame(
        rows, columns=["intermediate", "target", "task_type", "language", "seed", "score"]
    )
    frame["score"] = frame["score"].clip(0.0, 100.0)
    frame["n_examples"] = n_examples
    p = frame["score"] / 100
    frame["se"] = 100 * np.sqrt((p * (1 - p)).clip(lower=1e-4) / n_examples)
    frame["se_source"] = "binomial"
    frame["study"], frame["model"], frame["metric"] = study, "simulated", "accuracy"
    frame["source"] = f"simulate_grid(random_state={random_state})"
    return conform(frame, study)
