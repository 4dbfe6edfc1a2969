"""The record of one task."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

KindName = Literal[
    "pair_classification", "tagging", "extractive_qa", "multiple_choice", "retrieval", "mlm"
]
TaskType = Literal[
    "classification",
    "structured_prediction",
    "question_answering",
    "retrieval",
    "multiple_choice",
    "language_modelling",
]
Role = Literal["intermediate", "target"]


class Task(BaseModel):
    """One task of the catalogue: frozen facts, no behaviour.

    Attributes:
        name: Identifier used in recipes, results and claims ("xnli", "cldr-tagging").
        title: As a paper would write it ("XNLI").
        kind: How it is encoded, decoded and scored; a name in ``xanalysis.tasks.kinds``.
        task_type: The benchmark's group, a factor of the analysis.
        roles: What the task can be in a grid.
        metric: Name of the official metric in ``xanalysis.tasks.metrics``.
        labels: Label names in order of their ids; empty where the kind has none, or where they are
            those of the training data (``xanalysis.tasks.data.labelled``).
        languages: Canonical codes (see ``xanalysis.languages``) with test data.
        train: Name of the task whose training split trains this one (its own name, usually);
            None where there is no training, as for sentence retrieval.
        then: Tasks it is trained on after that, one after another, each from the head before it.
        chance: Expected score of guessing (0-100), as a floor to read scores against.
        splits: Split names that exist officially.
        hub: Hub repository, or None where only files exist.
        revision: Pinned commit or Parquet revision of ``hub``.
        layout: Name of the original file layout, a name in ``xanalysis.tasks.sources.files``.
        licence: The data's own licence as its publisher states it.
        citation: BibTeX key in ``xanalysis/tasks/citations.bib``.
        test_sizes: Number of test examples per language, where official; gives a standard
            error to published numbers.
        note: What a user must know before quoting a result.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    title: str
    kind: KindName
    task_type: TaskType
    roles: tuple[Role, ...]
    metric: str
    labels: tuple[str, ...] = ()
    languages: tuple[str, ...] = ("en",)
    train: str | None = None
    then: tuple[str, ...] = ()
    chance: float = 0.0
    splits: tuple[str, ...] = ("train", "dev", "test")
    hub: str | None = None
    revision: str | None = None
    layout: str | None = None
    licence: str = "unknown"
    citation: str | None = None
    test_sizes: dict[str, int] = {}
    note: str = ""

    @property
    def sequence(self) -> tuple[str, ...]:
        """The tasks that train this one, in order; empty where there is no training."""
        return () if self.train is None else (self.train, *self.then)
