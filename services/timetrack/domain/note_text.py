"""A note's words: normalised, cut into sentences and clauses, each word with the classes that the check knows it by."""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from services.timetrack.domain import note_clinical_words as clinical
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
_SPACE = re.compile(r"[^\S\n]+")
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
    """One word as read, and its classes (`drug`, `symptom`, `act`, …).

    `concrete`: it would not stand in just any note; `past`: no list has it, but it looks like a verb of the past; `opens`: the
    phrases that may start with it.
    """

    text: str
    kinds: frozenset[str]
    number: bool
    concrete: bool
    past: bool
    opens: frozenset[Phrase]


@dataclass(slots=True)  # frozen costs three times as much to make, and a note has a dozen
class Words:
    """Some words of a note: `text` as normalised, its tokens, all their classes and the phrases that may start there."""

    text: str
    tokens: tuple[Token, ...]
    kinds: frozenset[str]
    opens: frozenset[Phrase]

    def has(self, *kinds: str) -> bool:
        """Is there a word of any of these classes?"""
        return not self.kinds.isdisjoint(kinds)

    def find(self, phrase: Phrase, text: str | None = None) -> re.Match[str] | None:
        """Search for a phrase, here or in `text`, which is what is left of these words."""
        return phrase.pattern.search(self.text if text is None else text) if phrase in self.opens else None

    def without(self, phrase: Phrase, text: str | None = None) -> str:
        """Return the text, or `text`, without a phrase."""
        kept = self.text if text is None else text
        return phrase.pattern.sub("", kept) if phrase in self.opens else kept


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


def _joined(parts: tuple[Token, ...] | tuple[Words, ...]) -> tuple[frozenset[str], frozenset[Phrase]]:
    """What the parts are and open, together."""
    return frozenset().union(*[part.kinds for part in parts]), frozenset().union(*[part.opens for part in parts])


@lru_cache(maxsize=20_000)
def _token(found: str) -> Token:
    word = found.rstrip(".")
    kinds = kinds_of(word)
    number = word[0].isdigit()
    concrete = len(word) > 2 and not number and kinds <= {"thing", "means"} and not DAY_OF_WEEK.match(word)
    opens = frozenset(phrase for phrase in PHRASES if phrase.opened_by(word))
    return Token(word, kinds, number, concrete, past=not kinds and PAST_VERB.search(word) is not None, opens=opens)


def _index(*groups: tuple[str, tuple[str, ...]]) -> tuple[dict[str, frozenset[str]], dict[str, tuple[str, ...]]]:
    exact: dict[str, set[str]] = {}
    stems: dict[str, tuple[str, ...]] = {}
    for kind, listed in groups:
        for word in listed:
            if not word.endswith("*"):
                exact.setdefault(word, set()).add(kind)
        stems[kind] = tuple(word[:-1] for word in listed if word.endswith("*"))
    return {word: frozenset(kinds) for word, kinds in exact.items()}, stems


_EXACT, _STEMS = _index(
    ("condition", clinical.CONDITIONS),
    ("symptom", clinical.SYMPTOMS),
    ("drug", (*clinical.DRUGS, *clinical.DRUG_NAMES)),
    ("measure", clinical.MEASURES),
    ("thing", clinical.THINGS),
    ("means", clinical.MEANS),
    ("person", words.PEOPLE),
    ("act", words.ACTS),
    ("teaching", words.TEACHING),
    ("clerical", words.CLERICAL),
    ("attempt", words.ATTEMPTS),
    ("generic", (*words.GENERIC, *words.GENERIC_SPANISH)),
)
_CLINICAL = frozenset({"condition", "symptom", "drug"})
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


def _misspelt(word: str) -> frozenset[str]:
    """The classes of the drug or condition that `word` is one slip away from: a letter missing, added, wrong or exchanged."""
    for key in (word, *_shortened(word)):
        for meant in _TYPOS.get(key, ()):
            if meant[0] == word[0] and abs(len(meant) - len(word)) <= 1:
                return (_EXACT.get(meant) or frozenset({"drug"})) & _CLINICAL
    return frozenset()


def kinds_of(word: str) -> frozenset[str]:
    """Return the classes of a normalised word, by list, stem, ending or, last, as a slip of the pen."""
    if word[0].isdigit():
        return frozenset({"number"})
    kinds = set(_EXACT.get(word, ()))
    kinds.update(kind for kind, stems in _STEMS.items() if stems and word.startswith(stems))
    if len(word) > 6 and word.endswith(clinical.DRUG_ENDINGS) and not kinds - {"generic"}:
        kinds.add("drug")
    if not kinds and len(word) >= _TYPO_LENGTH and word.isalpha():
        kinds.update(_misspelt(word))
    if kinds & _CLINICAL:
        kinds.discard("generic")
    if not kinds and len(word) > 6 and word.endswith(words.ABSTRACT_ENDINGS):
        kinds.add("generic")
    if word in words.STOPWORDS:
        kinds.add("stop")
    return frozenset(kinds)


_OPEN_BETWEEN = _words(_BETWEEN_CLAUSES.replace("|", " ")).opens
"""The phrases that may start with a word between clauses, which is a token of none of them."""
