"""Score a submission to XTREME: prediction files against gold files, in the benchmark's layout.

``FOLDER/<task>/test-<language>.tsv`` holds a label per line (a blank line ends a sentence, for
tagging), an index per line (Tatoeba) or a pair of ids per line (BUCC);
``FOLDER/<task>/test-<language>.json`` holds answers by question id, or ranked ids by query
(Mewsli-X). Gold files of question answering are SQuAD JSON.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, cast

from xanalysis.errors import InputError
from xanalysis.tasks.catalogue import TASKS
from xanalysis.tasks.examples import Example
from xanalysis.tasks.metrics import METRICS
from xanalysis.tasks.sources.layouts.base import label
from xanalysis.tasks.task import Task

# The average of XTREME is over these nine, each counting once (evaluate.py of the benchmark).
NINE = ("xnli", "pawsx", "udpos", "panx", "xquad", "mlqa", "tydiqa", "bucc2018", "tatoeba")
GROUPS: dict[str, tuple[str, ...]] = {
    "sentence_pair": ("xnli", "pawsx"),
    "structured_prediction": ("udpos", "panx"),
    "question_answering": ("xquad", "mlqa", "tydiqa"),
    "sentence_retrieval": ("bucc2018", "tatoeba"),
}
Scored = tuple[list[dict[str, Any]], list[Example]]


def score_submission(predictions: str | Path, gold: str | Path) -> dict[str, Any]:
    """Scores of every task that has predictions and gold.

    Args:
        predictions: Folder of a submission.
        gold: Folder of gold files in the same layout.

    Returns:
        ``{task: {metric: mean over the benchmark's languages, "languages": {language: {metric:
        value}}, "missing": [languages without predictions]}, ..., "groups": {group: mean over its
        tasks}, "average": mean over the nine tasks}``. ``groups`` and ``average`` hold only what
        is complete: every task, and every language of each. Languages that the benchmark's task
        does not have are scored, but belong to no mean.

    Raises:
        InputError: A file is malformed, or predictions and gold do not belong together.
    """
    folder, gold_folder = Path(predictions), Path(gold)
    for place in (folder, gold_folder):
        if not place.is_dir():
            raise InputError("no such folder", file=place)
    result: dict[str, Any] = {}
    for name in (*NINE, "mewslix"):
        if (folder / name).is_dir():
            result[name] = _score_task(TASKS[name], folder / name, gold_folder / name)
    if not result:
        raise InputError(
            "no task folder of the benchmark", file=folder, expected="one of " + ", ".join(NINE)
        )
    main = {
        name: next(iter(entry.values())) for name, entry in result.items() if not entry["missing"]
    }
    result["groups"] = {
        group: _mean(main[name] for name in names)
        for group, names in GROUPS.items()
        if all(name in main for name in names)
    }
    if all(name in main for name in NINE):
        result["average"] = _mean(main[name] for name in NINE)
    return result


def _score_task(task: Task, predictions: Path, gold: Path) -> dict[str, Any]:
    languages: dict[str, dict[str, float]] = {}
    for file in sorted(predictions.glob("test-*")):
        language = file.stem.removeprefix("test-")
        truth = gold / file.name
        if not truth.is_file():
            raise InputError("no gold file for these predictions", file=file, expected=str(truth))
        guesses, examples = _READERS[task.name](file, truth, task)
        languages[language] = METRICS[task.metric](guesses, examples, task, language)
    if not languages:
        raise InputError("no prediction file", file=predictions, expected="test-LANGUAGE.tsv|json")
    official = [language for language in task.languages if language in languages]
    counted = official or list(languages)
    entry: dict[str, Any] = {
        name: _mean(languages[language][name] for language in counted)
        for name in languages[counted[0]]
    }
    entry["languages"] = languages
    entry["missing"] = [code for code in task.languages if code not in languages]
    return entry


def _mean(values: Iterable[float]) -> float:
    numbers = list(values)
    return sum(numbers) / len(numbers)


def _labels(predictions: Path, gold: Path, task: Task) -> Scored:
    guess, truth = _lines(predictions), _lines(gold)
    _same_number(predictions, len(guess), len(truth), "labels")
    for file, found in ((predictions, guess), (gold, truth)):
        _known(found, task, file)
    examples = [
        {"id": str(i), "text_a": "", "text_b": None, "label": label}
        for i, (_, label) in enumerate(truth)
    ]
    return _numbered(label for _, label in guess), cast(list[Example], examples)


def _known(found: Iterable[tuple[int, str]], task: Task, file: Path) -> None:
    for line, text in found:
        label(text, task, file, line)


def _tags(predictions: Path, gold: Path, task: Task) -> Scored:
    guess, truth = _sentences(predictions), _sentences(gold)
    for file, found in ((predictions, guess), (gold, truth)):
        _known(((line + i, t) for line, tags in found for i, t in enumerate(tags)), task, file)
    _same_number(predictions, len(guess), len(truth), "sentences")
    for (line, tags), (_, true) in zip(guess, truth, strict=True):
        if len(tags) != len(true):
            raise InputError(
                f"sentence has {len(tags)} tags",
                file=predictions,
                line=line,
                expected=f"{len(true)}, as in {gold}",
            )
    examples = [{"id": str(i), "tokens": tags, "tags": tags} for i, (_, tags) in enumerate(truth)]
    return _numbered([tags for _, tags in guess]), cast(list[Example], examples)


def _answers(predictions: Path, gold: Path, task: Task) -> Scored:
    guess = _object(predictions, str, "a text")
    examples: list[dict[str, Any]] = []
    try:
        for article in _object(gold, object, "")["data"]:
            for paragraph in article["paragraphs"]:
                for question in paragraph["qas"]:
                    answers = question["answers"]
                    examples.append(
                        {
                            "id": question["id"],
                            "question": question["question"],
                            "context": paragraph["context"],
                            "answers": [answer["text"] for answer in answers],
                            "answer_starts": [answer["answer_start"] for answer in answers],
                        }
                    )
    except (AttributeError, KeyError, TypeError) as error:
        raise InputError(
            f"not SQuAD JSON: {error!r}", file=gold, expected="data/paragraphs/qas/answers"
        ) from None
    # A question without a prediction is a wrong one, as in the benchmark's script.
    guesses = [{"id": e["id"], "prediction": guess.get(e["id"], "")} for e in examples]
    return guesses, cast(list[Example], examples)


def _ranked(predictions: Path, gold: Path, task: Task) -> Scored:
    guess, truth = (_object(file, list, "a list of ids") for file in (predictions, gold))
    examples = [
        {"id": name, "text": "", "side": "query", "gold": list(right)}
        for name, right in truth.items()
    ]
    guesses = [{"id": name, "prediction": guess.get(name, [])} for name in truth]
    return guesses, cast(list[Example], examples)


def _nearest(predictions: Path, gold: Path, task: Task) -> Scored:
    guess, truth = ([text for _, text in _lines(file)] for file in (predictions, gold))
    _same_number(predictions, len(guess), len(truth), "indices")
    examples = [
        {"id": str(i), "text": "", "side": "query", "gold": [right]}
        for i, right in enumerate(truth)
    ]
    return _numbered([[index] for index in guess]), cast(list[Example], examples)


def _pairs(predictions: Path, gold: Path, task: Task) -> Scored:
    guess, truth = _two_columns(predictions), _two_columns(gold)
    mined: dict[str, list[str]] = {}
    for left, right in guess:
        mined.setdefault(left, []).append(right)
    right_ones: dict[str, list[str]] = {}
    for left, right in truth:
        right_ones.setdefault(left, []).append(right)
    # A pair is the unit here: a sentence mined twice or with two gold partners is two queries.
    examples: list[dict[str, Any]] = []
    guesses: list[dict[str, Any]] = []
    for left in dict.fromkeys([*right_ones, *mined]):
        golds, found = right_ones.get(left, []), mined.get(left, [])
        agreed = [name for name in found if name in golds]
        others = [name for name in found if name not in golds]
        lacking = [name for name in golds if name not in agreed]
        rows: list[tuple[str | None, str | None]] = [(name, name) for name in agreed]
        rows += [(name, None) for name in others]
        rows += [(None, name) for name in lacking]
        for i, (prediction, answer) in enumerate(rows):
            name = f"{left}#{i}"
            gold_ids = [] if answer is None else [answer]
            examples.append({"id": name, "text": "", "side": "query", "gold": gold_ids})
            guesses.append({"id": name, "prediction": None if prediction is None else [prediction]})
    return guesses, cast(list[Example], examples)


_READERS: Mapping[str, Callable[[Path, Path, Task], Scored]] = {
    "xnli": _labels,
    "pawsx": _labels,
    "udpos": _tags,
    "panx": _tags,
    "xquad": _answers,
    "mlqa": _answers,
    "tydiqa": _answers,
    "bucc2018": _pairs,
    "tatoeba": _nearest,
    "mewslix": _ranked,
}


def _numbered(values: Iterable[Any]) -> list[dict[str, Any]]:
    return [{"id": str(i), "prediction": value} for i, value in enumerate(values)]


def _same_number(file: Path, guessed: int, true: int, what: str) -> None:
    if guessed != true:
        raise InputError(f"{guessed} {what}", file=file, expected=f"{true}, as in the gold file")


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"not UTF-8 at byte {error.start}", file=file) from None


def _lines(file: Path) -> list[tuple[int, str]]:
    """Lines that are not blank, with their numbers."""
    lines = enumerate(_text(file).splitlines(), start=1)
    return [(number, line.strip()) for number, line in lines if line.strip()]


def _sentences(file: Path) -> list[tuple[int, list[str]]]:
    found: list[tuple[int, list[str]]] = []
    tags: list[str] = []
    for number, line in enumerate([*_text(file).splitlines(), ""], start=1):
        if line.strip():
            tags.append(line.split("\t")[-1].strip())
        elif tags:
            found.append((number - len(tags), tags))
            tags = []
    return found


def _two_columns(file: Path) -> list[tuple[str, str]]:
    pairs = []
    for number, line in enumerate(_text(file).splitlines(), start=1):
        if not line.strip():
            continue
        cells = line.strip().split("\t")
        if len(cells) != 2:
            raise InputError(
                f"line has {len(cells)} columns", file=file, line=number, expected="two ids"
            )
        pairs.append((cells[0], cells[1]))
    return list(dict.fromkeys(pairs))


def _object(file: Path, kind: type, what: str) -> dict[str, Any]:
    """A JSON object whose values are all of a kind."""
    try:
        content = json.loads(_text(file))
    except RecursionError:
        raise InputError("nested too deeply", file=file) from None
    except json.JSONDecodeError as error:
        raise InputError(
            f"not valid JSON: {error.msg}", file=file, line=error.lineno, column=error.colno
        ) from None
    if not isinstance(content, dict):
        raise InputError("not a JSON object", file=file, expected="{id: prediction}")
    for name, value in content.items():
        if not isinstance(value, kind):
            raise InputError(f"'{name}' has {str(value)[:40]!r}", file=file, expected=what)
    return content
