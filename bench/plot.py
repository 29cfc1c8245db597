"""A line chart as SVG, for figures in docs/: a few curves of labelled points, two axes, one dashed limit."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 720, 440
LEFT, TOP, BOTTOM = 64, 20, 52
RIGHT, LEGEND = 150, 66  # beside the picture; what a legend takes beyond its names
COLOURS = (
    "#5b6770", "#0b6e4f", "#8a5fbf", "#c46210", "#b3123f", "#1f5fa8",
    "#a8a800", "#00a3a3", "#6b3f1d", "#e07be0", "#222222", "#7fbf3f",
)  # fmt: skip
LETTER = 7
STEPS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100)
MOST_TICKS = 8


@dataclass(frozen=True, slots=True)
class Point:
    """In the units of the axes, from 0 up."""

    x: float
    y: float
    label: str


@dataclass(frozen=True, slots=True)
class Curve:
    """Points in the order in which they are joined."""

    name: str
    points: tuple[Point, ...]


def chart(x_title: str, y_title: str, curves: Sequence[Curve], limit: tuple[float, str]) -> str:
    """The picture. ``limit`` is a height and its name; both axes begin at 0."""
    points = [point for curve in curves for point in curve.points]
    right = max(RIGHT, LEGEND + LETTER * max(len(curve.name) for curve in curves))
    x_step, x_end = _axis(max(point.x for point in points))
    y_step, y_end = _axis(max(limit[0], *(point.y for point in points)))

    def across(x: float) -> float:
        return LEFT + x / x_end * (WIDTH - LEFT - right)

    def down(y: float) -> float:
        return HEIGHT - BOTTOM - y / y_end * (HEIGHT - TOP - BOTTOM)

    def parts() -> Iterator[str]:
        yield f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif">'
        yield f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>'
        for tick in range(round(x_end / x_step) + 1):
            x = across(tick * x_step)
            yield _line(x, down(0), x, down(y_end), "#e4e7ea")
            yield _text(x, down(0) + 18, f"{tick * x_step:g}", anchor="middle")
        for tick in range(round(y_end / y_step) + 1):
            y = down(tick * y_step)
            yield _line(across(0), y, across(x_end), y, "#e4e7ea")
            yield _text(LEFT - 8, y + 4, f"{tick * y_step:g}", anchor="end")
        yield _text((LEFT + WIDTH - right) / 2, HEIGHT - 12, x_title, anchor="middle")
        middle = (TOP + HEIGHT - BOTTOM) / 2
        yield _text(18, middle, y_title, anchor="middle", more=f' transform="rotate(-90 18 {middle:.0f})"')
        yield _line(across(0), down(limit[0]), across(x_end), down(limit[0]), "#b00", ' stroke-dasharray="5 4"')
        yield _text(across(x_end) + 6, down(limit[0]) + 4, limit[1], "#b00")
        for number, curve in enumerate(curves):
            colour = COLOURS[number % len(COLOURS)]
            path = " ".join(f"{across(point.x):.1f},{down(point.y):.1f}" for point in curve.points)
            yield f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>'
            for point in curve.points:
                yield f'<circle cx="{across(point.x):.1f}" cy="{down(point.y):.1f}" r="3.5" fill="{colour}"/>'
                yield _text(across(point.x), down(point.y) - 7, point.label, colour, "middle", size=10)
            yield _line(WIDTH - right + 32, TOP + 20 * number + 8, WIDTH - right + 52, TOP + 20 * number + 8, colour)
            yield _text(WIDTH - right + 58, TOP + 20 * number + 12, curve.name, colour)
        yield "</svg>\n"

    return "\n".join(parts())


def _axis(most: float) -> tuple[float, float]:
    """A round step, and the multiple of it that is not below ``most``."""
    step = next((step for step in STEPS if most / step <= MOST_TICKS), STEPS[-1])
    return step, step * max(1, math.ceil(most / step))


def _line(x1: float, y1: float, x2: float, y2: float, colour: str, more: str = "") -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"{more}/>'


def _text(
    x: float, y: float, text: str, colour: str = "#333", anchor: str = "start", size: int = 12, more: str = ""
) -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" font-size="{size}" fill="{colour}" text-anchor="{anchor}"'
    return f"<text {place}{more}>{escape(text)}</text>"
