"""Records on paper: the text can be read back, every sheet says whose it is, nothing is left out or runs off."""

import struct
import zlib
from io import BytesIO

from pypdf import PdfReader

from shared.web.paper import Facts, Grid, Picture, Record, Words, record_pdf

PERSON = "Jørgensen, Clara B.  ·  born Jul 7, 1944  ·  MRN 00495530"


def record(*sections: Facts | Grid | Words | Picture) -> Record:
    """Return a record with these sections."""
    return Record("Consent to CCM", "Practice north", PERSON, "Consent 1, version 1", sections)


def sheets(content: bytes) -> list[str]:
    """Return the words of each sheet, with single blanks."""
    return [" ".join(page.extract_text().split()) for page in PdfReader(BytesIO(content)).pages]


def png(width: int, height: int) -> bytes:
    """Return a grey picture."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress(b"\x00" + b"\x80" * width) if height == 1 else zlib.compress((b"\x00" + b"\x80" * width) * height)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def test_every_sheet_names_the_person_and_its_number() -> None:
    rows = [[str(number), "Called about glucose & <b>insulin</b> " * 6] for number in range(60)]
    found = sheets(record_pdf(record(Grid("Entries", (("No.", 1), ("Note", 6)), rows))))
    assert len(found) > 2
    for number, text in enumerate(found, 1):
        assert "Jørgensen, Clara B. · born Jul 7, 1944 · MRN 00495530" in text
        assert f"Sheet {number} of {len(found)}" in text
        assert "Consent 1, version 1" in text
        assert "No. Note" in text, "the table's head is repeated"
    assert " ".join(found).count("glucose & <b>insulin</b>") == 360, "nothing is lost, no mark is obeyed"


def test_the_same_record_gives_the_same_bytes() -> None:
    one = record(Facts("Record", [("Program", "CCM")]), Words("Said", ["Yes."]))
    assert record_pdf(one) == record_pdf(one)


def test_a_letter_that_the_font_has_not_is_written_as_its_number() -> None:
    (text,) = sheets(record_pdf(record(Facts("Record", [("By", "Łukasz Ďuriš, Ελένη, Иван, 東")]))))
    assert "Łukasz Ďuriš, Ελένη, Иван, [U+6771]" in text


def test_a_value_longer_than_a_sheet_goes_on_on_the_next() -> None:
    found = sheets(record_pdf(record(Facts("Record", [("Note", "word " * 4000), ("After", "end")]))))
    assert sum(text.count("word") for text in found) == 4000
    assert "After end" in found[-1]


def test_an_empty_table_says_so() -> None:
    (text,) = sheets(record_pdf(record(Grid("Entries", (("No.", 1),), [], empty="No time is recorded."))))
    assert "No time is recorded." in text


def test_a_picture_is_shown_and_a_broken_one_is_said_to_be() -> None:
    content = record_pdf(record(Picture("Signature", png(300, 80), "Fingerprint ab")))
    assert len(PdfReader(BytesIO(content)).pages[0].images) == 1
    for broken in (b"\x89PNG\r\n\x1a\nnothing", png(300, 80)[:60], png(30_000, 1_000)):
        (text,) = sheets(record_pdf(record(Picture("Signature", broken, "Fingerprint ab"))))
        assert "This picture cannot be shown here. Fingerprint ab" in text
