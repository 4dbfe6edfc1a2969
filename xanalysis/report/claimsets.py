"""Sets of claims behind the numbers of an audit: those of a document, of a mark, of a bin."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING

from xanalysis.errors import InputError
from xanalysis.report.rowsets import RowSet
from xanalysis.report.slugs import slug

if TYPE_CHECKING:
    from xanalysis.claims import Audit, ClaimFile
    from xanalysis.claims.schema import Claim
    from xanalysis.report.material import Material

_MARKS = {True: "✓", False: "×", None: "–"}


def claim_anchor(file: str, claim: str) -> str:
    """The anchor of a claim's verdict and evidence; ``file`` is the claim file's slug."""
    return f"claim-{file}-{slug(claim)}"


def document_set(file: str, document: str) -> str:
    """The anchor of the claims that a document makes."""
    return f"set-document-{file}-{slug(document)}"


def mark_set(file: str, mark: str) -> str:
    """The anchor of the claims with a mark."""
    return f"set-marked-{file}-{list(_MARKS.values()).index(mark)}"


def bin_set(file: str, calibration: int, low: float) -> str:
    """The anchor of the claims in the bin above ``low`` of a calibration (counted from 1)."""
    return f"set-confidence-{file}-{calibration}-{round(100 * low)}"


def claim_sets(material: Material) -> tuple[RowSet, ...]:
    """The sets of every claim file that is audited."""
    if not material.claims:
        return ()
    found: list[RowSet] = []
    try:
        audits = dict(material.audits)
        files = material.claim_files
    except InputError:
        return ()  # the section on claims says why
    for path, claims in files:
        if path.stem in audits:
            found += _sets(path, claims, audits[path.stem])
    return tuple(found)


def _sets(path: Path, file: ClaimFile, audit: Audit) -> Iterator[RowSet]:
    name = slug(path.stem)

    def made(anchor: str, title: str, claims: Iterable[Claim]) -> RowSet:
        members = tuple((claim.id, claim_anchor(name, claim.id)) for claim in claims)
        return RowSet(anchor, "Claims", f"{title} ({len(members)})", members)

    for document in file.documents:
        yield made(
            document_set(name, document.id),
            f"Claims in {document.id}",
            (c for c in file.claims if any(s.document == document.id for s in c.sources)),
        )
    for agreement in audit.agreement:
        yield made(
            mark_set(name, agreement.mark),
            f"Claims marked {agreement.mark}",
            (c for c in file.claims if agreement.mark in {_MARKS[s.verified] for s in c.sources}),
        )
    verdicts = {verdict.id: verdict.verdict for verdict in audit.verdicts}
    for number, calibration in enumerate(audit.calibration, 1):
        # As in the audit: the second calibration is of the claims that are decided.
        silent = {"CONFLICTING"} if number == 1 else {"CONFLICTING", "NOT ENOUGH INFO"}
        told = [
            (claim, fmean(given))
            for claim in file.claims
            if (given := [s.confidence for s in claim.sources if s.confidence is not None])
            and verdicts[claim.id] not in silent
        ]
        for part in calibration.bins:
            yield made(
                bin_set(name, number, part.low),
                f"Claims with a mean confidence of {part.low:.1f} to {part.high:.1f}, "
                f"calibration {number}",
                (c for c, mean in told if part.low < mean <= part.high or mean == part.low == 0),
            )
