"""A note's words: normalised, cut into sentences and clauses, each word with the classes that the check knows it by."""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from services.timetrack.domain import note_clinical_words as clinical
from services.timetrack.domain import note_kinds as kind
from services.timetrack.domain import note_words as words
from services.timetrack.domain.note_openings import Phrase
from services.timetrack.domain.note_phrases import DAY_OF_WEEK, PAST_VERB, PHRASES

LONGEST = 6000
"""Characters of a note that are read: more than three pages say nothing new about whether it is specific."""

_WORD = re.compile(
    r"\d+(?:[.,:/-]\d+)*(?:st|nd|rd|th|s)?%?|->|<-|=>|[→↑↓←=+@&#$%<>]"
    r"|[a-z][a-z0-9]*(?:['/-][a-z0-9]+)*\.?(?=\W|$)|[a-z]+|\d+[a-z]+"
)
_SENTENCE = re.compile(r"[.!?](?<!\b(?:dr|mr|ms|sr|st)[.!?])(?<!\b(?:dra|mrs|sra)[.!?])(?=\s|$)|[;\n]| - | \| ")
_BETWEEN_CLAUSES = (
    "because|bc|but|so that|although|though|until|which|who|while|whereas|porque|pero|aunque|hasta que|mientras|pues"
)
_CLAUSE = re.compile(rf"[,()]|:(?!\d)|\b(?:{_BETWEEN_CLAUSES})\b")
_SPACE = re.compile(r"[^\S\n]{2,}|[^\S\n ]")
_PLAIN = {0x2018: "'", 0x2019: "'", 0x201C: '"', 0x201D: '"', 0xAB: '"', 0xBB: '"', 0x2013: "-", 0x2014: " - "}
_DIGIT_UNIT = re.compile(r"\d(?=(?:mg|mcg|kg|lbs?|cm|mm|ml|hrs?|h|days?|d|wks?|w|weeks?|mo|months?|x|u|units?|am|pm|a|p|l|g)\b)")


_TERMS = {
    "heart failure": "chf",
    "heart rate": "hr",
    "oxygen level": "sat",
    "frecuencia cardiaca": "fc",
    "wound care": "wound-clinic",
    "high blood pressure": "htn",
    "blood pressure": "bp",
    "blood sugars": "sugars",
    "blood sugar": "sugars",
    "shortness of breath": "sob",
    "short of breath": "sob",
    "atrial fibrillation": "afib",
    "sleep apnea": "osa",
    "kidney disease": "ckd",
    "water pills": "diuretics",
    "water pill": "diuretic",
    "insuficiencia cardiaca": "icc",
    "falta de aire": "disnea",
    "presion arterial": "pa",
    "insuficiencia renal": "erc",
    "chest pain": "angina-pain",
    "dolor de pecho": "angina-pain",
    "low back": "back",
    "side effects": "effects",
    "blood thinner": "anticoagulant",
}
_TERM = re.compile(r"\b(?:" + "|".join(_TERMS) + r")\b")
"""Terms of two words, read as the word that the lists have."""


@dataclass(frozen=True, slots=True)
class Token:
    """One word as read, and its classes (bits of `note_kinds`).

    `concrete`: it would not stand in just any note; `past`: no list has it, but it looks like a verb of the past; `opens`: the
    bits of the phrases that may start with it.
    """

    text: str
    kinds: int
    number: bool
    concrete: bool
    past: bool
    opens: int


@dataclass(slots=True)  # frozen costs three times as much to make, and a note has a dozen
class Words:
    """Some words of a note: `text` as normalised, its tokens, all their classes and the phrases that may start there."""

    text: str
    tokens: tuple[Token, ...]
    kinds: int
    opens: int

    def find(self, phrase: Phrase, text: str | None = None) -> re.Match[str] | None:
        """Search for a phrase, here or in `text`, which is what is left of these words."""
        return phrase.pattern.search(self.text if text is None else text) if self.opens & phrase.bit else None

    def starts(self, phrase: Phrase) -> re.Match[str] | None:
        """Look for a phrase at the start."""
        return phrase.pattern.match(self.text) if self.opens & phrase.bit else None

    def without(self, phrase: Phrase, text: str | None = None) -> str:
        """Return the text, or `text`, without a phrase."""
        kept = self.text if text is None else text
        return phrase.pattern.sub("", kept) if self.opens & phrase.bit else kept


@dataclass(slots=True)
class Sentence(Words):
    """A sentence with its clauses, the stretches of words without a pause."""

    clauses: tuple[Words, ...]


def normalise(text: str) -> str:
    """Return `text` in lower case, without accents, with plain quotes and single spaces (line ends stay)."""
    bare = text[:LONGEST].lower()
    if not bare.isascii():
        bare = unicodedata.normalize("NFKD", bare)
        bare = "".join([sign for sign in bare if not unicodedata.combining(sign)]).translate(_PLAIN)
    bare = _DIGIT_UNIT.sub(r"\g<0> ", bare)
    bare = _TERM.sub(lambda found: _TERMS[found.group()], bare)
    return _SPACE.sub(" ", bare).strip()


def sentences(text: str) -> tuple[Sentence, ...]:
    """Return the sentences of a normalised text, empty ones left out."""
    found = []
    for part in _SENTENCE.split(text):
        clauses = tuple([clause for piece in _CLAUSE.split(part) if (clause := _words(piece.strip())).tokens])
        if clauses:
            tokens = tuple([token for clause in clauses for token in clause.tokens])
            kinds, opens = _joined(clauses)
            found.append(Sentence(part.strip(), tokens, kinds, opens | _OPEN_BETWEEN, clauses))
    return tuple(found)


def _words(text: str) -> Words:
    tokens = tuple(map(_token, _WORD.findall(text)))
    return Words(text, tokens, *_joined(tokens))


def _joined(parts: tuple[Token, ...] | tuple[Words, ...]) -> tuple[int, int]:
    """What the parts are and open, together."""
    kinds = opens = 0
    for part in parts:
        kinds |= part.kinds
        opens |= part.opens
    return kinds, opens


@lru_cache(maxsize=20_000)
def _token(found: str) -> Token:
    word = found.rstrip(".")
    kinds = kinds_of(word)
    number = word[0].isdigit()
    concrete = len(word) > 2 and not number and not kinds & ~(kind.THING | kind.MEANS) and not DAY_OF_WEEK.match(word)
    opens = sum(phrase.bit for phrase in PHRASES if phrase.opened_by(word))
    return Token(word, kinds, number, concrete, past=not kinds and PAST_VERB.search(word) is not None, opens=opens)


def _index(*groups: tuple[int, tuple[str, ...]]) -> tuple[dict[str, int], dict[int, tuple[str, ...]]]:
    exact: dict[str, int] = {}
    stems: dict[int, tuple[str, ...]] = {}
    for bit, listed in groups:
        for word in listed:
            if not word.endswith("*"):
                exact[word] = exact.get(word, 0) | bit
        stems[bit] = tuple(word[:-1] for word in listed if word.endswith("*"))
    return exact, stems


_EXACT, _STEMS = _index(
    (kind.CONDITION, clinical.CONDITIONS),
    (kind.SYMPTOM, clinical.SYMPTOMS),
    (kind.DRUG, (*clinical.DRUGS, *clinical.DRUG_NAMES)),
    (kind.MEASURE, clinical.MEASURES),
    (kind.THING, clinical.THINGS),
    (kind.MEANS, clinical.MEANS),
    (kind.PERSON, words.PEOPLE),
    (kind.ACT, words.ACTS),
    (kind.TEACHING, words.TEACHING),
    (kind.CLERICAL, words.CLERICAL),
    (kind.ATTEMPT, words.ATTEMPTS),
    (kind.GENERIC, (*words.GENERIC, *words.GENERIC_SPANISH)),
)
_TYPO_LENGTH = 7


def _shortened(word: str) -> set[str]:
    return {word[:at] + word[at + 1 :] for at in range(len(word))}


def _typo_index() -> dict[str, list[str]]:
    index: dict[str, list[str]] = {}
    for listed in (*clinical.DRUGS, *clinical.DRUG_NAMES, *clinical.CONDITIONS):
        word = listed.rstrip("*")
        if len(word) >= _TYPO_LENGTH and word.isalpha():
            for key in {word, *_shortened(word)}:
                index.setdefault(key, []).append(word)
    return index


_TYPOS = _typo_index()


def _misspelt(word: str) -> int:
    """The classes of the drug or condition that `word` is one slip away from: a letter missing, added, wrong or exchanged."""
    for key in (word, *_shortened(word)):
        for meant in _TYPOS.get(key, ()):
            if meant[0] == word[0] and abs(len(meant) - len(word)) <= 1:
                return (_EXACT.get(meant) or kind.DRUG) & kind.NAMED
    return 0


def kinds_of(word: str) -> int:
    """Return the classes of a normalised word, by list, stem, ending or, last, as a slip of the pen."""
    if word[0].isdigit():
        return kind.NUMBER
    kinds = _EXACT.get(word, 0)
    for bit, stems in _STEMS.items():
        if stems and word.startswith(stems):
            kinds |= bit
    if len(word) > 6 and word.endswith(clinical.DRUG_ENDINGS) and not kinds & ~kind.GENERIC:
        kinds |= kind.DRUG
    if not kinds and len(word) >= _TYPO_LENGTH and word.isalpha():
        kinds |= _misspelt(word)
    if kinds & kind.NAMED:
        kinds &= ~kind.GENERIC
    if not kinds and len(word) > 6 and word.endswith(words.ABSTRACT_ENDINGS):
        kinds |= kind.GENERIC
    if word in words.STOPWORDS:
        kinds |= kind.STOP
    return kinds


_OPEN_BETWEEN = _words(_BETWEEN_CLAUSES.replace("|", " ")).opens
"""The phrases that may start with a word between clauses, which is a token of none of them."""
