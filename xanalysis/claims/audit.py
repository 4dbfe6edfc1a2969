"""The audit: the marks and confidences that documents give, against our verdicts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict
from scipy.stats import beta

from xanalysis import yamlio
from xanalysis.claims.operators.base import Inference
from xanalysis.claims.operators.best import Best
from xanalysis.claims.operators.design import Design
from xanalysis.claims.operators.no_difference import NoDifference
from xanalysis.claims.operators.outperforms import Outperforms
from xanalysis.claims.operators.targets import Expected
from xanalysis.claims.schema import Claim, ClaimFile, load_claims
from xanalysis.claims.verdict import Verdict
from xanalysis.claims.verify import verify
from xanalysis.errors import InputError, unknown_name
from xanalysis.study import Study

VERDICTS: tuple[Inference, ...] = ("SUPPORTED", "REFUTED", "CONFLICTING", "NOT ENOUGH INFO")
_EDGES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Agreement(_Part):
    """How often documents that gave a mark got each verdict, counted once per row.

    Attributes:
        mark: ``✓``, ``×`` or ``–``.
        counts: Verdict to number of rows.
    """

    mark: str
    counts: dict[str, int]


class Bin(_Part):
    """Claims of similar confidence.

    Attributes:
        low: Lower end of the bin; above it, except for 0.
        high: Upper end.
        n: Distinct claims in it.
        confidence: Their mean confidence.
        supported: Share that is supported.
        interval: Exact 95 % interval of that share (Clopper & Pearson 1934).
    """

    low: float
    high: float
    n: int
    confidence: float
    supported: float
    interval: tuple[float, float]


class Calibration(_Part):
    """Confidences as forecasts that a claim is supported.

    A document does not say what its confidence means; it is read as the probability that the claim
    is true. Each distinct claim counts once, with its mean confidence, because documents that
    repeat a claim are not independent.

    Attributes:
        outcome: What counts as true, in words.
        n: Distinct claims.
        brier: Mean squared error of the confidences; 0 is perfect.
        brier_of_marks: The same, of ✓ as 1 and × as 0.
        brier_of_base_rate: The same, of one constant forecast, the share that is true.
        bins: The reliability table.
    """

    outcome: str
    n: int
    brier: float | None
    brier_of_marks: float | None
    brier_of_base_rate: float | None
    bins: tuple[Bin, ...]


class Spread(_Part):
    """One claim with different confidences in different documents.

    Attributes:
        id: Id of the claim.
        confidences: Document to confidence.
        marks: Document to mark.
    """

    id: str
    confidences: dict[str, float]
    marks: dict[str, bool]


class VersionDifference(_Part):
    """Two versions of a paper that say different things.

    Attributes:
        id: Id of the claim in the audited file.
        other: Id in the other version's file.
        paper: The version the claim is from.
        other_paper: The other version.
        says: What differs, in words.
        text: The claim.
        other_text: The other version's claim.
    """

    id: str
    other: str
    paper: str
    other_paper: str
    says: str
    text: str
    other_text: str


class Audit(_Part):
    """What an audit finds.

    Attributes:
        documents: Id, and what each document says of itself against what is found.
        agreement: Marks against verdicts.
        calibration: Confidences against verdicts, under each reading of the outcome.
        unsupported: Marked ✓, and no number at hand can support it: id and why.
        borne_out: Marked ×, and supported: id and why.
        contradicted: Marked ✓, and refuted: id and why.
        spread: The same claim with different confidences.
        versions: Claims that are true of one version of the paper only.
        verdicts: The verdicts.
    """

    documents: tuple[dict[str, Any], ...]
    agreement: tuple[Agreement, ...]
    calibration: tuple[Calibration, ...]
    unsupported: tuple[dict[str, str], ...]
    borne_out: tuple[dict[str, str], ...]
    contradicted: tuple[dict[str, str], ...]
    spread: tuple[Spread, ...]
    versions: tuple[VersionDifference, ...]
    verdicts: tuple[Verdict, ...]


def audit(
    claims: str | Path | ClaimFile,
    evidence: Any = None,
    *,
    versions: Sequence[str | Path | ClaimFile] | None = None,
    study: Study | None = None,
) -> Audit:
    """Set documents' marks and confidences against verdicts.

    Args:
        claims: A claim file whose claims have sources.
        evidence: As for :func:`xanalysis.claims.verify`.
        versions: Claim files of other versions of the paper. None: those in claims/ with a claim
            that names a counterpart here.
        study: Where names are looked up.

    Returns:
        The audit.

    Raises:
        InputError: A file cannot be read, or no claim has a source with a mark or a confidence.
    """
    study = study or Study.here()
    path: Path | None = None
    if not isinstance(claims, ClaimFile):
        path = study.find("claims", str(claims))
        claims = load_claims(path)
    marked = any(s.verified is not None or s.confidence is not None
                 for claim in claims.claims for s in claim.sources)  # fmt: skip
    if not marked:
        raise InputError("no source of any claim has a mark or a confidence", file=path)
    verdicts = verify(claims, evidence, study=study)
    others = _versions(claims, versions, study)
    pairs = list(zip(claims.claims, verdicts, strict=True))
    return Audit(
        documents=tuple(_documents(claims, pairs)),
        agreement=tuple(_agreement(pairs)),
        calibration=(
            _calibration(pairs, decided_only=False),
            _calibration(pairs, decided_only=True),
        ),
        unsupported=_listed(pairs, True, "NOT ENOUGH INFO"),
        borne_out=_listed(pairs, False, "SUPPORTED"),
        contradicted=_listed(pairs, True, "REFUTED"),
        spread=tuple(_spread(claims.claims)),
        versions=tuple(d for other in others for d in _differences(claims, other)),
        verdicts=tuple(verdicts),
    )


Pairs = Sequence[tuple[Claim, Verdict]]


def _documents(file: ClaimFile, pairs: Pairs) -> list[dict[str, Any]]:
    rows = []
    for document in file.documents:
        here = [(s, v) for c, v in pairs for s in c.sources if s.document == document.id]
        found = Counter(v.verdict for _, v in here)
        confidences = [s.confidence for s, _ in here if s.confidence is not None]
        rows.append(
            {
                "document": document.id,
                "title": document.title,
                "quality": document.quality,
                "says_verified": document.claims_verified,
                "says_extracted": document.claims_extracted,
                "marked": sum(s.verified is True for s, _ in here),
                "rows": len(here),
                "mean_confidence": float(np.mean(confidences)) if confidences else None,
                **{str(word): found.get(word, 0) for word in VERDICTS},
            }
        )
    return rows


def _agreement(pairs: Pairs) -> list[Agreement]:
    counts: dict[str, Counter[str]] = {"✓": Counter(), "×": Counter(), "–": Counter()}
    for claim, verdict in pairs:
        for source in claim.sources:
            mark = {True: "✓", False: "×", None: "–"}[source.verified]
            counts[mark][verdict.verdict] += 1
    return [
        Agreement(mark=mark, counts={word: found.get(word, 0) for word in VERDICTS})
        for mark, found in counts.items()
        if found
    ]


def _calibration(pairs: Pairs, *, decided_only: bool) -> Calibration:
    told: list[tuple[float, float, float]] = []
    for claim, verdict in pairs:
        confidences = [s.confidence for s in claim.sources if s.confidence is not None]
        marks = [float(s.verified) for s in claim.sources if s.verified is not None]
        if not confidences or verdict.verdict == "CONFLICTING":
            continue
        if decided_only and verdict.verdict == "NOT ENOUGH INFO":
            continue
        truth = float(verdict.verdict == "SUPPORTED")
        told.append(
            (float(np.mean(confidences)), float(np.mean(marks)) if marks else np.nan, truth)
        )
    outcome = (
        "supported, among the claims that are supported or refuted"
        if decided_only
        else "supported by the numbers and designs at hand (lacking information counts as not)"
    )
    if not told:
        return Calibration(outcome=outcome, n=0, brier=None, brier_of_marks=None,
                           brier_of_base_rate=None, bins=())  # fmt: skip
    forecast, mark, truth_ = np.array(told).T
    marked = ~np.isnan(mark)
    return Calibration(
        outcome=outcome,
        n=len(told),
        brier=float(np.mean((forecast - truth_) ** 2)),
        brier_of_marks=(
            float(np.mean((mark[marked] - truth_[marked]) ** 2)) if marked.any() else None
        ),
        brier_of_base_rate=float(np.mean((truth_.mean() - truth_) ** 2)),
        bins=tuple(_bins(forecast, truth_)),
    )


def _bins(forecast: Any, truth: Any) -> list[Bin]:
    found = []
    for low, high in pairwise(_EDGES):
        inside = (forecast <= high) & ((forecast > low) | (low == 0))
        n, k = int(inside.sum()), int(truth[inside].sum())
        if n:
            found.append(
                Bin(
                    low=low,
                    high=high,
                    n=n,
                    confidence=float(forecast[inside].mean()),
                    supported=k / n,
                    interval=exact_interval(k, n),
                )
            )
    return found


def exact_interval(k: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """Exact interval of a share, k of n (Clopper & Pearson 1934, doi:10.1093/biomet/26.4.404)."""
    tail = (1 - level) / 2
    low = 0.0 if k == 0 else float(beta.ppf(tail, k, n - k + 1))
    high = 1.0 if k == n else float(beta.ppf(1 - tail, k + 1, n - k))
    return low, high


def _listed(pairs: Pairs, mark: bool, verdict: Inference) -> tuple[dict[str, str], ...]:
    return tuple(
        {"id": claim.id, "text": claim.text, "why": found.rule.removeprefix(f"{verdict}: ")}
        for claim, found in pairs
        if found.verdict == verdict and any(s.verified is mark for s in claim.sources)
    )


def _spread(claims: Sequence[Claim]) -> list[Spread]:
    found = []
    for claim in claims:
        confidences = {s.document: s.confidence for s in claim.sources if s.confidence is not None}
        marks = {s.document: s.verified for s in claim.sources if s.verified is not None}
        if len(set(confidences.values())) > 1 or len(set(marks.values())) > 1:
            found.append(Spread(id=claim.id, confidences=confidences, marks=marks))
    return sorted(found, key=lambda s: min(s.confidences.values()) - max(s.confidences.values()))


def _versions(
    file: ClaimFile, given: Sequence[str | Path | ClaimFile] | None, study: Study
) -> list[ClaimFile]:
    if given is not None:
        return [
            item if isinstance(item, ClaimFile) else load_claims(study.find("claims", str(item)))
            for item in given
        ]
    base = file.paper.id.rpartition("v")[0]
    found = []
    for path in study.files("claims").values():
        try:
            # Most files are of other papers; looking is quicker than parsing.
            if base not in yamlio.read_text(path, yamlio.MAX_BYTES):
                continue
            other = load_claims(path)
        except InputError:
            continue  # somebody's unfinished file is no part of this audit
        same = base and other.paper.id.rpartition("v")[0] == base
        if same and other.paper.id != file.paper.id:
            found.append(other)
    return found


def _differences(file: ClaimFile, other: ClaimFile) -> list[VersionDifference]:
    known = {claim.id: claim for claim in file.claims}
    found = []
    for theirs in other.claims:
        if theirs.counterpart is None:
            continue
        if theirs.counterpart not in known:
            raise InputError(
                f"claim '{theirs.id}': {unknown_name('claim', theirs.counterpart, known)}"
            )
        ours = known[theirs.counterpart]
        says = "; ".join(contradictions(ours, theirs))
        if says:
            found.append(
                VersionDifference(
                    id=ours.id,
                    other=theirs.id,
                    paper=file.paper.id,
                    other_paper=other.paper.id,
                    says=says,
                    text=ours.text,
                    other_text=theirs.text,
                )
            )
    return found


def contradictions(ours: Claim, theirs: Claim) -> list[str]:
    """What two claims say that cannot both be true, in words; about printed digits and designs."""
    found = []
    for mine in (check.operator for check in ours.check):
        for other in (check.operator for check in theirs.check):
            if isinstance(mine, Expected) and isinstance(other, Expected):
                a, b = _numbers(mine), _numbers(other)
                found += [
                    f"{name or 'the number'} is {a[name]}, in the other version {b[name]}"
                    for name in a
                    if name in b and a[name] != b[name]
                ]
            elif isinstance(mine, Design) and isinstance(other, Design) and mine.fact == other.fact:
                counts = mine.size, other.size
                if None not in counts and counts[0] != counts[1]:
                    word = mine.fact.replace("_", " ")
                    found.append(f"{counts[0]} {word}, in the other version {counts[1]}")
            elif isinstance(mine, Best) and isinstance(other, NoDifference):
                level = [name for name in mine.named if name in other.groups]
                found += [f"{name} is best, in the other version on a level with others"
                          for name in level]  # fmt: skip
            elif isinstance(mine, Outperforms) and isinstance(other, NoDifference):
                level = [name for name in mine.over if {name, mine.winner} <= set(other.groups)]
                found += [f"{mine.winner} outperforms {name}, in the other version it does not"
                          for name in level]  # fmt: skip
    return found


def _numbers(operator: Expected) -> dict[str, str]:
    return dict(operator.values) if operator.values else {"": operator.value or ""}
