"""Bars as numbers for the templates: positions in percent of a lane's scale, as SVG attributes."""

from services.billing.domain.progress import LaneProgress, Threshold
from services.billing.entrypoints.fragments.common import Row
from shared.web.pages import duration_words


def month_bar(progress: LaneProgress, waiting: int = 0) -> Row:
    """Return the bar of a lane: measured, asserted, what waits, and its ticks; past the end it is full and the text tells."""
    shown = progress.shown
    full = shown[-1].seconds
    measured = min(progress.seconds - progress.asserted, full)
    asserted = min(progress.asserted, full - measured)
    done = measured + asserted
    return {
        "full": full,
        "measured": _percent(measured, full),
        "asserted_at": _percent(measured, full),
        "asserted": _percent(asserted, full),
        "running_at": _percent(done, full),
        "waiting": _percent(min(waiting, full - done), full),
        "ticks": [_tick(step, progress, full) for step in shown],
        "label": _label(progress, shown),
    }


def mini_bar(seconds: int, steps: tuple[int, ...]) -> Row:
    """Return a small bar without words."""
    full = steps[-1]
    return {"measured": _percent(min(seconds, full), full), "ticks": [_percent(step, full) for step in steps]}


def threshold_words(step: Threshold) -> str:
    """Name what a threshold earns: `99439 ×2`."""
    return step.code if step.units == 1 else f"{step.code} ×{step.units}"


def _tick(step: Threshold, progress: LaneProgress, full: int) -> Row:
    reached = step.seconds <= progress.seconds
    state = "on" if reached else "next" if step == progress.next else ""
    return {
        "at": _percent(step.seconds, full),
        "anchor": "end" if step.seconds == full else "middle",
        "line": f"tick-{state}" if state else "tick",
        "text": f"t-{state}" if state else "",
        "minutes": f"{step.seconds // 60} min",
        "code": threshold_words(step),
    }


def _label(progress: LaneProgress, shown: tuple[Threshold, ...]) -> str:
    said = [f"{duration_words(progress.seconds)} of {shown[-1].seconds // 60} minutes."]
    for step in shown:
        state = "reached for" if step.seconds <= progress.seconds else "needed for"
        said.append(f"{step.seconds // 60} minutes {state} {threshold_words(step)}.")
    return " ".join(said)


def _percent(part: int, whole: int) -> str:
    return f"{part * 100 / whole:.3f}%"
