"""How the parts of a note read as one text."""

import re

_SENTENCE = re.compile(r"(?<=[.!?])\s+")


def told_once(*parts: str | None) -> str:
    """Join what was done, why it mattered and the free text, each sentence once: a sender's free text often repeats the two."""
    return " ".join(dict.fromkeys(sentence for part in parts if part for sentence in _SENTENCE.split(part.strip())))
