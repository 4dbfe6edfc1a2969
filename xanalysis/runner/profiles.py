"""Named hyper-parameters.

``jiant`` are those of the code the paper's authors published for replication
(nyu-mll/jiant@daa5a25), ``xtreme`` those of the benchmark's own scripts
(google-research/xtreme@838c13b), ``quick`` small ones for a first look on a laptop.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from xanalysis.errors import InputError
from xanalysis.tasks.task import Task

if TYPE_CHECKING:
    from xanalysis.runner.recipe import Setup

StageKind = Literal["intermediate", "target"]

_JIANT: dict[str, Any] = {
    "learning_rate": 1e-5,
    "adam_epsilon": 1e-8,
    "weight_decay": 0.01,
    "warmup": 0.1,
    "clip": 1.0,
    "select": "best",
    "dev_examples": 500,
    "evaluate_every": 1000,
    "patience": 30,
    "reseed": 1,
}
_JIANT_INTERMEDIATE: dict[str, Any] = {"epochs": 3, "batch_size": 32, "max_length": 256}
_JIANT_TARGET: dict[str, dict[str, Any]] = {
    "xnli": {"epochs": 2, "batch_size": 32, "max_length": 256},
    "pawsx": {"epochs": 5, "batch_size": 32, "max_length": 256},
    "udpos": {"epochs": 10, "batch_size": 32, "max_length": 256},
    "panx": {"epochs": 10, "batch_size": 32, "max_length": 256},
    "xquad": {"epochs": 2, "batch_size": 16, "max_length": 384},
    "mlqa": {"epochs": 2, "batch_size": 16, "max_length": 384},
    "tydiqa": {"epochs": 2, "batch_size": 16, "max_length": 384},
}

_XTREME: dict[str, Any] = {
    "adam_epsilon": 1e-8,
    "weight_decay": 0.0,
    "warmup": 0.0,
    "clip": 1.0,
    "select": "best",
    "batch_size": 32,
    "reseed": 0,
}
_XTREME_QA: dict[str, Any] = {
    "epochs": 3,
    "max_length": 384,
    "learning_rate": 3e-5,
    "weight_decay": 1e-4,
    "warmup": 500,
    "select": "last",
}
_XTREME_TARGET: dict[str, dict[str, Any]] = {
    "xnli": {"epochs": 5, "max_length": 128, "learning_rate": 3e-5},
    "pawsx": {"epochs": 5, "max_length": 128, "learning_rate": 2e-5},
    "udpos": {"epochs": 10, "max_length": 128, "learning_rate": 2e-5},
    "panx": {"epochs": 10, "max_length": 128, "learning_rate": 2e-5},
    "xquad": _XTREME_QA,
    "mlqa": _XTREME_QA,
    "tydiqa": _XTREME_QA,
    "xcopa": {"epochs": 5, "max_length": 128, "learning_rate": 3e-5},
    "lareqa": {"epochs": 3, "batch_size": 16, "max_length": 352, "learning_rate": 2e-5},
    "mewslix": {"epochs": 2, "max_length": 64, "learning_rate": 1e-5},
}

_QUICK: dict[str, Any] = {
    "max_steps": 100,
    "batch_size": 16,
    "max_length": 128,
    "learning_rate": 1e-4,
    "warmup": 0.1,
    "select": "last",
}

# Sequence length of an evaluation where the target is not trained (sentence retrieval).
_RETRIEVAL_LENGTH = 512


def training(profile: str, stage: StageKind, task: Task) -> dict[str, Any]:
    """Hyper-parameters (fields of ``TrainSpec``) of one training.

    Args:
        profile: ``jiant``, ``xtreme`` or ``quick``.
        stage: Whether the task is trained as intermediate or as target.
        task: The intermediate task, or the target task (whose training data may be another's).

    Raises:
        InputError: The profile's source has no such training.
    """
    if profile == "quick":
        return dict(_QUICK)
    if profile == "jiant":
        if stage == "intermediate":
            return _JIANT | _JIANT_INTERMEDIATE
        return _JIANT | _row(_JIANT_TARGET, profile, task)
    if stage == "intermediate":
        raise InputError(
            "profile 'xtreme' has no intermediate training",
            expected="profile jiant or quick, or intermediate_train with epochs or max_steps",
        )
    return _XTREME | _row(_XTREME_TARGET, profile, task)


def of(setup: Setup, stage: StageKind, task: Task, names: Sequence[str]) -> dict[str, Any]:
    """Hyper-parameters of one training of a setup: its profile's, and what it says otherwise.

    Args:
        setup: ``train`` goes over the profile, the stage's own over that, then ``per_task``.
        stage: As for ``training``.
        task: As for ``training``.
        names: The names in ``per_task`` that count.

    Raises:
        InputError: Neither the profile nor the setup says how long to train.
    """
    own = setup.intermediate_train if stage == "intermediate" else setup.target_train
    layers = [setup.train, own, *(setup.per_task.get(name) for name in names)]
    given: dict[str, Any] = {}
    for layer in layers:
        if layer is not None:
            given |= layer.model_dump(exclude_none=True)
    try:
        base = training(setup.profile, stage, task)
    except InputError:
        if not has_length(given):
            raise
        base = common(setup.profile)
    if has_length(given):
        base = {k: v for k, v in base.items() if k not in ("epochs", "max_steps")}
    return base | given


def _row(table: Mapping[str, dict[str, Any]], profile: str, task: Task) -> dict[str, Any]:
    if task.name in table:
        return table[task.name]
    # Names of other recipes' targets: the row of a target of the same kind would be a guess.
    raise InputError(
        f"profile '{profile}' has no hyper-parameters for target '{task.name}'",
        expected=f"one of {', '.join(table)}, or per_task with epochs or max_steps for it",
    )


def common(profile: str) -> dict[str, Any]:
    """What all trainings of a profile have in common."""
    return dict({"jiant": _JIANT, "xtreme": _XTREME, "quick": _QUICK}[profile])


def adapting(profile: str) -> dict[str, Any]:
    """Hyper-parameters of a language adapter's masked-language-model training.

    The rate is the one MAD-X trains adapters with (Pfeiffer et al. 2020, arXiv:2005.00052).
    """
    return {
        "learning_rate": 1e-4,
        "batch_size": 16 if profile == "quick" else 64,
        "max_length": 128 if profile == "quick" else 256,
    }


def has_length(values: Mapping[str, Any]) -> bool:
    """Whether hyper-parameters say how long to train."""
    return values.get("epochs") is not None or values.get("max_steps") is not None


def untrained_length(profile: str) -> int:
    """Tokens per sequence in the evaluation of a target without training (sentence retrieval)."""
    return int(_QUICK["max_length"]) if profile == "quick" else _RETRIEVAL_LENGTH
