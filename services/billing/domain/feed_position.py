"""A place in a tenant's change feed, `<epoch>.<number>` in clear, or 0 for its start (integration.md 5)."""

from uuid import UUID

from shared.kernel.errors import Gone, Malformed

START = "0"
_MOST_DIGITS = 18


class FeedReset(Gone):
    """The position is of a feed that is no more: the database was restored to an earlier point."""

    rule = "feed-epoch"


def number_of(position: str, epoch: UUID, *, expression: str) -> int:
    """Return the number of a position; Malformed if it is none, FeedReset (410) if it is of another epoch than `epoch`."""
    if position == START:
        return 0
    told, _, number = position.partition(".")
    try:
        of_epoch = UUID(told)
    except ValueError as error:
        raise Malformed("is 0 or a position that the feed gave", rule="feed-position", expression=expression) from error
    if not (number.isascii() and number.isdigit()) or len(number) > _MOST_DIGITS:
        raise Malformed("is 0 or a position that the feed gave", rule="feed-position", expression=expression)
    if of_epoch != epoch:
        text = "this feed is no more: read status=billable again, and drop duplicates by identifier"
        raise FeedReset(text, expression=expression)
    return int(number)
