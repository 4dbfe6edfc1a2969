"""Verdicts on the claims, with their evidence; the audit of marks and confidences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from xanalysis.errors import InputError
from xanalysis.report import text, theme
from xanalysis.report.claimsets import bin_set, claim_anchor, document_set, mark_set
from xanalysis.report.document import Claims, Column, Finding, Item, Section, Table
from xanalysis.report.figures import FIGURES
from xanalysis.report.material import Material
from xanalysis.report.parts import attempt
from xanalysis.report.slugs import slug

if TYPE_CHECKING:
    from xanalysis.claims import Audit, ClaimFile


def part(material: Material) -> Section:
    """The section."""
    section = Section("claims", "Verdicts on the claims")
    if not material.claims:
        section.items.append("No claim file was given, so no claim is checked.")
        return section
    for number, path in enumerate(material.claims):
        attempt(section, f"Verdicts on {path.name}", lambda n=number: _file(material, n, section))  # type: ignore[misc]
    attempt(section, "The audit", lambda: _audits(material))
    return section


def _file(material: Material, number: int, section: Section) -> Iterator[Item]:
    path, claims = material.claim_files[number]
    verdicts = [_plain(verdict) for verdict in material.verdicts[number]]
    counts = Counter(v["verdict"] for v in verdicts)
    title = claims.paper.short or claims.paper.id
    told = ", ".join(f"{counts[w]} {w.lower()}" for w in theme.VERDICTS if counts[w])
    name = slug(path.stem)
    section.findings.append(
        Finding(f"{title} ({path.name}): of {len(verdicts)} claims, {told}.", f"tab-claims-{name}")
    )
    frame = pd.DataFrame(
        [
            {
                "id": v["id"],
                "verdict": f"{theme.VERDICT_SIGNS[v['verdict']]} {v['verdict']}",
                "arithmetic": v["digits"],
                "estimate": v["estimate"],
                "low": v["low"],
                "high": v["high"],
                "rule": v["why"],
            }
            for v in verdicts
        ],
        columns=["id", "verdict", "arithmetic", "estimate", "low", "high", "rule"],
    ).astype({"estimate": "float64", "low": "float64", "high": "float64"})
    anchors = [claim_anchor(name, v["id"]) for v in verdicts]
    yield Table(
        f"tab-claims-{name}",
        f"Verdicts on {title} ({claims.paper.id})",
        (
            Column("id", "claim"),
            Column("verdict", "verdict"),
            Column("arithmetic", "printed digits"),
            *_known(frame, Column("estimate", "estimate", "plain")),
            *_known(frame, Column("low", "95 % interval", "interval", high="high")),
            Column("rule", "why"),
        ),
        frame,
        "Verdict: what the evidence lets one conclude. Printed digits: whether they follow from "
        "the evidence. A replication on another model speaks to a claim's direction only.",
        anchors,
        {"id": anchors},
    )
    for verdict, anchor in zip(verdicts, anchors, strict=True):
        verdict["anchor"] = anchor
    yield Claims(f"claims-{name}", f"Behind the verdicts on {title}", tuple(verdicts))


def _known(frame: pd.DataFrame, column: Column) -> tuple[Column, ...]:
    """The column, where any of its numbers is known."""
    return (column,) if frame[column.key].notna().any() else ()


def _plain(verdict: Any) -> dict[str, Any]:
    result: dict[str, Any] = verdict.model_dump(mode="json")
    result["why"] = result["rule"].removeprefix(f"{result['verdict']}: ")
    result["digits"] = result["arithmetic"].replace("-", " ")
    result["sign"] = theme.VERDICT_SIGNS[result["verdict"]]
    result["shown"] = {
        "estimate": text.number(result["estimate"]),
        "interval": text.interval(result["low"], result["high"]),
    }
    # Those that say something come first.
    result["evidence"].sort(key=lambda e: e["verdict"] == "NOT ENOUGH INFO")
    for evidence in result["evidence"]:
        for check in evidence["checks"]:
            check["shown"] = {
                "estimate": text.number(check["estimate"]),
                "interval": text.interval(check["low"], check["high"]),
                "rows": [_row(row) for row in check["rows"]],
            }
    result["missing_shown"] = _together(result["missing"])
    return result


def _together(cells: Sequence[Mapping[str, Any]]) -> list[str]:
    """Cells in words, those that differ in one key together: every cell, but not every word."""
    found: list[str] = []
    by_keys: dict[tuple[str, ...], list[Mapping[str, Any]]] = {}
    for cell in cells:
        by_keys.setdefault(tuple(cell), []).append(cell)
    for keys, part in by_keys.items():
        distinct = {key: list(dict.fromkeys(text.cell(cell[key]) for cell in part)) for key in keys}
        if len(part) == prod(map(len, distinct.values())):
            found.append(" × ".join(f"{k} {', '.join(v)}" for k, v in distinct.items()))
            continue
        longest = max(keys, key=lambda key: len(distinct[key]))
        rest: dict[str, list[str]] = {}
        for cell in part:
            others = ", ".join(f"{k} {text.cell(cell[k])}" for k in keys if k != longest)
            rest.setdefault(others, []).append(text.cell(cell[longest]))
        found += [f"{others}, {longest} {', '.join(values)}" for others, values in rest.items()]
    return found


def _row(row: dict[str, Any]) -> str:
    return ", ".join(f"{key} {text.cell(value)}" for key, value in row.items() if value is not None)


def _audits(material: Material) -> Iterator[Item]:
    for name, audit in material.audits:
        yield from _audit(slug(name), audit)


def _audit(name: str, audit: Audit) -> Iterator[Item]:
    words = list(theme.VERDICTS)
    yield Table(
        f"tab-audit-{name}",
        "Audit: what documents say of their claims, and the verdicts",
        (
            Column("document", "document"),
            Column("marked", "marked ✓", "count"),
            Column("rows", "claims", "count"),
            Column("mean_confidence", "mean confidence", "number"),
            *(Column(word, word.lower(), "count") for word in words),
        ),
        pd.DataFrame(audit.documents),
        "Marks and confidences are the documents' own.",
        [document_set(name, row["document"]) for row in audit.documents],
    )
    yield Table(
        f"tab-agreement-{name}",
        "Audit: marks against verdicts",
        (Column("mark", "mark"), *(Column(word, word.lower(), "count") for word in words)),
        pd.DataFrame([{"mark": a.mark, **a.counts} for a in audit.agreement]),
        "One count per document and claim.",
        [mark_set(name, a.mark) for a in audit.agreement],
    )
    for number, calibration in enumerate(audit.calibration, 1):
        if not calibration.bins:
            continue
        bins = pd.DataFrame([b.model_dump() for b in calibration.bins])
        bins["low"], bins["high"] = zip(*bins["interval"], strict=True)
        brier = (
            f"Brier score {text.number(calibration.brier, 3)}; a constant forecast of the share "
            f"that is true would score {text.number(calibration.brier_of_base_rate, 3)}"
            + (
                f", the marks alone {text.number(calibration.brier_of_marks, 3)}"
                if calibration.brier_of_marks is not None
                else ""
            )
            + "."
        )
        yield FIGURES["calibration"](
            bins,
            id=f"fig-calibration-{name}-{number}",
            outcome=calibration.outcome,
            alt_text=f"Reliability of confidences over {calibration.n} claims. {brier}",
            note=f"{brier} Bars: exact 95 % intervals (Clopper and Pearson).",
        )
        yield Table(
            f"tab-calibration-{name}-{number}",
            f"Confidence and truth; true means {calibration.outcome}",
            (
                Column("confidence", "mean confidence", "number"),
                Column("n", "claims", "count"),
                Column("supported", "share supported", "number"),
                Column("low", "95 % interval", "interval", high="high"),
            ),
            bins,
            rows=[bin_set(name, number, b.low) for b in calibration.bins],
        )
    yield from _lists(name, audit)


def _lists(name: str, audit: Audit) -> Iterator[Item]:
    for key, title in (
        ("contradicted", "Marked ✓, and refuted"),
        ("borne_out", "Marked ×, and supported"),
        ("unsupported", "Marked ✓, and no number at hand can support it"),
    ):
        found = getattr(audit, key)
        if found:
            yield Table(
                f"tab-{key.replace('_', '-')}-{name}",
                f"Audit: {title[0].lower()}{title[1:]}",
                (Column("id", "claim"), Column("why", "why")),
                pd.DataFrame(found),
                links={"id": [claim_anchor(name, item["id"]) for item in found]},
            )
    if audit.versions:
        yield Table(
            f"tab-versions-{name}",
            "Audit: true of one version of the paper only",
            (
                Column("id", "claim"),
                Column("other_paper", "other version"),
                Column("says", "difference"),
            ),
            pd.DataFrame([v.model_dump() for v in audit.versions]),
            links={"id": [claim_anchor(name, v.id) for v in audit.versions]},
        )  # fmt: skip


def claim_sources(claims: list[tuple[Path, ClaimFile]]) -> dict[str, str]:
    """Name to content of claim files, for the downloads."""
    found = {}
    for path, _ in claims:
        try:
            found[path.name] = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"the claim file cannot be read ({error})", file=path) from error
    return found
