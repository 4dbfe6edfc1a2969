"""The nine target tasks of XTREME (Hu et al. 2020)."""

from __future__ import annotations

from xanalysis.tasks.catalogue.stilts import NLI
from xanalysis.tasks.catalogue.text import codes, sizes
from xanalysis.tasks.task import Task

_XTREME = "ec5f1f46e9af79639a90684a7a70a956c4998f04"  # of google/xtreme
_QA = {"kind": "extractive_qa", "task_type": "question_answering", "roles": ("target",)}
# Universal POS tags in the order of the benchmark's label list.
UPOS = codes("ADJ ADP ADV AUX CCONJ DET INTJ NOUN NUM PART PRON PROPN PUNCT SCONJ SYM VERB X")
NER = codes("B-LOC B-ORG B-PER I-LOC I-ORG I-PER O")

XNLI = codes("ar bg de el en es fr hi ru sw th tr ur vi zh")
XQUAD = codes("ar de el en es hi ru th tr vi zh")

TASKS = (
    Task(
        name="xnli",
        title="XNLI",
        kind="pair_classification",
        task_type="classification",
        roles=("target",),
        metric="accuracy",
        labels=NLI,
        languages=XNLI,
        train="mnli",
        chance=100 / 3,
        splits=("dev", "test"),
        hub="facebook/xnli",
        revision="b8dd5d7af51114dbda02c0e3f6133f332186418e",
        layout="xnli",
        licence="CC BY-NC 4.0",
        citation="conneau2018xnli",
        test_sizes=dict.fromkeys(XNLI, 5010),
        note="Trained on MNLI's English training data.",
    ),
    Task(
        name="pawsx",
        title="PAWS-X",
        kind="pair_classification",
        task_type="classification",
        roles=("target",),
        metric="accuracy",
        labels=("0", "1"),
        languages=codes("de en es fr ja ko zh"),
        train="pawsx",
        chance=50.0,
        hub="google-research-datasets/paws-x",
        revision="4cd8187c404bda33cb1f62b49b001115862acf37",
        layout="pawsx",
        licence="free for any purpose, acknowledgement appreciated",
        citation="yang2019pawsx",
        test_sizes=dict.fromkeys(codes("de en es fr ja ko zh"), 2000),
        note="Labels differ a little between languages: each language has its own.",
    ),
    Task(
        name="udpos",
        title="UD-POS",
        kind="tagging",
        task_type="structured_prediction",
        roles=("target",),
        metric="seqeval_f1",
        labels=UPOS,
        languages=codes(
            "af ar bg de el en es et eu fa fi fr he hi hu id it ja kk ko mr nl pt ru ta te th "
            "tl tr ur vi yo zh"
        ),
        train="udpos",
        hub="google/xtreme",
        revision=_XTREME,
        layout="udpos",
        licence="per treebank (Universal Dependencies)",
        citation="nivre2020ud",
        test_sizes=sizes(
            "af 425 ar 1680 bg 1116 de 22458 el 2809 en 5440 es 3147 et 3760 eu 1799 fa 600 "
            "fi 4422 fr 9465 he 491 hi 2684 hu 449 id 1557 it 3518 ja 2372 kk 1047 ko 4276 "
            "mr 47 nl 1471 pt 2681 ru 11336 ta 120 te 146 th 1000 tl 55 tr 4785 ur 535 vi 800 "
            "yo 100 zh 5528"
        ),
        note="The benchmark scores tags as chunks (seqeval F1), not by accuracy.",
    ),
    Task(
        name="panx",
        title="PAN-X",
        kind="tagging",
        task_type="structured_prediction",
        roles=("target",),
        metric="seqeval_f1",
        labels=NER,
        languages=codes(
            "af ar bg bn de el en es et eu fa fi fr he hi hu id it ja jv ka kk ko ml mr ms my "
            "nl pt ru sw ta te th tl tr ur vi yo zh"
        ),
        train="panx",
        hub="unimelb-nlp/wikiann",
        revision="f89f2fe2694613baf6bb62e7393290846127adbf",
        layout="panx",
        licence="none stated by its authors (text from Wikipedia, CC BY-SA)",
        citation="pan2017panx",
        test_sizes={
            **dict.fromkeys(codes("ar bg de el en es et eu fa fi fr he hu id it ja ka"), 10_000),
            **dict.fromkeys(codes("ko nl pt ru th tr vi zh"), 10_000),
            **dict.fromkeys(codes("af bn hi kk ml mr ms sw ta te tl ur"), 1_000),
            **dict.fromkeys(codes("jv my yo"), 100),
        },
    ),
    Task(
        name="xquad",
        title="XQuAD",
        metric="squad",
        languages=XQUAD,
        train="squad_v1",
        splits=("test",),
        hub="google/xquad",
        revision="51adfef1c1287aab1d2d91b5bead9bcfb9c68583",
        layout="xquad",
        licence="CC BY-SA 4.0",
        citation="artetxe2020xquad",
        test_sizes=dict.fromkeys(XQUAD, 1190),
        note="Answers are normalised by the English SQuAD rules in every language.",
        **_QA,
    ),
    Task(
        name="mlqa",
        title="MLQA",
        metric="mlqa",
        languages=codes("ar de en es hi vi zh"),
        train="squad_v1",
        splits=("dev", "test"),
        hub="google/xtreme",
        revision=_XTREME,
        layout="mlqa",
        licence="CC BY-SA 3.0",
        citation="lewis2020mlqa",
        test_sizes=sizes("ar 5335 de 4517 en 11590 es 5253 hi 4918 vi 5495 zh 5137"),
        note="Answers are normalised by language-specific rules.",
        **_QA,
    ),
    Task(
        name="tydiqa",
        title="TyDiQA-GoldP",
        metric="squad",
        languages=codes("ar bn en fi id ko ru sw te"),
        train="tydiqa",
        splits=("train", "dev"),
        hub="google-research-datasets/tydiqa",
        revision="da78f23f9119363459acbaf46bf89426ff26c259",
        layout="tydiqa",
        licence="Apache-2.0",
        citation="clark2020tydiqa",
        test_sizes=sizes("ar 921 bn 113 en 440 fi 782 id 565 ko 276 ru 812 sw 499 te 669"),
        note="XTREME's test set is the official dev set.",
        **_QA,
    ),
    Task(
        name="bucc2018",
        title="BUCC 2018",
        kind="retrieval",
        task_type="retrieval",
        roles=("target",),
        metric="bucc_f1",
        languages=codes("de fr ru zh"),
        train=None,
        splits=("dev", "test"),
        layout="bucc2018",
        licence="none stated (shared task, research use)",
        citation="zweigenbaum2018bucc",
        note="Ratio-margin mining, k = 4; the threshold is tuned on dev and reused on test.",
    ),
    Task(
        name="tatoeba",
        title="Tatoeba",
        kind="retrieval",
        task_type="retrieval",
        roles=("target",),
        metric="retrieval_accuracy",
        languages=codes(
            "af ar bg bn de el es et eu fa fi fr he hi hu id it ja jv ka kk ko ml mr nl pt ru "
            "sw ta te th tl tr ur vi zh"
        ),
        train=None,
        splits=("test",),
        hub="google/xtreme",
        revision=_XTREME,
        layout="tatoeba",
        licence="CC BY 2.0 FR",
        citation="artetxe2019laser",
        test_sizes=sizes(
            "af 1000 ar 1000 bg 1000 bn 1000 de 1000 el 1000 es 1000 et 1000 eu 1000 fa "
            "1000 fi 1000 fr 1000 he 1000 hi 1000 hu 1000 id 1000 it 1000 ja 1000 jv 205 ka "
            "746 kk 575 ko 1000 ml 687 mr 1000 nl 1000 pt 1000 ru 1000 sw 390 ta 307 te 234 "
            "th 548 tl 1000 tr 1000 ur 1000 vi 1000 zh 1000"
        ),
        note="English sentences query the foreign index.",
    ),
)
