"""What is known about one language."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

# GiB of text in CC-100 below which a language is called one of low resource here: a convention.
LOW_GIB = 5.0
Resource = Literal["unseen", "low", "high"]


@dataclass(frozen=True)
class Language:
    """One language (in one script).

    Attributes:
        code: Canonical code: ISO 639-1 where there is one, else ISO 639-3, and a script subtag only
            where the script is not the language's default (``zh``, ``zh-Hant``, ``quy``).
        name: English name (CLDR).
        iso639_1: Two-letter code, or None.
        iso639_3: Three-letter code, or None for the collections ``ber``, ``nah`` and ``oto``.
        family: Top node of Glottolog's tree as URIEL has it; an isolate is its own family, and
            constructed languages are ``Constructed``.
        genus: Subgroup comparable to WALS's genera (``data/genera.csv``), else the node below the
            family, else the language itself.
        lineage: Nodes of the tree, from the family down.
        isolate: No other language is in its family.
        script: ISO 15924 code of the script (CLDR).
        macroarea: Glottolog's six areas, by place; None for constructed languages.
        latitude: Degrees north (URIEL); None for constructed languages.
        longitude: Degrees east.
        typology: ISO 639-3 code whose URIEL features stand for this language; None if there are
            none.
        cc100_gib: GiB of text in CC-100, on which XLM-R was pretrained (Conneau et al. 2020,
            Table 6); None means that XLM-R has not seen the language.
        note: What is particular about the record.
    """

    code: str
    name: str
    iso639_1: str | None
    iso639_3: str | None
    family: str
    genus: str
    lineage: tuple[str, ...]
    isolate: bool
    script: str
    macroarea: str | None
    latitude: float | None
    longitude: float | None
    typology: str | None
    cc100_gib: float | None
    note: str = ""

    @property
    def pretrained(self) -> bool:
        """Whether the language is in XLM-R's pretraining corpus."""
        return self.cc100_gib is not None

    @property
    def resource(self) -> Resource:
        """``unseen`` in XLM-R's pretraining corpus, ``low`` (below 5 GiB of text) or ``high``."""
        if self.cc100_gib is None:
            return "unseen"
        return "low" if self.cc100_gib < LOW_GIB else "high"
