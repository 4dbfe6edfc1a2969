"""Verification: every claim against every evidence set that can speak to it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from xanalysis.claims.compute import Trace, measure
from xanalysis.claims.conclude import (
    arithmetic_of,
    by_set,
    deciding,
    disagreement,
    lead,
    replicated,
)
from xanalysis.claims.design import Designs
from xanalysis.claims.evidence import load_evidence
from xanalysis.claims.evidence_set import EvidenceSet
from xanalysis.claims.measured import Measured
from xanalysis.claims.operators import Check
from xanalysis.claims.operators.base import Arithmetic, Inference, Operator, Outcome, interval_text
from xanalysis.claims.operators.design import Design
from xanalysis.claims.partial import at_hand
from xanalysis.claims.quantity import Quantity
from xanalysis.claims.schema import Claim, ClaimFile, Paper, load_claims
from xanalysis.claims.selection import CannotCompute
from xanalysis.claims.template import cells_of, summary
from xanalysis.claims.verdict import (
    CheckResult,
    EvidenceResult,
    Verdict,
    all_hold,
    side_by_side,
    worst_arithmetic,
)
from xanalysis.errors import InputError, unknown_name
from xanalysis.study import Study

_BY_ARITHMETIC: dict[Arithmetic, Inference] = {
    "matches": "SUPPORTED",
    "rounding-only": "SUPPORTED",
    "mismatch": "REFUTED",
    "cannot-compute": "NOT ENOUGH INFO",
}


def verify(
    claims: str | Path | ClaimFile,
    evidence: Any = None,
    *,
    only: Sequence[str] = (),
    study: Study | None = None,
) -> list[Verdict]:
    """Check claims against evidence.

    Args:
        claims: A claim file, by path or by name in claims/, or one that was read.
        evidence: As for :func:`xanalysis.claims.evidence.load_evidence`. None: what the file
            names, or else everything in the study's evidence/ and its last runs.
        only: Ids of the claims to check; all, where none is named.
        study: Where names are looked up; the study around the working directory by default.

    Returns:
        One verdict per claim, in the file's order.

    Raises:
        InputError: A file that cannot be read, or a name that is not known.
    """
    study = study or Study.here()
    if not isinstance(claims, ClaimFile):
        claims = load_claims(study.find("claims", str(claims)))
    sets = load_evidence(evidence if evidence is not None else _named(claims, study), study)
    names = () if evidence is not None else claims.evidence
    verifier = Verifier(claims.paper, sets, Designs(study), names)
    ids = [claim.id for claim in claims.claims]
    for name in only:
        if name not in ids:
            raise unknown_name("claim", name, ids)
    return [verifier.verdict(claim) for claim in claims.claims if not only or claim.id in only]


def _named(claims: ClaimFile, study: Study) -> list[Path] | None:
    """The files that a claim file names, in evidence/ and nowhere else; None for all there is."""
    files = study.files("evidence")
    named = [*claims.evidence, *(name for claim in claims.claims for name in claim.evidence)]
    for name in named:
        if name not in files:
            raise unknown_name("evidence", name, files)
    everything = not claims.evidence and any(not claim.evidence for claim in claims.claims)
    return None if everything else [files[name] for name in dict.fromkeys(named)]


class Verifier:
    """Checks claims of one file against evidence sets; quantities are computed once each.

    Args:
        paper: The file's paper.
        evidence: The evidence sets.
        designs: Recipes, for design facts.
        names: The evidence that claims are checked against unless they say otherwise; all, if none.
    """

    def __init__(
        self,
        paper: Paper,
        evidence: Sequence[EvidenceSet],
        designs: Designs,
        names: Sequence[str] = (),
    ) -> None:
        self.paper = paper
        self.names = tuple(names)
        self.evidence = list(evidence)
        self.designs = designs
        self._measured: dict[Any, tuple[Measured, Trace] | CannotCompute] = {}

    def verdict(self, claim: Claim) -> Verdict:
        """The verdict on one claim."""
        results = list(self._results(claim))
        design = [r for r in results if r.role == "design"]
        direct = [r for r in results if r.role == "direct"]
        replications = [r for r in results if r.role == "replication"]
        heading = self._heading(claim, design, direct)
        paper = claim.paper or self.paper
        elsewhere = by_set(replications)
        replication = side_by_side(list(elsewhere.values())) if elsewhere else None
        rule = heading.pop("rule")
        if elsewhere:
            rule += f"; {replicated(elsewhere)}"
        return Verdict(
            id=claim.id,
            text=claim.text,
            paper=paper.id,
            rule=rule,
            replication=replication,
            checks=tuple(check.name for check in claim.check),
            evidence=tuple(results),
            sources=claim.sources,
            draft=claim.draft,
            **heading,
        )

    def _results(self, claim: Claim) -> Iterable[EvidenceResult]:
        design = [c.operator for c in claim.check if isinstance(c.operator, Design)]
        if design:
            yield self._design(claim, design)
        measurable = [c for c in claim.check if not isinstance(c.operator, Design)]
        for found in self.evidence:
            names = claim.evidence or self.names
            if names and found.name.partition(" [")[0] not in names:
                continue
            inside = found.in_scope(claim.scope)
            if measurable and inside is not False:
                restrict = None if inside else found.restriction(claim.scope)
                checks = [self._check(found, c, claim, restrict) for c in measurable]
                if any(check is not None for check in checks):
                    told = [c or _unsaid(m.name) for c, m in zip(checks, measurable, strict=True)]
                    yield _together(found, "direct", told)
            about_training = claim.about == "effect" and not claim.replicate
            if measurable and about_training and inside is False:
                turned = [(c, c.operator.direction()) for c in measurable]
                yield from _replication(
                    found,
                    [self._check(found, c, claim, None, d) for c, d in turned if d is not None],
                )
            for other in claim.replicate if inside is not True else ():
                checks = [
                    self._check(found, c, claim, None, c.operator, other.quantity)
                    for c in other.check
                ]
                yield from _replication(found, checks, other.says)

    def _design(self, claim: Claim, checks: Sequence[Design]) -> EvidenceResult:
        results, fact = [], None
        for check in checks:
            recipe = check.recipe or claim.scope.recipe
            if recipe is None:
                outcome = Outcome("cannot-compute", "NOT ENOUGH INFO", "no recipe is named")
            else:
                try:
                    fact = self.designs.fact(recipe, check.fact)
                    outcome = check.compare(fact)
                except InputError as error:
                    outcome = Outcome("cannot-compute", "NOT ENOUGH INFO", str(error))
            results.append(_result("design", outcome, ""))
        return EvidenceResult(
            evidence=fact.where if fact else "recipe",
            role="design",
            verdict=all_hold([r.verdict for r in results]),
            arithmetic=worst_arithmetic([r.arithmetic for r in results]),
            rule=deciding(results).rule,
            file=fact.file if fact else "",
            sha256=fact.sha256 if fact else "",
            checks=tuple(results),
        )

    def _check(
        self,
        evidence: EvidenceSet,
        check: Check,
        claim: Claim,
        restrict: dict[str, str] | None,
        operator: Operator | None = None,
        quantity: Quantity | None = None,
    ) -> CheckResult | None:
        """One check against one set; None where the set has nothing to say."""
        operator = operator or check.operator
        quantity = check.look(quantity or claim.quantity)
        assert quantity is not None  # the schema asks for one
        try:
            measured, trace = self._measure(evidence, quantity, operator, restrict)
        except CannotCompute as error:
            if error.silent:
                return None
            reason = error.reason + at_hand(evidence, quantity, operator, restrict, error)
            outcome = Outcome("cannot-compute", "NOT ENOUGH INFO", reason)
            return _result(check.name, outcome, "", missing=error.missing)
        outcome = operator.judge(measured)
        if claim.about == "report":
            inference = _BY_ARITHMETIC[outcome.arithmetic]
            method = "arithmetic on printed numbers"
            outcome = Outcome(
                **{**vars(outcome), "inference": inference, "low": None, "high": None}
            )
        else:
            method = measured.method or f"no interval: {measured.why_not}"
        return _result(
            check.name, outcome, method, measured=measured, trace=trace, evidence=evidence
        )

    def _measure(
        self,
        evidence: EvidenceSet,
        quantity: Quantity,
        operator: Operator,
        restrict: dict[str, str] | None,
    ) -> tuple[Measured, Trace]:
        needs = operator.needs()
        key = (id(evidence), quantity.model_dump_json(), needs, str(restrict))
        if key not in self._measured:
            try:
                self._measured[key] = measure(evidence, quantity, needs, restrict)
            except CannotCompute as error:
                self._measured[key] = error
        found = self._measured[key]
        if isinstance(found, CannotCompute):
            raise found
        return found

    def _lacking(self, claim: Claim, name: str) -> tuple[dict[str, str], ...]:
        """The cells a claim needs that an evidence set has not."""
        found = next((e for e in self.evidence if e.name == name), None)
        scope = found.restriction(claim.scope) if found else {}
        return tuple(
            cell for cell in cells_of(claim) if found is None or not found.holds({**scope, **cell})
        )

    def _heading(
        self, claim: Claim, design: list[EvidenceResult], direct: list[EvidenceResult]
    ) -> dict[str, Any]:
        """The verdict itself, from evidence within the claim's scope."""
        if not claim.check:
            return _plain("there is no check for this claim")
        decisive = [r for r in direct if r.verdict != "NOT ENOUGH INFO"] or direct
        measurable = any(not isinstance(c.operator, Design) for c in claim.check)
        if measurable and not decisive:
            missing = tuple(cells_of(claim))
            lacking = f": {summary(missing)}" if missing else ""
            return _plain(
                f"no evidence within the claim's scope has these numbers{lacking}", missing
            )
        verdicts: list[Inference] = [r.verdict for r in design]
        if measurable:
            verdicts.append(side_by_side([r.verdict for r in decisive]))
        verdict = all_hold(verdicts)
        arithmetic = arithmetic_of(design, decisive)
        speaker = lead(verdict, [*design, *decisive])
        check = deciding(speaker.checks)
        missing = check.missing if verdict == "NOT ENOUGH INFO" else ()
        if missing and measurable:
            missing = self._lacking(claim, speaker.evidence) or missing
        rule = check.rule.partition(": ")[2]
        if verdict == "CONFLICTING":
            rule = f"sources disagree: {disagreement(decisive)}"
        return {
            "verdict": verdict,
            "arithmetic": arithmetic,
            "rule": f"{verdict}: {rule}",
            "estimate": check.estimate,
            "low": check.low,
            "high": check.high,
            "method": check.method,
            "failing": check.failing,
            "missing": missing,
        }


def _replication(
    evidence: EvidenceSet, checks: Sequence[CheckResult | None], says: str = ""
) -> Iterable[EvidenceResult]:
    """A replication's result, where the set has all the numbers that it takes."""
    told = [check for check in checks if check is not None and check.n_rows]
    if told and len(told) == len(checks):
        yield _together(evidence, "replication", told, says)


def _unsaid(name: str) -> CheckResult:
    outcome = Outcome("cannot-compute", "NOT ENOUGH INFO", "there are no such rows")
    return _result(name, outcome, "")


def _plain(reason: str, missing: tuple[dict[str, str], ...] = ()) -> dict[str, Any]:
    return {
        "verdict": "NOT ENOUGH INFO",
        "arithmetic": "cannot-compute",
        "rule": f"NOT ENOUGH INFO: {reason}",
        "missing": missing,
    }


def _together(
    evidence: EvidenceSet, role: str, checks: Sequence[CheckResult], says: str = ""
) -> EvidenceResult:
    verdict = all_hold([check.verdict for check in checks])
    arithmetic = worst_arithmetic([check.arithmetic for check in checks])
    rule = deciding(checks).rule
    return EvidenceResult(
        evidence=evidence.name,
        role=role,
        verdict=verdict,
        arithmetic="cannot-compute" if role == "replication" else arithmetic,
        rule=f"{says}: {rule}" if says else rule,
        file=evidence.file,
        sha256=evidence.digest,
        checks=tuple(checks),
    )


def _result(
    name: str,
    outcome: Outcome,
    method: str,
    *,
    missing: Sequence[dict[str, str]] = (),
    measured: Measured | None = None,
    trace: Trace | None = None,
    evidence: EvidenceSet | None = None,
) -> CheckResult:
    reason = outcome.reason
    if outcome.low is not None and outcome.high is not None and np.isfinite(outcome.low):
        kind = "simultaneous " if outcome.simultaneous else ""
        reason += f", {kind}95 % interval {interval_text(outcome.low, outcome.high)}"
    elif measured is not None and measured.why_not and method.startswith("no interval"):
        reason += f"; no interval: {measured.why_not}"
    return CheckResult(
        operator=name,
        verdict=outcome.inference,
        arithmetic=outcome.arithmetic,
        rule=f"{outcome.inference}: {reason}",
        estimate=_finite(outcome.estimate),
        low=_finite(outcome.low),
        high=_finite(outcome.high),
        method=outcome.method or method,
        failing=outcome.failing,
        missing=tuple(missing),
        rows=tuple(evidence.where_from(trace.rows)) if evidence and trace else (),
        n_rows=len(trace.rows) if trace else 0,
        notes=trace.notes if trace else (),
    )


def _finite(value: float | None) -> float | None:
    return None if value is None or not np.isfinite(value) else float(value)
