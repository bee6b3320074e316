"""What a note says: the problem it names, what was done, facts true of this patient now, or only errands and attempts.

The reading looks for what could be underlined (findings.md 3): words of a condition or of what clearly belongs to one, acts with
an object, and facts. Phrases that fit any patient, what is taught, what is denied, goals, and what shall happen "if", are no
facts. Facts are of named sorts, so that advice and tests can say which was found.
"""

import re

from services.timetrack.domain import note_phrases as says
from services.timetrack.domain import note_words as words
from services.timetrack.domain.note_clinical_words import NUMBERED
from services.timetrack.domain.note_kinds import (
    ACT,
    CLINICAL,
    CONDITION,
    DRUG,
    FACT,
    MEANS,
    MEASURE,
    NAMED,
    NUMBER,
    PERSON,
    SYMPTOM,
    TEACHING,
    THING,
)
from services.timetrack.domain.note_text import Sentence, Token, Words, normalise, sentences
from shared.kernel.values import value

_STANDING = ("value", "finding", "frequency", "behaviour")
"""The sorts of facts that may be of long ago."""


@value
class Fact:
    """A fact of a named sort (value, change, finding, frequency, behaviour, decision, next, quote, statement) and its words."""

    sort: str
    words: str

    @property
    def result(self) -> bool:
        return self.sort in ("value", "finding", "frequency")


@value
class Reading:
    """What could be underlined in a note.

    `problems` and `acts` are normalised words of the note; `results` counts checked things with their result, `telling` the
    clauses with a fact, `steps` the dated steps besides; `errand` says that nothing but attempts, scheduling, mailing, billing
    or filing is there; `parts` are the sentences.
    """

    problems: tuple[str, ...]
    acts: tuple[str, ...]
    facts: tuple[Fact, ...]
    results: int
    telling: int
    steps: int
    errand: bool
    parts: tuple[Sentence, ...]

    @property
    def sorts(self) -> frozenset[str]:
        """The sorts of the facts."""
        return frozenset(fact.sort for fact in self.facts)


def read_note(text: str) -> Reading:
    """Read a note (any case, accents, line ends); an empty one reads as nothing."""
    normal = normalise(text)
    parts = sentences(normal)
    facts: list[Fact] = []
    results = telling = steps = 0
    for sentence in parts:
        told, clauses = _facts_of(sentence)
        facts += told
        telling += clauses
        steps += not told and bool(sentence.find(says.DATED)) and not sentence.find(says.FOLLOW_UP)
        results += sum([fact.result for fact in told]) + _negatives(sentence)
    problems = [token.text for part in parts for token in part.tokens if token.kinds & CLINICAL]
    problems += says.PROBLEM_PHRASES.findall(normal)
    problems += [fact.words for fact in facts if fact.sort == "value"]
    own, theirs = _spanish_verbs(text.lower())
    acts = [act for part in parts for act in _acts_of(part, own | theirs if part.kinds & PERSON else own, factual=bool(facts))]
    errand = not facts and bool(parts) and _only_errands(parts)
    return Reading(
        problems=tuple(problems),
        acts=tuple(acts),
        facts=tuple(facts),
        results=results,
        telling=telling,
        steps=steps,
        errand=errand,
        parts=parts,
    )


def _spanish_verbs(lower: str) -> tuple[frozenset[str], frozenset[str]]:
    """The past verbs of a text that still has its accents: of the author ("llamé", "se le enseñó"), and of others ("llamó")."""
    said = "ó" in lower
    own = says.FIRST_PERSON.findall(lower) if "é" in lower or "í" in lower else []
    own += says.SE_VERB.findall(lower) if said else []
    theirs = says.THIRD_PERSON.findall(lower) if said else []
    return frozenset(map(normalise, own)), frozenset(map(normalise, theirs))


def _facts_of(sentence: Sentence) -> tuple[list[Fact], int]:
    """The facts of a sentence and how many of its clauses tell one.

    A taught, denied or merely mentioned clause colours the short ones after it.
    """
    found: list[Fact] = []
    telling = 0
    taught = denied = topical = False
    listed = bool(says.TOPIC.match(sentence.text))
    aimed = sentence.find(says.GOAL)
    goal = None
    for clause in sentence.clauses:
        own_subject = bool(says.SUBJECT.match(clause.text)) and not clause.find(says.POLITE)
        short = not own_subject and len(clause.tokens) <= 4 and not clause.kinds & NUMBER
        taught = _teaches(clause) or bool(clause.starts(says.IMPERATIVE)) or ((taught or listed) and not own_subject)
        denied = bool(
            clause.starts(says.DENIAL) or clause.find(says.DENIES) or (denied and (short or says.GOES_ON.match(clause.text)))
        )
        topical = bool(clause.find(says.SYMPTOM_TOPIC)) or (topical and short)
        goal = goal or (aimed and clause.find(says.GOAL))
        if taught or clause.find(says.ROUTINE):
            continue
        if told := clause.find(says.TOLD_TO):
            facts = _told_to(clause, told.end())
        else:
            mood = _Mood(denied=denied, topical=topical, goal=bool(goal), aimed=bool(aimed))
            facts = _clause_facts(clause, sentence, mood)
        found += facts
        telling += bool(facts)
    standing = all(fact.sort in _STANDING for fact in found)
    if standing and sentence.find(says.BACKGROUND) and not sentence.find(says.PAST):
        return [], 0
    if not (taught or listed or aimed):
        found += _sentence_change(sentence, found)
    found += [
        Fact(sort="quote", words=said)
        for said in (says.QUOTE.findall(sentence.text) if '"' in sentence.text else ())
        if not (sentence.find(says.ATTEMPT, said) or sentence.find(says.ERRANDS, said))
    ]
    if not found and not (taught or listed or sentence.find(says.TOLD_TO)) and not sentence.find(says.DENIES):
        found += _statement(sentence)
    return found, max(telling, bool(found))


@value
class _Mood:
    """How a clause speaks: what it names is denied or merely mentioned, its numbers are a goal's; `aimed`: so its sentence."""

    denied: bool
    topical: bool
    goal: bool
    aimed: bool


def _sentence_change(sentence: Sentence, found: list[Fact]) -> list[Fact]:
    """A comparison that spans clauses ("wt 187, was 183"): of a result, or of a drug's numbers."""
    of_a_result = any(fact.result for fact in found)
    if not (of_a_result or sentence.kinds & DRUG):
        return []
    compared = _first(says.PAUSE_AND_COMPARISON.search(sentence.text), _comparison(sentence, sentence.text))
    carried = compared and (of_a_result or any(sign.isdigit() for sign in compared.group()))
    return [Fact(sort="change", words=compared.group())] if compared and carried else []


def _comparison(part: Words, text: str) -> re.Match[str] | None:
    """The first comparison in `text`, which is what is left of `part`."""
    numbers = part.opens & says.THAN.bit or "(" in text
    return _first(part.find(says.COMPARISON, text), says.NUMBERS_COMPARED.search(text) if numbers else None)


def _first(one: re.Match[str] | None, other: re.Match[str] | None) -> re.Match[str] | None:
    return min(one, other, key=lambda found: found.start()) if one and other else one or other


def _told_to(clause: Words, start: int) -> list[Fact]:
    """What a patient was told to do is no fact, unless it changes a drug."""
    if says.VALUE_TOLD.search(clause.text, start):
        return [Fact(sort="value", words=clause.text[start:].strip())]
    decided = says.DECISION.pattern.search(clause.text, start)
    changes = decided and clause.kinds & DRUG and not decided.group().endswith("ed")
    return [Fact(sort="decision", words=decided.group())] if decided and changes else []


def _clause_facts(clause: Words, sentence: Sentence, mood: _Mood) -> list[Fact]:
    text = clause.without(says.CONDITIONAL)
    clinical = clause.kinds & CLINICAL
    found = _results(clause, text, mood)
    if not mood.aimed and (found or clinical) and (compared := _comparison(clause, text)):
        found.append(Fact(sort="change", words=compared.group()))
    if not mood.denied and clause.opens & says.BEHAVIOUR.bit and (behaviour := _behaviour(clause, sentence, text)):
        found.append(Fact(sort="behaviour", words=behaviour))
    if escalated := clause.find(says.ESCALATION, text):
        found.append(Fact(sort="decision", words=escalated.group()))
    elif not mood.denied and _can_decide(sentence) and (decided := _decision(clause, text)):
        found.append(Fact(sort="decision", words=decided))
    if (arrives := clause.find(says.ARRIVES, text)) and not clause.find(says.ERRANDS, text):
        found.append(Fact(sort="next", words=arrives.group()))
    return found


def _results(clause: Words, text: str, mood: _Mood) -> list[Fact]:
    """The one thing that a clause found: a value, a finding or how often something happens."""
    for at, token in enumerate(clause.tokens if clause.kinds & NUMBER and not mood.goal else ()):
        if token.number and token.text in text and _is_value(clause.tokens, at):
            return [Fact(sort="value", words=token.text)]
    for token in clause.tokens if clause.kinds & SYMPTOM and not (mood.denied or mood.topical) else ():
        asserted = token.kinds & SYMPTOM and token.text in text
        if asserted and not _negated(text, token.text) and not clause.find(says.UNCHANGED, text):
            return [Fact(sort="finding", words=token.text)]
    often = clause.find(says.FREQUENCY, text) if clause.kinds & CLINICAL else None
    return [Fact(sort="frequency", words=often.group())] if often else []


def _behaviour(clause: Words, sentence: Sentence, text: str) -> str | None:
    """What the patient does or lacks, unless it is denied ("no missed doses") or about nothing."""
    if not (sentence.kinds & (CLINICAL | MEANS) or _concrete_words(clause.tokens)):
        return None
    meant = clause.find(says.INTENT, text)
    for match in says.BEHAVIOUR.pattern.finditer(text):
        if (meant and meant.start() <= match.start()) or (match.group() == "twice" and clause.find(says.ATTEMPT, text)):
            continue
        if says.HABITS.match(match.group()) and says.HABIT_FINE.search(text):
            continue
        if says.NEGATIVE_START.match(match.group()) or not says.NEGATED.search(text[: match.start()]):
            return match.group()
    return None


def _can_decide(sentence: Sentence) -> bool:
    """Is there something to decide about: a drug, a measure, a thing, or a number that is not an appointment's?"""
    return bool(sentence.kinds & (DRUG | MEASURE | THING) or (sentence.kinds & NUMBER and not sentence.find(says.ERRANDS)))


def _decision(clause: Words, text: str) -> str | None:
    """A change of treatment; not one that did not happen, is only asked about, or that the patient only means to make."""
    if not clause.opens & says.DECISION.bit:
        return None
    if clause.find(says.INTENT, text) or (text.startswith("no ") and "per " not in text):
        return None
    found = clause.find(says.DECISION, clause.without(says.ASKED, text))
    return found.group() if found else None


def _statement(sentence: Sentence) -> list[Fact]:
    """A sentence that tells much that would not stand in just any note, though no pattern knows it."""
    concrete = _concrete(sentence)
    if len(concrete) < 2:
        return []
    errand = sentence.find(says.ERRANDS) or sentence.find(says.ATTEMPT)
    introduced, _, told = sentence.text.partition(":")
    if sentence.find(says.REVIEWED, introduced) and not (sentence.find(says.TOLD_OF) or sentence.find(says.RECENT, told)):
        return []
    weight = (
        len(concrete)
        + bool(sentence.find(says.PAST))
        + bool(sentence.kinds & (DRUG | SYMPTOM))
        + bool(sentence.find(says.TOLD_BY_PRONOUN))
    )
    if weight >= (6 if errand else 4) and not sentence.find(says.ROUTINE):
        return [Fact(sort="statement", words=" ".join(concrete))]
    return []


def _teaches(clause: Words) -> bool:
    return bool(clause.kinds & TEACHING) and not says.BY_ORDER.search(clause.text)


def _negated(text: str, word: str) -> bool:
    before = text[: text.find(word)]
    return bool(says.NEGATION.pattern.search(before))


def _is_value(tokens: tuple[Token, ...], at: int) -> bool:
    """Is the number at `at` a result (not a date, a clock time, a dose, a diagnosis code, an age or a count of minutes)?"""
    text = tokens[at].text
    before = [token.text for token in tokens[max(0, at - 4) : at]]
    after = tokens[at + 1].text if at + 1 < len(tokens) else ""
    last = before[-1] if before else ""
    pressure = says.BLOOD_PRESSURE.match(text)
    if pressure and int(pressure[1]) >= 60 and int(pressure[2]) >= 30:
        return True
    if says.DAY_OR_SCORE.match(text):
        return last in words.SCORES
    label = last in words.BEFORE_LABEL or after in words.NOT_VALUES or after in words.DOSES
    if label or ":" in text or text.endswith(("st", "nd", "rd", "th")) or says.DIAGNOSIS_CODE.match(text):
        return False
    if text.endswith("%") or after in words.UNITS or last in NUMBERED:
        return True
    return any(token.kinds & MEASURE for token in tokens[max(0, at - 4) : at])


def _negatives(sentence: Sentence) -> int:
    if not (sentence.kinds & SYMPTOM and sentence.opens & says.NEGATION.bit):
        return 0
    asked = [clause for clause in sentence.clauses if clause.kinds & SYMPTOM and not clause.kinds & TEACHING]
    return sum(1 for clause in asked if clause.find(says.NEGATION))


def _concrete_words(tokens: tuple[Token, ...]) -> list[str]:
    return [
        token.text
        for before, token in zip((None, *tokens), tokens, strict=False)
        if token.concrete and not (before and before.text in words.TITLES)
    ]


def _concrete(sentence: Sentence) -> list[str]:
    """The different words of a sentence that would not stand in just any note."""
    return list(dict.fromkeys(_concrete_words(sentence.tokens)))


def _acts_of(sentence: Sentence, verbs: frozenset[str], *, factual: bool) -> list[str]:
    """What was done: an act with a specific object, or, in a note that tells a fact, an act towards a person or a thing."""
    done = [
        at
        for at, token in enumerate(sentence.tokens)
        if (token.kinds & ACT or (factual and token.past) or token.text in verbs) and not _by_patient(sentence.tokens, at)
    ]
    specific, person = sentence.kinds & FACT, sentence.kinds & PERSON
    concrete = len(_concrete(sentence)) if done else 0
    named = person and (sentence.kinds & CONDITION or concrete >= 1)
    found = []
    for at in done:
        token = sentence.tokens[at]
        weak = token.text in words.WEAK_ACTS
        if (at and sentence.tokens[at - 1].text == "as") or _by_another(sentence.tokens, at):
            continue
        only_reviewed = weak and token.text not in words.CONTACTS
        if only_reviewed and not (factual or concrete >= 2 or says.REVIEW_OF.search(sentence.text)):
            continue
        by_itself = specific or concrete >= 3 or (not weak and (named or concrete >= 2))
        with_facts = concrete >= 1 or token.text in words.INFORMED or (not weak and (person or at == 0))
        if by_itself or (factual and with_facts):
            found.append(token.text)
    if factual and (involved := _involved(sentence) or sentence.find(says.KEPT)):
        found.append(involved.group())
    return found


def _involved(sentence: Sentence) -> re.Match[str] | None:
    """Somebody of the care team or the family does something."""
    found = sentence.find(says.INVOLVED)
    return says.SPECIALIST.search(sentence.text) if found is None and "ist " in sentence.text else found


def _by_another(tokens: tuple[Token, ...], at: int) -> bool:
    """Was it done by the patient's people ("filled by daughter")?"""
    after = tokens[at + 1 : at + 3]
    return len(after) == 2 and after[0].text == "by" and after[1].text in words.FAMILY


def _by_patient(tokens: tuple[Token, ...], at: int) -> bool:
    """Is the patient the subject of the act (they called, asked, stopped)?"""
    before = {token.text for token in tokens[max(0, at - 2) : at]}
    return not before.isdisjoint(words.PATIENT_BEFORE) and tokens[at].text not in words.JOINT


def _errand(sentence: Sentence) -> bool:
    if not sentence.opens & says.ERRANDS.bit:
        return False
    return any(not says.ONLY_A_DATE.match(found.group()) for found in says.ERRANDS.pattern.finditer(sentence.text))


def _only_errands(parts: tuple[Sentence, ...]) -> bool:
    errands = [bool(part.find(says.ATTEMPT)) or _errand(part) for part in parts]
    work = any(token.text in words.NAMED_WORK for part in parts for token in part.tokens)
    empty = [not _concrete(part) and not part.kinds & NAMED for part in parts]
    return any(errands) and not work and all(errand or nothing for errand, nothing in zip(errands, empty, strict=True))
