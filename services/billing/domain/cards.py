"""Which sorts of CDS cards there are, and ids of cards that say their sort: nothing is stored when cards are shown."""

from enum import StrEnum
from uuid import UUID


class CardTopic(StrEnum):
    """What a card is about."""

    CONSENT = "consent"
    TIME = "time"
    PROGRAMS = "programs"


class OverrideReason(StrEnum):
    """Why somebody set a card aside, as far as our own codes tell it; an EHR may send others."""

    PATIENT_DECLINED = "patient-declined"
    ASK_LATER = "ask-later"
    NOT_ELIGIBLE = "not-eligible"
    ALREADY_SETTLED = "already-settled"


_TOPICS = tuple(CardTopic)
_VERSION = 8


def card_id(topic: CardTopic, random: bytes) -> UUID:
    """Return the id of a new card from 16 random bytes: a UUID of version 8 (RFC 9562) whose last byte says the topic."""
    head, tail = bytearray(random[:15]), _TOPICS.index(topic) + 1
    head[6] = head[6] & 0x0F | _VERSION << 4
    head[8] = head[8] & 0x3F | 0x80
    return UUID(bytes=bytes([*head, tail]))


def topic_of(card: UUID) -> CardTopic | None:
    """Return what a card was about; None for an id that is none of ours."""
    last = card.bytes[-1]
    return _TOPICS[last - 1] if card.version == _VERSION and 0 < last <= len(_TOPICS) else None
