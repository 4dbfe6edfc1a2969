"""The layers of an encoder on CPUs, trained on two shares of each batch at once.

Many operations of a small encoder are too short to be worth dividing among threads one by one. Two
shares of a batch are long, and need each other only where parameters learn from both. That is a
third of the work and can be done by whichever thread would have to wait.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from threading import Condition
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from xanalysis.runner.training.crew import Crew
from xanalysis.runner.training.dropout import NO_DROPOUT, Dropout
from xanalysis.runner.training.layer import Layer, Part, Passage, Room, Task
from xanalysis.runner.training.layout import Layout

LINEAR = ("query", "key", "value", "dense")  # how the names of linear modules end


class SharedLayers:
    """The layers of a BERT or XLM-R encoder that :func:`can_share`.

    Results depend on the number of shares, so on the number of threads, only by rounding and by
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
        self._crews = [Crew(each) for _ in range(self.shares)]
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

    def _parts(self, layout: Layout, generator: np.random.Generator) -> list[Part]:
        layouts = layout.parts(self.shares)
        tokens = np.cumsum([0, *(len(own.places) for own in layouts)]).tolist()
        sequences = np.cumsum([0, *(len(own.sizes) for own in layouts)]).tolist()
        places = zip(pairwise(tokens), pairwise(sequences), strict=True)
        draws = generator.spawn(len(layouts))
        hidden, scores = self._rates
        return [
            Part(
                share,
                layouts[share],
                tokens=slice(*rows),
                sequences=slice(*firsts),
                drop=Dropout(hidden, draws[share]),
                drop_scores=Dropout(scores, draws[share]),
                crew=self._crews[share],
            )
            for share, (rows, firsts) in enumerate(places)
        ]

    def forward(self, passages: list[Passage], part: Part) -> None:
        """All layers for one part."""
        for layer, passage in zip(self.layers, passages, strict=True):
            layer.forward(passage, part)

    def read(self, hidden: Tensor, layout: Layout, first_only: bool) -> list[Tensor]:
        """Run the layers without dropout and without a way back.

        Args:
            hidden: Embeddings, ``[tokens, width]``, in the layers' numbers.
            layout: Of the batch.
            first_only: See ``Encoder``.

        Returns:
            What each layer puts out.
        """
        self.refresh()
        layouts = layout.parts(self.shares)
        rows = torch.split(hidden.detach(), [len(own.places) for own in layouts])

        def own(rows: Tensor, layout: Layout, crew: Crew) -> list[Tensor]:
            tokens, sequences = slice(len(rows)), slice(len(layout.sizes))
            part = Part(0, layout, tokens, sequences, NO_DROPOUT, NO_DROPOUT, crew)
            found = []
            for layer in self.layers:
                first = first_only and layer is self.layers[-1]
                outputs = len(layout.sizes) if first else len(rows)
                passage = Passage(rows, outputs, layer.inner, returns=False)
                layer.forward(passage, part)
                rows = passage.result
                found.append(rows)
            return found

        found = self.each(own, rows, layouts, self._crews)
        return [torch.cat(parts) for parts in zip(*found, strict=True)]

    def refresh(self) -> None:
        """Take over the modules' parameters."""

        def call(layers: list[Layer]) -> None:
            for layer in layers:
                for product in layer.products:
                    product.refresh()

        self.each(call, [self.layers[share :: self.shares] for share in range(self.shares)])

    def each(self, function: Callable[..., Any], *given: Iterable[Any]) -> list[Any]:
        """Call a function for every share at the same time, without autograd and autocast."""

        def plain(*own: Any) -> Any:
            with torch.no_grad(), torch.autocast("cpu", enabled=False):
                return function(*own)

        if self.shares == 1:
            return list(map(plain, *given))
        found = list(self._workers.map(plain, *given))
        torch.set_num_threads(self.threads)  # new threads set what later ones begin with
        return found


class _WayBack:
    """All parts going back through all layers; parameters learn as soon as every part has passed.

    Who waits for a part that is behind does what is to be learnt meanwhile.
    """

    def __init__(
        self,
        layers: list[Layer],
        passages: list[Passage],
        parts: list[Part],
        rooms: list[Room],
    ) -> None:
        self._layers, self._passages = layers, passages
        self._passed = [0] * len(layers)
        self._parts = len(parts)
        self._tasks: deque[tuple[int, Task]] = deque()
        self._to_come = len(layers)  # layers that have not been passed by all parts
        self._unlearnt: dict[int, int] = {}  # lessons left, by layer
        self._rooms = rooms  # that are free; a layer has one until its lessons are learnt
        self._taken: dict[int, Room] = {}
        self._changed = Condition()
        self._failed = False

    def run(self, gradient: Tensor, part: Part) -> Tensor:
        """Bring a part's gradient back and take part in the learning.

        Returns:
            The gradient of the part's rows.
        """
        try:
            for number in reversed(range(len(self._layers))):
                self._learn(wait=False)
                layer, passage = self._layers[number], self._passages[number]
                with self._changed:
                    if number not in self._taken:
                        room = self._taken[number] = self._rooms.pop() if self._rooms else Room()
                        passage.turn(room)
                gradient = layer.backward(gradient, passage, part)
                self._pass(number)
            self._learn(wait=True)
        except BaseException:
            with self._changed:
                self._failed = True
                self._changed.notify_all()
            raise
        return gradient

    def _pass(self, number: int) -> None:
        with self._changed:
            self._passed[number] += 1
            if self._passed[number] == self._parts:
                self._to_come -= 1
                lessons = self._layers[number].lessons(self._passages[number])
                self._unlearnt[number] = len(lessons)
                self._tasks.extend((number, lesson) for lesson in lessons)
                self._changed.notify_all()

    def _learn(self, wait: bool) -> None:
        """Do what is there to be done; where ``wait`` is set, until nothing will come."""
        while True:
            with self._changed:
                while wait and not self._tasks and self._to_come and not self._failed:
                    self._changed.wait()
                if not self._tasks or self._failed:
                    return
                number, lesson = self._tasks.popleft()
            lesson()
            with self._changed:
                self._unlearnt[number] -= 1
                if not self._unlearnt[number]:
                    self._rooms.append(self._taken[number])


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
        rows, passages = hidden.detach(), []
        rooms = shared.rooms_there.pop() if shared.rooms_there else [Room() for _ in shared.layers]
        for layer, room in zip(shared.layers, rooms, strict=True):
            first = first_only and layer is shared.layers[-1]
            outputs = parts[-1].sequences.stop if first else len(rows)
            passages.append(Passage(rows, outputs, layer.inner, room))
            rows = passages[-1].result
        shared.each(lambda part: shared.forward(passages, part), parts)
        ctx.shared, ctx.parts, ctx.passages = shared, parts, passages
        return rows.clone()  # what it lies in is used again

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        shared, parts, passages = ctx.shared, ctx.parts, ctx.passages
        way = _WayBack(shared.layers, passages, parts, shared.rooms_back)
        own = [gradient[passages[-1].place(part)].contiguous() for part in parts]
        of_hidden = torch.cat(shared.each(way.run, own, parts))
        ctx.passages = None
        shared.rooms_there.append([passage.room for passage in passages])
        of_norms = [
            of_norm
            for layer, passage in zip(shared.layers, passages, strict=True)
            for of_norm in layer.of_norms(passage)
        ]
        return None, None, None, of_hidden, *of_norms


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
