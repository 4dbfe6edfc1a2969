"""From results and claim files to the one report object."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from xanalysis.report.document import Report
from xanalysis.report.material import Material
from xanalysis.report.parts import PARTS
from xanalysis.report.parts.claims import claim_sources
from xanalysis.report.references import references
from xanalysis.report.rows import collect
from xanalysis.study import Study

TITLE = "Cross-lingual transfer: gains, families, claims"


def build(
    results: pd.DataFrame,
    *,
    claims: Sequence[str | Path] = (),
    study: Study | None = None,
    title: str = TITLE,
    sources: Mapping[str, str] | None = None,
    evidence: Sequence[Any] | None = None,
    limits: str = "",
) -> Report:
    """Analyse results and claims, and lay the findings out as a report.

    Args:
        results: Tidy table (see :mod:`xanalysis.results.schema`).
        claims: Claim files, by path or by name in the study.
        study: Where names are looked up; the study around the working directory by default.
        title: Title of the report.
        sources: Name to SHA-256 of the files the results are from.
        evidence: What claims are checked against, as for :func:`xanalysis.claims.verify`. None: the
            study's evidence/ and the results.
        limits: What the results cannot say: shown below the summary.

    Returns:
        The report. What could not be computed stands in it as a `Gap`, with the reason.

    Raises:
        InputError: A claim file cannot be read.
    """
    from altair.utils.schemapi import debug_mode

    study = study or Study.here()
    paths = [study.find("claims", str(name)) for name in claims]
    material = Material(results.reset_index(drop=True), study, tuple(paths), sources, evidence)
    files = claim_sources(material.claim_files)
    # Altair checks every channel against its schema as it is made, and the whole chart at the end;
    # the second check is enough.
    with debug_mode(False):
        parts = tuple(PARTS[name](material) for name in PARTS)
    return Report(
        title=title,
        subtitle=material.subtitle,
        sections=parts,
        results=material.results,
        rows=collect(material),
        claim_files=files,
        references=references(),
        limits=limits.strip(),
    )
