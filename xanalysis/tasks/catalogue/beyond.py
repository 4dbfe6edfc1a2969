"""Targets beyond the benchmarks: languages that XTREME does not reach."""

from __future__ import annotations

from xanalysis.tasks.catalogue.stilts import NLI, PARQUET
from xanalysis.tasks.catalogue.text import codes, sizes
from xanalysis.tasks.catalogue.xtreme import NER
from xanalysis.tasks.task import Task

SIB200 = codes(
    "ace ace-Arab acm acq aeb af ajp ak am apc ar ar-Latn ars ary arz as ast awa ay az "
    "azb ba ban be bem bg bho bjn bjn-Arab bm bn bo bs bug ca ceb cjk ckb crh-Latn cs "
    "cy da de dik dyu dz ee el en eo es et eu fa ff fi fj fo fon fr fur ga gd gl gn gu "
    "ha he hi hne hr ht hu hy id ig ilo is it ja jv ka kab kac kam kbp kea kg ki kk km "
    "kmb kn ko kr kr-Arab ks ks-Deva ku ky lb lg li lij lmo ln lo lt ltg lua luo lus lv "
    "mag mai mg mi min min-Arab mk ml mn mni mos mr ms mt my nb ne nl nn nqo nso nus ny "
    "oc om or pa pag pap pl prs ps pt quy rn ro ru rw sa sat sc scn sd sg shn si sk sl "
    "sm sn so sq sr ss st su sv sw szl ta taq taq-Tfng te tg th ti tk tl tn tpi tr ts "
    "tt tum tw tzm-Tfng ug uk umb ur uz vec vi war wo xh yi yo yue zh zh-Hant zu"
)

TASKS = (
    Task(
        name="americasnli",
        title="AmericasNLI",
        kind="pair_classification",
        task_type="classification",
        roles=("target",),
        metric="accuracy",
        labels=NLI,
        languages=codes("ay bzd cni gn hch nah oto quy shp tar"),
        train="mnli",
        chance=100 / 3,
        splits=("dev", "test"),
        hub="nala-cub/americas_nli",
        revision=PARQUET,
        layout="americasnli",
        licence="CC BY-SA 4.0",
        citation="ebrahimi2022americasnli",
        note="Translated from XNLI's dev and test rows, so parallel with them.",
    ),
    Task(
        name="myxnli",
        title="myXNLI",
        kind="pair_classification",
        task_type="classification",
        roles=("target",),
        metric="accuracy",
        labels=NLI,
        languages=("my",),
        train="mnli",
        chance=100 / 3,
        splits=("dev", "test"),
        layout="myxnli",
        licence="CC BY-NC 4.0",
        citation="htet2025myxnli",
        test_sizes={"my": 5010},
        note="XNLI's dev and test rows in Burmese, in XNLI's order.",
    ),
    Task(
        name="masakhaner",
        title="MasakhaNER 2.0",
        kind="tagging",
        task_type="structured_prediction",
        roles=("target",),
        metric="seqeval_f1",
        labels=NER,
        languages=codes("bbj bm ee fon ha ig lg luo mos ny pcm rw sn sw tn tw wo xh yo zu"),
        train="panx",
        hub="masakhane/masakhaner2",
        revision=PARQUET,
        layout="masakhaner",
        licence="CC BY-NC 4.0",
        citation="adelani2022masakhaner",
        test_sizes=sizes(
            "bbj 966 bm 1274 ee 1001 fon 1228 ha 1633 ig 2181 lg 1412 luo 1474 mos 1294 ny "
            "1785 pcm 1613 rw 2235 sn 1773 sw 1883 tn 996 tw 1211 wo 1312 xh 1633 yo 1964 "
            "zu 1670"
        ),
        note="Zero-shot from PAN-X's English training data; DATE spans count as O.",
    ),
    Task(
        name="sib200",
        title="SIB-200",
        kind="pair_classification",
        task_type="classification",
        roles=("target",),
        metric="accuracy",
        labels=codes("entertainment geography health politics science/technology sports travel"),
        languages=SIB200,
        train="sib200",
        chance=100 / 7,
        hub="Davlan/sib200",
        revision=PARQUET,
        layout="sib200",
        licence="CC BY-SA 4.0",
        citation="adelani2024sib200",
        test_sizes=dict.fromkeys(SIB200, 204),
        note="Topic of a sentence; parallel over its languages.",
    ),
)
