"""The layers of an encoder on CPUs, several parts of each batch at once.

Many operations of a small encoder are too short to be worth dividing among threads one by one.
Parts of a batch need each other only where parameters learn from all of them, which is a third of
the work and can be done by whichever thread would have to wait.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise
from threading import Lock
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from xanalysis.runner.training.cpu.crew import Crew
from xanalysis.runner.training.cpu.layer import Layer, Part, Passage, Room
from xanalysis.runner.training.cpu.walk import Walk
from xanalysis.runner.training.dropout import NO_DROPOUT, Dropout
from xanalysis.runner.training.layout import Layout

PART = 400  # tokens of a part for each thread that works on it: small encoders' stay in its cache
# Parts' rows are a multiple: oneDNN makes a kernel for every number that it has not met before,
# which takes as long as multiplying 200 rows, and slow ones for primes.
STEP = 8
LINEAR = ("query", "key", "value", "dense")  # how the names of linear modules end


class SharedLayers:
    """The layers of a BERT or XLM-R encoder that :func:`can_share`.

    Results depend on the number of parts, so on the number of threads, only by rounding and by
    which random numbers dropout draws; not on which thread did what.

    Args:
        model: The Hugging Face module.
        dtype: The numbers that products are computed in, bfloat16 or float32.
    """

    def __init__(self, model: Any, dtype: torch.dtype) -> None:
        self.dtype = dtype
        self.threads = torch.get_num_threads()
        self.shares = 2 if self.threads % 2 == 0 else 1
        config = model.config
        self._rates = (config.hidden_dropout_prob, config.attention_probs_dropout_prob)
        self.layers = [
            Layer(module, config.num_attention_heads, dtype) for module in model.encoder.layer
        ]
        self._norms = [
            parameter
            for layer in self.layers
            for norm in layer.norms
            for parameter in (norm.weight, norm.bias)
        ]
        self.rooms_there: list[list[Room]] = []  # free, one for every layer
        self.rooms_back: list[Room] = []  # free, for any layer
        each = self.threads // self.shares
        self._crew = Crew(each, self.threads)
        self.lock = Lock()
        self._workers = ThreadPoolExecutor(
            self.shares, "share", initializer=_start, initargs=(each,)
        )

    def __call__(
        self, hidden: Tensor, layout: Layout, generator: np.random.Generator, first_only: bool
    ) -> Tensor:
        """Run the layers.

        Args:
            hidden: Embeddings, ``[tokens, width]``, in the layers' numbers.
            layout: Of the batch.
            generator: Dropout's.
            first_only: See ``Encoder``.

        Returns:
            The last layer's output. Going backward adds the gradients of linear modules to their
            parameters' ``grad`` directly.
        """
        parts = self._parts(layout, generator)
        return cast(
            Tensor,
            _Shared.apply(self, parts, first_only, hidden, *self._norms),  # type: ignore[no-untyped-call]
        )

    def _cut(self, layout: Layout) -> list[Layout]:
        """Cut a batch: into parts that stay in a core's cache, and one a thread at least."""
        tokens = len(layout.places) // (self.threads // self.shares)
        return layout.parts(max(self.shares, round(tokens / PART)))

    def _parts(self, layout: Layout, generator: np.random.Generator | None) -> list[Part]:
        """The parts of a batch, with dropout if there is a generator."""
        layouts = self._cut(layout)
        padding = [-len(own.places) % STEP for own in layouts]
        counts = [len(own.places) + more for own, more in zip(layouts, padding, strict=True)]
        rows = np.cumsum([0, *counts]).tolist()
        sequences = np.cumsum([0, *(len(own.sizes) for own in layouts)]).tolist()
        places = zip(layouts, padding, pairwise(rows), pairwise(sequences), strict=True)
        draws = generator.spawn(len(layouts)) if generator is not None else None
        hidden, scores = self._rates
        return [
            Part(
                number,
                own,
                rows=slice(*its_rows),
                padding=more,
                sequences=slice(*its_sequences),
                drop=Dropout(hidden, draws[number]) if draws else NO_DROPOUT,
                drop_scores=Dropout(scores, draws[number]) if draws else NO_DROPOUT,
                crew=self._crew,
            )
            for number, (own, more, its_rows, its_sequences) in enumerate(places)
        ]

    def read(
        self, hidden: Tensor, layout: Layout, first_only: bool, all_layers: bool
    ) -> list[Tensor]:
        """Run the layers without dropout and without a way back.

        Args:
            hidden: Embeddings, ``[tokens, width]``, in the layers' numbers.
            layout: Of the batch.
            first_only: See ``Encoder``.
            all_layers: Keep what every layer puts out, not the last one's alone.

        Returns:
            What the layers put out, or the last one.
        """
        self.refresh()
        parts = self._parts(layout, None)
        rows = _spread(hidden.detach(), parts)

        def own(part: Part) -> list[Tensor]:
            own = replace(
                part,
                rows=slice(part.rows.stop - part.rows.start),
                sequences=slice(len(part.layout.sizes)),
            )
            passing, rooms = rows[part.rows], (Room(), Room())
            found: list[Tensor] = []
            for index, layer in enumerate(self.layers):
                first = first_only and layer is self.layers[-1]
                outputs = own.sequences.stop if first else own.rows.stop
                passage = Passage(passing, outputs, layer.inner, rooms[index % 2], returns=False)
                layer.forward(passage, own)
                passing = passage.result
                result = passing if first else passing[own.tokens]
                found = [*found, result.clone()] if all_layers else [result]
            return found

        found = self.each(own, parts)
        return [torch.cat(parts) for parts in zip(*found, strict=True)]

    def refresh(self) -> None:
        """Take over the modules' parameters."""

        def call(layers: list[Layer]) -> None:
            for layer in layers:
                for product in layer.products:
                    product.refresh()

        self.each(call, [self.layers[share :: self.shares] for share in range(self.shares)])

    def all(self, function: Callable[[], None]) -> None:
        """Call a function in every thread."""
        self.each(lambda number: function(), range(self.shares))

    def each(self, function: Callable[..., Any], *given: Iterable[Any]) -> list[Any]:
        """Call a function for each of some things, several at a time, without autograd."""

        def plain(*own: Any) -> Any:
            with torch.no_grad(), torch.autocast("cpu", enabled=False):
                return function(*own)

        if self.shares == 1:
            return list(map(plain, *given))
        found = list(self._workers.map(plain, *given))
        torch.set_num_threads(self.threads)  # new threads set what later ones begin with
        return found


class _Shared(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        shared: SharedLayers,
        parts: list[Part],
        first_only: bool,
        hidden: Tensor,
        *norms: nn.Parameter,
    ) -> Tensor:
        shared.refresh()
        rows, passages = _spread(hidden.detach(), parts), []
        rooms = shared.rooms_there.pop() if shared.rooms_there else [Room() for _ in shared.layers]
        for layer, room in zip(shared.layers, rooms, strict=True):
            first = first_only and layer is shared.layers[-1]
            outputs = parts[-1].sequences.stop if first else len(rows)
            passages.append(Passage(rows, outputs, layer.inner, room))
            rows = passages[-1].result
        walk = Walk(
            len(parts),
            list(range(len(passages))),
            lambda layer, part: shared.layers[layer].forward(passages[layer], parts[part]),
        )
        shared.all(walk.lead)
        ctx.shared, ctx.parts, ctx.passages = shared, parts, passages
        # A copy: what it lies in is used again.
        return rows.clone() if passages[-1].first_only else _gathered(rows, parts)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        shared, parts, passages = ctx.shared, ctx.parts, ctx.passages
        ctx.passages = None
        if not passages[-1].first_only:
            gradient = _spread(gradient, parts)
        gradients = [gradient[passages[-1].place(part)].contiguous() for part in parts]
        free = shared.rooms_back
        taken: dict[int, Room] = {}

        def step(layer: int, part: int) -> None:
            with shared.lock:
                if layer not in taken:
                    taken[layer] = free.pop() if free else Room()
                    passages[layer].turn(taken[layer])
            gradients[part] = shared.layers[layer].backward(
                gradients[part], passages[layer], parts[part]
            )

        walk = Walk(
            len(parts),
            list(reversed(range(len(passages)))),
            step,
            passed=lambda layer: shared.layers[layer].lessons(passages[layer]),
            done=lambda layer: free.append(taken.pop(layer)),
        )
        shared.all(walk.lead)
        shared.rooms_there.append([passage.room for passage in passages])
        of_norms = [
            of_norm
            for layer, passage in zip(shared.layers, passages, strict=True)
            for of_norm in layer.of_norms(passage)
        ]
        return None, None, None, _gathered(torch.cat(gradients), parts), *of_norms


def _spread(tokens: Tensor, parts: list[Part]) -> Tensor:
    """Rows of a batch from those of its tokens: each part's, and its padding of zeros."""
    rows, start = tokens.new_zeros(parts[-1].rows.stop, tokens.shape[1]), 0
    for part in parts:
        own = rows[part.tokens]
        own.copy_(tokens[start : start + len(own)])
        start += len(own)
    return rows


def _gathered(rows: Tensor, parts: list[Part]) -> Tensor:
    """The way back from ``_spread``."""
    return torch.cat([rows[part.tokens] for part in parts])


def _start(threads: int) -> None:
    torch.get_num_threads()  # a thread takes over the process's number when it first looks
    torch.set_num_threads(threads)


def can_share(model: Any, training: bool) -> bool:
    """Whether ``SharedLayers`` can train a model's layers, or only run them, as things are.

    They can on CPUs when all layers are plain (GELU inside, no adapters) and, to be trained, none
    is frozen.
    """
    return (
        model.config.hidden_act == "gelu"
        and all(p.is_cpu and (p.requires_grad or not training) for p in model.encoder.parameters())
        and all(
            type(module) is nn.Linear
            for name, module in model.encoder.named_modules()
            if name.endswith(LINEAR)
        )
    )
