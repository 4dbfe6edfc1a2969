"""The files of a new study."""

from __future__ import annotations

import os
from pathlib import Path

from xanalysis.errors import InputError
from xanalysis.runner.files import explained
from xanalysis.study import FOLDERS

_RECIPE = """\
# A recipe says what is trained on what and evaluated where. Run it with
#   xanalysis run-grid first              (add --dry-run to see what it costs)
# This one uses the embedded model and tasks, and needs neither network nor GPU. For your own:
# `xanalysis tasks` lists tasks and their languages; model may be a hub name or a folder; docs say
# what else can stand here (variants, adapters, few_shot, translated data, ...).
title: A first grid
model: {name: embedded/e5-small, layers: 4}
profile: quick
intermediates: [cldr-pairs]
targets: [cldr-tagging, cldr-choice]
languages: [en, de, ru, tr, fi, hi, ar, zh, ja, sw]
seeds: [0, 1]
sources: [cldr]
freeze_embeddings: true
train: {max_steps: 40, max_length: 64, learning_rate: 8e-4}
evaluate: {limit: 40}
"""

_CLAIMS = """\
# Claims are sentences with a check that can be computed. Verify them with
#   xanalysis verify-claims first
# against the results of `xanalysis run-grid first` and every table in evidence/.
paper: {id: "first", short: "Our first grid"}
claims:
  - id: pairs-help-tagging
    text: "Intermediate training on sentence pairs improves zero-shot tagging"
    scope: {recipe: first}
    quantity:
      measure: gain
      where: {intermediate: cldr-pairs, target: cldr-tagging}
      average_over: [language]
    check:
      - greater: {than: "0"}
"""

_EVIDENCE = """\
# Numbers that claims are checked against

One CSV or Parquet file per source, in the columns of the results table (at least intermediate,
target, language, score). `xanalysis evidence` lists what is here and writes a template for what a
claim still lacks; `xanalysis import` reads other tools' results. Say beside each table where its
numbers come from.
"""

_REPORTS = """\
# Templates

Files here, named like the package's own (`*.j2`), replace them in `xanalysis report`.
"""

FILES = {
    "runners/first.yaml": _RECIPE,
    "claims/first.yaml": _CLAIMS,
    "evidence/README.md": _EVIDENCE,
    "reports/README.md": _REPORTS,
    ".gitignore": "runs/\nout/\n",
}


def lay_out(folder: Path) -> list[Path]:
    """Make a study's folders and starter files; what exists is left alone.

    Returns:
        The files that were made.

    Raises:
        InputError: The place is a file, or cannot be written.
    """
    if folder.exists() and not folder.is_dir():
        raise InputError("is not a folder", file=folder, expected="a new or existing folder")
    made = []
    with explained(folder):
        for name in FOLDERS:
            (folder / name).mkdir(parents=True, exist_ok=True)
        for name, text in FILES.items():
            file = folder / name
            if file.exists():
                continue
            temporary = file.with_name(f".{file.name}.{os.getpid()}")
            temporary.write_text(text, encoding="utf-8")
            os.replace(temporary, file)
            made.append(file)
    return made
