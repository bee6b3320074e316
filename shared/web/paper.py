"""Records on paper: PDF with a text layer, the same for a download, a printout and the EHR's chart.

Every sheet names the person whose record it is and says which of how many sheets it is, so that none goes astray or missing. The
same record always gives the same bytes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from PIL import Image as Pictures
from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import LETTER
from reportlab.lib.styles import ParagraphStyle
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Image, Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

from shared.web.pages import date_words

_FONTS = Path(__file__).parent / "fonts"
_PLAIN, _BOLD = "DejaVuSans", "DejaVuSans-Bold"
_WIDTH, _HEIGHT = LETTER
_MARGIN, _HEAD, _FOOT = 48, 84, 54
_INK, _MUTED, _LINE = HexColor("#1b1b1b"), HexColor("#565c65"), HexColor("#a9aeb1")
_MOST_PIXELS = 20_000_000
_ROWS_A_CELL = 1200


@dataclass(frozen=True)
class Facts:
    """Names and values under a heading."""

    heading: str
    rows: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Grid:
    """A table under a heading: columns with their share of the width, rows of as many texts; `empty` stands where no row is."""

    heading: str
    columns: Sequence[tuple[str, float]]
    rows: Sequence[Sequence[str]]
    empty: str = "None."


@dataclass(frozen=True)
class Words:
    """Paragraphs under a heading."""

    heading: str
    paragraphs: Sequence[str]


@dataclass(frozen=True)
class Picture:
    """A picture (PNG or JPEG bytes) under a heading, with a line below it; if it cannot be shown, the line says so."""

    heading: str
    content: bytes
    caption: str


Section = Facts | Grid | Words | Picture


@dataclass(frozen=True)
class Record:
    """What is written: `person` names whose it is on every sheet, `number` the record at the foot of each."""

    title: str
    practice: str
    person: str
    number: str
    sections: Sequence[Section]


def record_pdf(record: Record) -> bytes:
    """Write a record as PDF on sheets of letter size.

    A letter that the font does not have is written as its Unicode number in brackets, never left out.
    """
    styles, target = _styles(), BytesIO()
    document = SimpleDocTemplate(
        target, pagesize=LETTER, leftMargin=_MARGIN - 6, rightMargin=_MARGIN - 6, topMargin=_HEAD, bottomMargin=_FOOT,
        title=record.title, author=record.practice, lang="en-US", invariant=1,
    )  # fmt: skip
    flow = [part for section in record.sections for part in (Paragraph(_text(section.heading), styles["head"]), *_flow(section))]

    def sheets(*arguments: Any, **options: Any) -> Canvas:
        return _Sheets(record, *arguments, **options)

    document.build(flow, canvasmaker=sheets)
    return target.getvalue()


class _Sheets(Canvas):  # type: ignore[misc]
    """Keeps every sheet until the last is known, then writes head and foot on each."""

    def __init__(self, record: Record, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._record = record
        self._kept: list[dict[str, Any]] = []

    def showPage(self) -> None:  # noqa: N802 - the library's name
        """Keep the sheet."""
        self._kept.append(dict(self.__dict__))
        self._startPage()

    def save(self) -> None:
        """Write all sheets."""
        kept = self._kept
        for number, sheet in enumerate(kept, 1):
            self.__dict__.update(sheet)
            self._frame(number, len(kept))
            super().showPage()
        super().save()

    def _frame(self, number: int, of: int) -> None:
        record = self._record
        self.setStrokeColor(_LINE)
        self.line(_MARGIN, _HEIGHT - 70, _WIDTH - _MARGIN, _HEIGHT - 70)
        self.line(_MARGIN, 44, _WIDTH - _MARGIN, 44)
        self._line(_BOLD, 13, _INK, _HEIGHT - 44, record.title, record.practice)
        self._line(_PLAIN, 9, _INK, _HEIGHT - 60, record.person, "")
        self._line(_PLAIN, 8, _MUTED, 32, record.number, f"Sheet {number} of {of}")

    def _line(self, font: str, size: int, color: HexColor, height: float, left: str, right: str) -> None:
        """Write to both ends of a line; the left text is made smaller where both do not fit."""
        left, right = _shown(left), _shown(right)
        room = _WIDTH - 2 * _MARGIN - pdfmetrics.stringWidth(right, _PLAIN, min(size, 9)) - (12 if right else 0)
        fits = min(float(size), size * room / max(pdfmetrics.stringWidth(left, font, size), 1.0))
        self.setFillColor(color)
        self.setFont(font, fits)
        self.drawString(_MARGIN, height, left)
        self.setFont(_PLAIN, min(size, 9))
        self.drawRightString(_WIDTH - _MARGIN, height, right)


def _flow(section: Section) -> list[Any]:
    styles = _styles()
    if isinstance(section, Words):
        return [Paragraph(_text(text), styles["body"]) for text in section.paragraphs]
    if isinstance(section, Picture):
        return [*_picture(section.content), Paragraph(_text(section.caption), styles["small"])]
    if isinstance(section, Facts):
        return _table([(name, value) for name, value in section.rows], (0.26, 0.74), first="label")
    if not section.rows:
        return [Paragraph(_text(section.empty), styles["body"])]
    head = [tuple(name for name, _ in section.columns)]
    return _table([*head, *section.rows], [share for _, share in section.columns], head=True)


def _table(rows: Sequence[Sequence[str]], shares: Sequence[float], *, first: str = "cell", head: bool = False) -> list[Any]:
    styles, room = _styles(), _WIDTH - 2 * _MARGIN
    kinds = [["label" if head and not index else "cell"] * len(shares) for index in range(len(rows))]
    for kind in kinds[int(head) :]:
        kind[0] = first
    cells = [[_cell(text, styles[kind]) for text, kind in zip(row, of, strict=True)] for row, of in zip(rows, kinds, strict=True)]
    lines = [("VALIGN", (0, 0), (-1, -1), "TOP"), ("LINEBELOW", (0, 0), (-1, -1), 0.4, _LINE)]
    lines += [(f"{side}PADDING", (0, 0), (-1, -1), 2.5) for side in ("TOP", "BOTTOM", "RIGHT")]
    lines.append(("LEFTPADDING", (0, 0), (-1, -1), 0))
    widths = [room * share / sum(shares) for share in shares]
    return [Table(cells, widths, repeatRows=int(head), style=TableStyle(lines), splitInRow=1)]


def _cell(text: str, style: ParagraphStyle) -> list[Paragraph]:
    """Return the cell's text in paragraphs of a length that a sheet can hold."""
    parts = [text[start : start + _ROWS_A_CELL] for start in range(0, len(text), _ROWS_A_CELL)] or [""]
    return [Paragraph(_text(part), style) for part in parts]


def _picture(content: bytes) -> list[Any]:
    try:
        with Pictures.open(BytesIO(content), formats=("PNG", "JPEG")) as picture:
            width, height = picture.size
            if width * height > _MOST_PIXELS:
                raise ValueError("too large")
            picture.load()
    except (OSError, ValueError, SyntaxError):
        return [Paragraph("This picture cannot be shown here.", _styles()["body"])]
    scale = min((_WIDTH - 2 * _MARGIN) / width, 320 / height, 0.75)
    return [Spacer(1, 4), Image(BytesIO(content), width * scale, height * scale, hAlign="LEFT")]


def _text(text: str) -> str:
    return escape(_shown(text)).replace("\n", "<br/>")


def _shown(text: str) -> str:
    """Write letters that the font has not got as `[U+6771]`."""
    known = _letters()
    return "".join(letter if letter in "\n" or ord(letter) in known else f"[U+{ord(letter):04X}]" for letter in text)


@cache
def _letters() -> frozenset[int]:
    _styles()
    return frozenset(pdfmetrics.getFont(_PLAIN).face.charToGlyph)


@cache
def _styles() -> dict[str, ParagraphStyle]:
    """Register the fonts, once, and return the styles."""
    for name in (_PLAIN, _BOLD):
        pdfmetrics.registerFont(TTFont(name, str(_FONTS / f"{name}.ttf")))
    bold = {"fontName": _BOLD}
    body = ParagraphStyle("body", fontName=_PLAIN, fontSize=9, leading=12.5, textColor=_INK, spaceAfter=4, splitLongWords=1)
    return {
        "body": body,
        "cell": ParagraphStyle("cell", body, fontSize=8.5, leading=11, spaceAfter=0),
        "label": ParagraphStyle("label", body, **bold, fontSize=8.5, leading=11, spaceAfter=0),
        "small": ParagraphStyle("small", body, fontSize=8, leading=10.5, textColor=_MUTED, spaceBefore=3),
        "head": ParagraphStyle("head", body, **bold, fontSize=11, leading=14, spaceBefore=12, spaceAfter=4, keepWithNext=1),
    }


def whose(name: str | None, birth_date: date | None, number: str | None) -> str:
    """Say for the head of each sheet whose record it is; what the chart does not say is said to be missing."""
    born = date_words(birth_date) if birth_date else "not in the chart"
    return f"{name or 'Name not in the chart'}  ·  born {born}  ·  MRN {number or 'not in the chart'}"
