"""Write docs/tasks.md from the catalogue.

Run as ``python -m xanalysis.tasks.document`` after a change of the catalogue, and with
``--data FOLDER`` to note down anew which real files have been read (``docs/tasks_tried.csv``).
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from xanalysis.tasks.catalogue import GROUPS, TASKS, group
from xanalysis.tasks.data import Data
from xanalysis.tasks.score import NINE
from xanalysis.tasks.task import Task

TRIED = ("task", "split", "languages", "examples")
_HEAD = """\
# Tasks

Written from the catalogue by `python -m xanalysis.tasks.document`; do not edit.

One record per task in `xanalysis/tasks/catalogue/`. `xanalysis tasks` lists them with what is at
hand, `xanalysis tasks NAME` says how to get what is not. Citations are in
`xanalysis/tasks/citations.bib`.

- **Train** is the task whose English training split trains this one.
- **Golden**: the official script's scores on the benchmark's own mock data are reproduced to 1e-9
  (`tests/tasks/test_golden_scores.py`). A dash: there is no official mock data to compare with; the
  metric is tested against its definition.
- **Files tried**: languages and examples of original files that the tests have read. They were cut
  where large and are not part of this repository.
- **Hub**: pinned commits, or the hub's Parquet branch where we know no commit, which moves with the
  data set. Reading from the hub is tested on local folders in its layout, not over the network.

What the figures rest on:

- UD-POS and PAN-X are scored as the benchmark scores them, with chunk F1 by the rules of seqeval
  0.0.12; tag accuracy stands beside it. CoNLL-U files give syntactic words, XTREME's own files the
  fused forms: scores on the two are not comparable.
- XQuAD and TyDiQA-GoldP use the English SQuAD normalisation in every language, MLQA that of its
  language. The score of a question-answering task is the mean of F1 and exact match.
- The average of XTREME is over its nine tasks, each the mean over its languages. It is given only
  for complete submissions. XTREME-R's total is not: LAReQA has no official scorer.
- XTREME's download script removes the labels of the test sets and sorts Tatoeba's English side.
  Such files are read, and refused when they are to be scored.
- Cells with quotation marks that a CSV writer has quoted (XTREME's TSV files, SIB-200, TaxiNLI) are
  read without its marks. XTREME's own reader leaves them in: 9 of the 2,000 rows of PAWS-X's German
  dev set.
- TyDiQA-GoldP is tested on its official dev set. Where only dev files are at hand, a recipe reads
  them as test by `splits`, by rows for data parallel over languages:
  `splits: {pawsx: {train: "dev[:1400]", test: "dev[1400:]"}}`.
- BUCC's test set is the organisers' training set, its dev set their sample, as in XTREME. The
  threshold is chosen on dev, per layer, and used on test; test without dev is refused. Where
  dev itself is scored, each half of its queries is cut at the threshold that the other half
  chooses, and `scores.json` says so (`tuned_on`): such a score is not BUCC's test score.
- SQuAD contexts that XQuAD and LAReQA test on are left out of training, with a count. Rows of
  parallel data are refused where a training row and a test row are translations of each other.
- CCGbank is licensed; automatic parses or excerpts stand in for it in tests, MRPC for QQP.
"""


_TRAINED = """
## Tried on real data

The embedded model, fine-tuned briefly on files cut from the originals, in English where nothing
else is said: one run each, noted in `docs/tasks_trained.csv`. Official scores, ± one standard
error over test examples. They show that a kind works from file to score, and are no benchmark
results: the model had been trained for sentence retrieval, NLI and SQuAD before, and how it does
without fine-tuning was measured for masked text alone. Settings in which nothing was learnt stand
here as such; slow tests train the others again (`tests/tasks_kinds/test_real.py`).

"""


def document(tried: Iterable[Mapping[str, str]], trained: Sequence[Mapping[str, str]]) -> str:
    """The text of docs/tasks.md.

    Args:
        tried: Rows of ``TRIED``: which files have been read.
        trained: Rows of scores after fine-tuning on real data.
    """
    noted: dict[str, list[str]] = {}
    for row in tried:
        languages = "" if row["languages"] == "1" else f" in {row['languages']} languages"
        noted.setdefault(row["task"], []).append(f"{row['split']} {row['examples']}{languages}")
    parts = [_HEAD]
    for name, title in GROUPS.items():
        records = group(name)
        parts.append(f"\n## {title}\n\n")
        columns = (
            "task",
            "kind",
            "languages",
            "train",
            "metric",
            "chance",
            "golden",
            "files tried",
        )
        parts.append(_row(columns) + _row("---" for _ in columns))
        parts += [_row(_cells(task, noted)) for task in records]
        parts.append("\n")
        parts += [_facts(task) for task in records]
    parts.append(_TRAINED + _row(trained[0]) + _row("---" for _ in trained[0]))
    parts += [_row(row.values()) for row in trained]
    return "".join(parts)


def _cells(task: Task, noted: Mapping[str, list[str]]) -> Iterable[str]:
    return (
        f"{task.title} (`{task.name}`)",
        task.kind.replace("_", " "),
        str(len(task.languages)) if len(task.languages) > 1 else task.languages[0],
        ", then ".join(task.sequence) or "–",
        task.metric,
        f"{task.chance:.1f}" if task.chance else "–",
        "yes" if task.name in (*NINE, "mewslix") else "–",
        "; ".join(noted.get(task.name, ["generated" if task.layout is None else "–"])),
    )


def _facts(task: Task) -> str:
    facts = [task.note, f"Licence: {task.licence}."]
    if task.hub:
        facts.append(f"Hub: `{task.hub}` at `{task.revision}`.")
    if task.test_sizes:
        sizes = sorted(set(task.test_sizes.values()))
        span = str(sizes[0]) if len(sizes) == 1 else f"{sizes[0]} to {sizes[-1]}"
        facts.append(f"Test examples: {span} a language.")
    return f"- **{task.title}**: " + " ".join(fact for fact in facts if fact) + "\n"


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |\n"


def read_all(folder: Path) -> list[dict[str, str]]:
    """Read everything in a folder of original files; one row per task and split."""
    data = Data(["files"], folder)
    rows = []
    for task in TASKS.values():
        for split in task.splits:
            languages = [code for code in task.languages if data.available(task, code, split)]
            if languages:
                count = sum(1 for code in languages for _ in data.iter(task, code, split))
                values = (task.name, split, str(len(languages)), str(count))
                rows.append(dict(zip(TRIED, values, strict=True)))
    return rows


def tried(docs: Path) -> list[dict[str, str]]:
    """What has been noted down."""
    with (docs / "tasks_tried.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def trained(docs: Path) -> list[dict[str, str]]:
    """Scores that have been noted down."""
    with (docs / "tasks_trained.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def main() -> None:
    """Write ``docs/tasks.md``, and ``docs/tasks_tried.csv`` where there are data."""
    parser = argparse.ArgumentParser(description="Write docs/tasks.md from the catalogue.")
    parser.add_argument("--data", type=Path, help="folder with original files to read")
    parser.add_argument("--docs", type=Path, default=Path("docs"))
    given = parser.parse_args()
    if given.data:
        rows = read_all(given.data)
        with (given.docs / "tasks_tried.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, TRIED, lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
    (given.docs / "tasks.md").write_text(
        document(tried(given.docs), trained(given.docs)), encoding="utf-8"
    )


if __name__ == "__main__":
    main()
