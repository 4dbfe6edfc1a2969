"""What a recipe cannot ask for: unknown names and combinations that make no sense."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from xanalysis.errors import InputError, unknown_name
from xanalysis.results import BASELINE
from xanalysis.runner import models, profiles
from xanalysis.runner.recipe import Setup, test_languages
from xanalysis.tasks.catalogue import TASKS
from xanalysis.tasks.task import Task

# Where in the recipe, and what is wrong there.
Problem = tuple[tuple[str | int, ...], InputError]


def problems(setup: Setup) -> Iterator[Problem]:
    """Everything that is wrong with a setup, first things first."""
    found = list(_names(setup))
    yield from found
    if not found:
        yield from _languages(setup)
        yield from _combinations(setup)


def _names(setup: Setup) -> Iterator[Problem]:
    for i, name in enumerate(setup.targets):
        if name not in TASKS:
            yield ("targets", i), unknown_name("target task", name, _with_role("target"))
        elif "target" not in TASKS[name].roles:
            yield ("targets", i), _role_error(name, "target")
    for i, (entry, mixture) in enumerate(zip(setup.intermediates, setup.mixtures(), strict=True)):
        if mixture.name == BASELINE:
            yield (
                ("intermediates", i),
                InputError(f"'{BASELINE}' is the baseline", expected="baseline: true"),
            )
            continue
        for j, name in enumerate(mixture.tasks):
            inside = () if isinstance(entry, str) else ("tasks", j)
            place: tuple[str | int, ...] = ("intermediates", i, *inside)
            if name not in TASKS:
                known = _with_role("intermediate")
                yield place, unknown_name("intermediate task", name, known)
            elif "intermediate" not in TASKS[name].roles:
                yield place, _role_error(name, "intermediate")
        if not isinstance(entry, str) and entry.name in TASKS:
            yield (
                ("intermediates", i, "name"),
                InputError(f"a mixture cannot have the name of the task '{entry.name}'"),
            )
        yield from _twice(("intermediates", i, "tasks"), mixture.tasks)
    yield from _twice(("intermediates",), [mixture.name for mixture in setup.mixtures()])
    yield from _twice(("targets",), setup.targets)
    yield from _twice(("seeds",), [str(seed) for seed in setup.seeds])
    trained = {name for mixture in setup.mixtures() for name in mixture.tasks} | set(setup.targets)
    searching = [
        name for name in setup.targets if name in TASKS and TASKS[name].kind == "retrieval"
    ]
    for field, names in (("limits", setup.targets), ("candidates", searching)):
        for name in getattr(setup.evaluate, field):
            if name not in names:
                kind = "retrieval target" if name in setup.targets else "target"
                yield ("evaluate", field, name), unknown_name(kind, name, names)
    yield from _trained_on(setup)
    for name in setup.per_task:
        if name not in trained:
            yield ("per_task", name), unknown_name("task of this recipe", name, trained)


def _trained_on(setup: Setup) -> Iterator[Problem]:
    for name, sequence in setup.train_on.items():
        if name not in setup.targets:
            yield ("train_on", name), unknown_name("target", name, setup.targets)
            continue
        target = TASKS[name]
        like = [other for other, task in TASKS.items() if _same_head(task, target)]
        for i, trained in enumerate(sequence):
            if trained not in TASKS:
                yield ("train_on", name, i), unknown_name("task", trained, like)
            elif trained not in like:
                yield (
                    ("train_on", name, i),
                    InputError(
                        f"'{trained}' trains another head than '{name}' needs",
                        expected="one of " + ", ".join(like) if like else None,
                    ),
                )


def _same_head(task: Task, target: Task) -> bool:
    own = task.train == task.name  # it has training data
    return own and task.kind == target.kind and task.labels == target.labels


def _languages(setup: Setup) -> Iterator[Problem]:
    have = {language for name in setup.targets for language in TASKS[name].languages}
    for i, language in enumerate(setup.languages or ()):
        if language not in have:
            yield ("languages", i), unknown_name("test language", language, have)
    yield from _twice(("languages",), setup.languages or ())
    for i, name in enumerate(setup.targets):
        if not test_languages(setup, TASKS[name]):
            yield (
                ("targets", i),
                InputError(
                    f"target '{name}' has none of the recipe's languages",
                    expected="one of " + ", ".join(TASKS[name].languages[:12]),
                ),
            )
    asked = [(("intermediate_languages",), setup.intermediate_languages)]
    if setup.mlm is not None:
        asked.append((("mlm", "languages"), setup.mlm.languages))  # type: ignore[arg-type]
    for place, languages in asked:
        yield from _twice(place, languages)
        for i, language in enumerate(languages):
            if not _known_language(language):
                yield (*place, i), unknown_name("language", language, have)


def _combinations(setup: Setup) -> Iterator[Problem]:
    trained = [name for name in setup.targets if TASKS[name].train is not None]
    if not setup.baseline and not setup.intermediates:
        yield ("baseline",), InputError("nothing to run: no baseline and no intermediate tasks")
    if setup.translated and set(setup.intermediate_languages) == {"en"}:
        yield (
            ("translated",),
            InputError(
                "translated data in English are the originals",
                expected="intermediate_languages other than en",
            ),
        )
    for name in ("mlm", "intermediate_size", "translated"):
        if getattr(setup, name) and not setup.intermediates:
            yield (name,), InputError(f"'{name}' needs intermediate tasks")
    stacked = setup.adapter is not None and setup.adapter.method == "language_task"
    if stacked and setup.mlm is not None:
        yield (
            ("mlm",),
            InputError("language adapters are trained by masked language modelling already"),
        )
    if stacked and len(setup.intermediate_languages) > 1:
        yield (
            ("intermediate_languages",),
            InputError("one language adapter is active at a time", expected="one language"),
        )
    if setup.mlm is not None and setup.mlm.probability == 1:
        yield (
            ("mlm", "probability"),
            InputError("no step is left for the intermediate task", expected="less than 1"),
        )
    if setup.few_shot is not None:
        yield from _few_shot(setup, trained)
    if setup.target_size is not None and not trained:
        yield ("target_size",), InputError("none of the targets is trained")
    shape = models.SHAPES.get(setup.model.name)
    if shape is not None and (setup.model.layers or 0) > shape["layers"]:
        yield (
            ("model", "layers"),
            InputError(
                f"{setup.model.name} has {shape['layers']} layers, not {setup.model.layers}"
            ),
        )
    for part in ("train", "intermediate_train", "target_train", "evaluate"):
        length = getattr(setup, part).max_length
        if length is not None and shape is not None and length > 512:
            yield (
                (part, "max_length"),
                InputError(f"{setup.model.name} reads 512 tokens at most, not {length}"),
            )


def _few_shot(setup: Setup, trained: Sequence[str]) -> Iterator[Problem]:
    if not trained:
        yield ("few_shot",), InputError("none of the targets is trained")
    if setup.few_shot_split == setup.split:
        yield (
            ("few_shot_split",),
            InputError(f"the few shots would come from the evaluated split '{setup.split}'"),
        )
    for name in trained:
        if setup.few_shot_split == "dev" and _selects(setup, name):
            yield (
                ("few_shot_split",),
                InputError(
                    f"the few shots of '{name}' would come from the dev examples that select its "
                    "checkpoint",
                    expected="few_shot_split: train, or target_train with select: last",
                ),
            )
        if TASKS[name].train != name:
            yield (
                ("few_shot",),
                InputError(
                    f"target '{name}' is trained on '{TASKS[name].train}', which has no examples "
                    "in its test languages",
                    expected="targets with training data of their own",
                ),
            )


def _selects(setup: Setup, target: str) -> bool:
    """Whether dev examples choose a target's checkpoint."""
    try:
        found = profiles.of(setup, "target", TASKS[target], (target,))
    except InputError:  # no hyper-parameters: the plan says so
        return False
    return found.get("select") == "best"


def _twice(place: tuple[str | int, ...], names: Sequence[str]) -> Iterator[Problem]:
    for name, times in Counter(names).items():
        if times > 1:
            yield (*place, list(names).index(name)), InputError(f"'{name}' stands twice")


def _with_role(role: str) -> list[str]:
    return [name for name in TASKS if role in TASKS[name].roles]


def _role_error(name: str, role: str) -> InputError:
    roles = " or ".join(TASKS[name].roles)
    return InputError(f"task '{name}' cannot be {role} task", expected=f"it as {roles} task")


def _known_language(code: str) -> bool:
    from xanalysis.languages import lookup

    try:
        lookup(code)
    except (InputError, KeyError):
        return False
    return True
