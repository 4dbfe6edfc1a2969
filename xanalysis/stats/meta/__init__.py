"""Meta-analysis of gains over studies, models and papers."""

from __future__ import annotations

from xanalysis.stats.meta.analysis import TESTS, MetaAnalysis, meta_analyse
from xanalysis.stats.meta.heterogeneity import METHODS

__all__ = ["METHODS", "TESTS", "MetaAnalysis", "meta_analyse"]
