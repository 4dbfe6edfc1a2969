"""Provenance: from which files the numbers are, and where each row's run is."""

from __future__ import annotations

import hashlib

import pandas as pd

from xanalysis.report.document import Column, Section, Table
from xanalysis.report.material import Material
from xanalysis.report.rowsets import SCORES


def part(material: Material) -> Section:
    """The section."""
    section = Section("provenance", "Provenance")
    results = material.results
    runs = results.loc[results["run_key"] != "", "run_key"].nunique()
    section.items.append(
        f"{len(results):,} scores, {runs:,} of the evaluation runs in a store"
        f"{'' if runs else ' (none: the scores are published or imported figures)'}. In the HTML "
        "report every number links to its rows and every row to its run or its source; the JSON "
        "report and the attached table of results have the same rows with their keys."
    )
    files = [{"file": name, "sha256": digest} for name, digest in (material.sources or {}).items()]
    for path in material.claims:
        digest = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        files.append({"file": path.name, "sha256": digest})
    if files:
        section.items.append(
            Table(
                "tab-files",
                "Files read",
                (Column("file", "file"), Column("sha256", "SHA-256")),
                pd.DataFrame(files),
            )
        )
    if len(results):
        keys = ["study", "model", "recipe", "split"]
        made = results.groupby(keys, sort=True).agg(
            scores=("score", "size"),
            intermediates=("intermediate", "nunique"),
            targets=("target", "nunique"),
            languages=("language", "nunique"),
            seeds=("seed", "nunique"),
        )
        section.items.append(
            Table(
                "tab-inputs",
                "What the results are",
                (
                    *(Column(name, name) for name in keys),
                    *(
                        Column(name, name, "count")
                        for name in ("scores", "intermediates", "targets", "languages", "seeds")
                    ),
                ),
                made.reset_index(),
                rows=[SCORES] * len(made),
            )
        )
    return section
