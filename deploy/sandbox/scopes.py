"""SMART scopes, v1 and v2: read from words, met with what is registered, written back in the words of who asked."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

LAUNCH_WORDS = ("launch", "openid", "fhirUser", "online_access", "offline_access")

_WORD = re.compile(r"(patient|user|system)/([A-Z][A-Za-z]*|\*)\.(c?r?u?d?s?|read|write|\*)\Z")
_V1 = {"read": "rs", "write": "cud", "*": "cruds"}
_V1_WORDS = {letters: word for word, letters in _V1.items()}


@dataclass(frozen=True)
class ScopeKey:
    """To what letters belong: the level (patient, user, system), the type (`*` for all), and whether v1 words were used."""

    level: str
    kind: str
    v1: bool = False


@dataclass(frozen=True)
class Scopes:
    """The words of a launch (`openid`, `launch`, …) and the interactions, letters of `cruds`, with resource types."""

    words: tuple[str, ...] = ()
    letters: Mapping[ScopeKey, str] = field(default_factory=dict)

    @classmethod
    def read(cls, text: str) -> "Scopes":
        """Read scopes; what is none, or narrows by a query that is not enforced here, is left out."""
        words, letters = [], dict[ScopeKey, str]()
        for word in text.split():
            match = _WORD.match(word)
            if word in LAUNCH_WORDS and word not in words:
                words.append(word)
            elif match and match[3]:
                key = ScopeKey(match[1], match[2], match[3] in _V1)
                letters[key] = _union(letters.get(key, ""), _V1.get(match[3], match[3]))
        return cls(tuple(words), letters)

    def meet(self, allowed: "Scopes") -> "Scopes":
        """Return what is both here and allowed, level by level; `*` on one side takes the types of the other."""
        result: dict[ScopeKey, str] = {}
        for asked, wanted in self.letters.items():
            for key, letters in allowed.letters.items():
                common = "".join(letter for letter in wanted if letter in letters)
                if common and asked.level == key.level and (asked.kind == key.kind or "*" in (asked.kind, key.kind)):
                    found = ScopeKey(asked.level, key.kind if asked.kind == "*" else asked.kind, asked.v1)
                    result[found] = _union(result.get(found, ""), common)
        return Scopes(tuple(word for word in self.words if word in allowed.words), result)

    def where(self, keep: Callable[[ScopeKey], bool]) -> "Scopes":
        """Return these scopes without the resource scopes that `keep` denies."""
        return Scopes(self.words, {key: letters for key, letters in self.letters.items() if keep(key)})

    def levels(self, kind: str, interaction: str) -> set[str]:
        """Return the levels at which one interaction (a letter of `cruds`) with a type is granted."""
        return {key.level for key, letters in self.letters.items() if key.kind in (kind, "*") and interaction in letters}

    def __str__(self) -> str:
        return " ".join([*self.words, *(_written(key, letters) for key, letters in self.letters.items())])


def _written(key: ScopeKey, letters: str) -> str:
    return f"{key.level}/{key.kind}.{_V1_WORDS.get(letters, letters) if key.v1 else letters}"


def _union(one: str, other: str) -> str:
    return "".join(letter for letter in "cruds" if letter in one + other)
