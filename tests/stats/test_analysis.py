from __future__ import annotations

from xanalysis.results.simulate import simulate_grid
from xanalysis.stats.analysis import analyse

LANGUAGES = ("en", "de", "fr", "ru", "fi", "hu", "et", "ar", "he", "tr", "kk")


def test_a_family_without_a_type_of_task_leaves_the_additive_model() -> None:
    grid = simulate_grid(
        effects={"mnli": 2.0, "ccg": 1.0}, targets=["xnli", "xquad"], languages=LANGUAGES, seeds=2
    )
    whole = analyse(grid)
    assert "family x task type" in set(whole.terms["term"])
    gone = (grid["target"] == "xquad") & grid["language"].isin(["tr", "kk"])
    part = analyse(grid[~gone])
    assert set(part.terms["term"]) >= {"family", "task type"}
    assert "family x task type" not in set(part.terms["term"])
    assert any("group * task_type" in note for note in part.notes)
    assert "Turkic" in set(part.family_means["family"])
