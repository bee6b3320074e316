"""The tree of expected refusals.

    CareledgerError
    ├── Invalid             the request breaks a shape or a business rule      400 or 422
    ├── NotFound            no such thing for this principal                   404
    ├── Unauthenticated     nobody that we know                                401
    ├── Forbidden           known, but not allowed                             403
    ├── Conflict            it clashes with what is stored                     409
    ├── PreconditionFailed  somebody else changed it meanwhile                 412
    ├── PreconditionMissing a change needs If-Match                            400
    ├── Gone                it was here and is no more                         410
    ├── TooMany             more than this client may ask in the time          429
    └── Unavailable         a part that we need does not answer                503

A module that refuses defines its own exception below one of these, beside the function that raises it.
`shared.web.errors` turns a kind once into a status, an OperationOutcome or a problem document.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Issue:
    """One thing that is wrong: the rule it breaks, in plain words, and where (a FHIRPath or a JSON field path)."""

    rule: str
    text: str
    expression: str | None = None


class CareledgerError(Exception):
    """An expected refusal that names the rule, the reason and, where known, the place."""

    rule = "careledger"

    def __init__(
        self, text: str, *, rule: str | None = None, expression: str | None = None, issues: tuple[Issue, ...] = ()
    ) -> None:
        super().__init__(text)
        self.issues = issues or (Issue(rule or self.rule, text, expression),)


class Invalid(CareledgerError):
    """The request breaks a shape (status 400) or a business rule (status 422, the default)."""

    rule = "invalid"
    status = 422


class Malformed(Invalid):
    """The request cannot be read at all."""

    rule = "structure"
    status = 400


class NotFound(CareledgerError):
    """Nothing of that name exists for this principal."""

    rule = "not-found"


class Unauthenticated(CareledgerError):
    """The request does not say, or not credibly, who makes it."""

    rule = "login"


class Forbidden(CareledgerError):
    """The principal is known and may not do this."""

    rule = "forbidden"


class Conflict(CareledgerError):
    """The request clashes with what is stored."""

    rule = "conflict"


class PreconditionFailed(CareledgerError):
    """The version that the caller saw is no longer the current one."""

    rule = "stale-version"


class PreconditionMissing(CareledgerError):
    """A change needs the version that the caller saw (If-Match)."""

    rule = "if-match-required"


class Gone(CareledgerError):
    """It was here and is no more."""

    rule = "gone"


class TooMany(CareledgerError):
    """More than the client may ask in the time; `retry_after` seconds until it may again."""

    rule = "rate-limit"

    def __init__(self, text: str, *, retry_after: int) -> None:
        super().__init__(text)
        self.retry_after = retry_after


class Unavailable(CareledgerError):
    """A part that is needed does not answer; nothing was done."""

    rule = "unavailable"
