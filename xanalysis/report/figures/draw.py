"""From a Vega-Lite specification to a small SVG: drawn without a browser, trimmed, with hover text.

Marks say what they are through Vega-Lite's ``description`` channel (see `TIP`); it becomes an SVG
``<title>``, which browsers show on hover without any script. Everything else that only bloats the
file (frames nobody sees, default attributes, digits after the first decimal, what all marks of a
group repeat) is taken out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import pairwise
from typing import Any, TypeVar
from xml.etree import ElementTree

from xanalysis.report import theme
from xanalysis.report.fonts import FOLDER, spelled, written

Item = TypeVar("Item")

SVG = "http://www.w3.org/2000/svg"
TIP = "\u2063"  # invisible separator: what marks a description or a label; it is taken out

# What a group may say once for all of its marks.
_INHERITED = (
    "font-size",
    "font-weight",
    "text-anchor",
    "fill",
    "stroke",
    "stroke-width",
    "stroke-dasharray",
)
_CIRCLE = re.compile(r"M([\d.]+),0A\1,\1,0,1,1,-\1,0A\1,\1,0,1,1,\1,0(?:Z)?")
_PLACE = re.compile(r"translate\(([-\d.e]+),([-\d.e]+)\)")
_NUMBER = re.compile(r"-?\d+\.\d+(?:e-?\d+)?")
_KEPT = re.compile(r"^(d|x2|y2|x|y|width|height|fill|stroke|font|text-anchor|transform|opacity)")
_DEFAULTS = {
    ("opacity", "1"),
    ("stroke-width", "1"),
    ("stroke", "none"),
    ("x2", "0"),
    ("y2", "0"),
    ("transform", "translate(0,0)"),
}


@cache
def _converter() -> Any:
    import vl_convert

    vl_convert.register_font_directory(str(FOLDER))
    return vl_convert


def svg(spec: Mapping[str, Any]) -> str:
    """Draw a Vega-Lite specification.

    Args:
        spec: The specification with its data inside; nothing is fetched.

    Returns:
        An SVG element with ``viewBox``, ``width`` and ``height``, on one line.
    """
    drawn = _converter().vegalite_to_svg(dict(spec), config=theme.config(), allowed_base_urls=[])
    return trim(drawn)


def png(spec: Mapping[str, Any], scale: float = 2.0) -> bytes:
    """Draw a Vega-Lite specification as a PNG, on white."""
    ground = f'<rect width="100%" height="100%" fill="{theme.PAPER}"/>'
    drawn = re.sub(r"(<svg[^>]*>)", rf"\1{ground}", spelled(written(svg(spec))), count=1)
    image: bytes = _converter().svg_to_png(drawn, scale=scale)
    return image


def inline(values: Sequence[Mapping[str, Any]]) -> Any:
    """Rows as data inside a specification, however many."""
    import altair

    return altair.Data(values=list(values))  # type: ignore[no-untyped-call]


def vega(chart: Any) -> dict[str, Any]:
    """A chart as Vega-Lite.

    Not checked against the schema here, which takes longer than drawing; a test does that.
    """
    spec: dict[str, Any] = chart.to_dict(validate=False)
    return spec


def even(items: Sequence[Item], most: int) -> list[Sequence[Item]]:
    """A sequence cut into parts of nearly the same length, none above ``most``."""
    parts = max(1, -(-len(items) // most))
    cuts = [round(i * len(items) / parts) for i in range(parts + 1)]
    return [items[a:b] for a, b in pairwise(cuts)]


def trim(drawn: str) -> str:
    """The same picture in fewer bytes, with hover text where a mark describes itself."""
    ElementTree.register_namespace("", SVG)
    root = ElementTree.fromstring(drawn)
    _trim(root)
    size = {name: root.get(name, "") for name in ("width", "height", "viewBox")}
    root.attrib.clear()
    root.attrib.update({**size, "font-family": theme.FONT})
    return ElementTree.tostring(root, encoding="unicode", short_empty_elements=True)


def _trim(element: ElementTree.Element) -> None:
    before = ""
    for child in list(element):
        _trim(child)
        name = child.tag.rpartition("}")[2]
        empty = name == "g" and not len(child)
        invisible = name == "path" and child.get("d", "") in ("", "M0,0h0v0h0Z")
        frame = child.get("class") == "background" and _unpainted(child)
        if empty or invisible or frame:
            element.remove(child)
            continue
        tip = child.get("aria-label", "")
        _shorten(child)
        if name == "path":
            _as_circle(child)
        elif name == "text":
            _move(child, "x", "y")
            child.text = (child.text or "").replace(TIP, "")
        elif name == "g":
            _hoist(child)
            if not child.attrib and len(child) == 1:
                element[list(element).index(child)] = child = child[0]
        if tip.startswith(TIP):
            title = ElementTree.Element(f"{{{SVG}}}title")
            title.text = tip.removeprefix(TIP)
            child.insert(0, title)
        if name == "line":
            # A rule is drawn once for every row of the data behind it.
            again = ElementTree.tostring(child, encoding="unicode")
            if again == before:
                element.remove(child)
            before = again


def _shorten(element: ElementTree.Element) -> None:
    """Take out attributes that say nothing, and digits that nobody sees."""
    for key, value in list(element.attrib.items()):
        if not _KEPT.match(key) or key == "font-family" or (key, value) in _DEFAULTS:
            del element.attrib[key]
        elif "." in value and not key.startswith("font"):
            element.attrib[key] = _NUMBER.sub(_short, value)
        elif key == "font-size":
            element.attrib[key] = value.removesuffix("px")


def _as_circle(element: ElementTree.Element) -> None:
    """A circle that is drawn as a path becomes a circle."""
    found = _CIRCLE.fullmatch(element.get("d", ""))
    if found and _move(element, "cx", "cy"):
        element.tag = f"{{{SVG}}}circle"
        del element.attrib["d"]
        element.set("r", found.group(1))


def _move(element: ElementTree.Element, x: str, y: str) -> bool:
    """Say by attributes where it stands, unless it is turned as well."""
    place = _PLACE.fullmatch(element.get("transform", ""))
    if not place or x in element.attrib or y in element.attrib:
        return False
    del element.attrib["transform"]
    element.set(x, place.group(1))
    element.set(y, place.group(2))
    return True


def _hoist(group: ElementTree.Element) -> None:
    """What all marks of a group have in common, the group says once."""
    marks = [child for child in group if child.tag != f"{{{SVG}}}title"]
    if len(marks) < 2:
        return
    for key in _INHERITED:
        values = {mark.get(key) for mark in marks}
        if len(values) == 1 and None not in values:
            group.set(key, values.pop() or "")
            for mark in marks:
                del mark.attrib[key]


def _unpainted(element: ElementTree.Element) -> bool:
    return element.get("fill") in (None, "none") and element.get("stroke") in (None, "none")


def _short(match: re.Match[str]) -> str:
    text = f"{float(match.group()):.1f}".removesuffix(".0")
    return "0" if text == "-0" else text
