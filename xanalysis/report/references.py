"""The works that a report cites, as BibTeX."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

_FILE = Path(__file__).parent / "assets" / "references.bib"


@cache
def bibtex() -> str:
    """All of them, as a file."""
    return _FILE.read_text(encoding="utf-8")


@cache
def references() -> dict[str, str]:
    """Key to entry."""
    entries = [entry.strip() for entry in bibtex().split("\n\n") if entry.strip()]
    return {entry.partition("{")[2].partition(",")[0]: entry for entry in entries}


def line(entry: str) -> str:
    """A BibTeX entry as a line of text: authors, year, title, place, DOI."""
    fields = dict(re.findall(r"^  (\w+) = \{(.*)\},?$", entry, flags=re.MULTILINE))
    plain = {k: _unbrace(v) for k, v in fields.items()}
    authors = plain["author"].split(" and ")
    who = authors[0].split(",")[0] + (" et al." if len(authors) > 2 else "")
    if len(authors) == 2:
        who += " and " + authors[1].split(",")[0]
    where = plain.get("journal") or plain.get("booktitle") or f"arXiv:{plain.get('eprint', '')}"
    if "volume" in plain:
        where += " " + plain["volume"]
    doi = f" doi:{plain['doi']}" if "doi" in plain else ""
    return f"{who} ({plain['year']}). {plain['title']}. {where}.{doi}"


def _unbrace(value: str) -> str:
    value = value.replace('{\\"a}', "ä").replace("{\\'a}", "á")
    return value.replace("{", "").replace("}", "")
