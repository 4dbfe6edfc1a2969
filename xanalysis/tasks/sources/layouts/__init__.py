"""Original file layouts, one record each: where a task's files lie and how they are read."""

from __future__ import annotations

from xanalysis.registry import Registry
from xanalysis.tasks.sources.layouts.base import Layout

_HERE = "xanalysis.tasks.sources.layouts"
LAYOUTS: Registry[Layout] = Registry(
    "file layout",
    {
        "anli": f"{_HERE}.pairs:ANLI",
        "anli_plus": f"{_HERE}.pairs:ANLI_PLUS",
        "americasnli": f"{_HERE}.pairs:AMERICASNLI",
        "mnli": f"{_HERE}.pairs:MNLI",
        "mrpc": f"{_HERE}.pairs:MRPC",
        "myxnli": f"{_HERE}.pairs:MYXNLI",
        "paws": f"{_HERE}.pairs:PAWS",
        "pawsx": f"{_HERE}.pairs:PAWSX",
        "qqp": f"{_HERE}.pairs:QQP",
        "sib200": f"{_HERE}.pairs:SIB200",
        "sick": f"{_HERE}.pairs:SICK",
        "snli": f"{_HERE}.pairs:SNLI",
        "xnli": f"{_HERE}.pairs:XNLI",
        "ccg": f"{_HERE}.tagging:CCG",
        "masakhaner": f"{_HERE}.tagging:MASAKHANER",
        "panx": f"{_HERE}.tagging:PANX",
        "udpos": f"{_HERE}.tagging:UDPOS",
        "lareqa": f"{_HERE}.squad:LAREQA",
        "mlqa": f"{_HERE}.squad:MLQA",
        "squad": f"{_HERE}.squad:SQUAD",
        "squad_sentences": f"{_HERE}.squad:SENTENCES",
        "squad_v2": f"{_HERE}.squad:SQUAD_V2",
        "tydiqa": f"{_HERE}.squad:TYDIQA",
        "xquad": f"{_HERE}.squad:XQUAD",
        "commonsenseqa": f"{_HERE}.choices:COMMONSENSEQA",
        "copa": f"{_HERE}.choices:COPA_ENGLISH",
        "cosmosqa": f"{_HERE}.choices:COSMOSQA",
        "hellaswag": f"{_HERE}.choices:HELLASWAG",
        "siqa": f"{_HERE}.choices:SIQA",
        "xcopa": f"{_HERE}.choices:XCOPA",
        "bucc2018": f"{_HERE}.retrieval:BUCC",
        "mewslix": f"{_HERE}.retrieval:MEWSLIX",
        "tatoeba": f"{_HERE}.retrieval:TATOEBA",
        "text": f"{_HERE}.text:TEXT",
    },
)
