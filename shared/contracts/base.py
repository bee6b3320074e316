"""What all payloads share."""

from datetime import date

from pydantic import AwareDatetime, BaseModel, ConfigDict

Instant = AwareDatetime


class Payload(BaseModel):
    """A frozen message body; unknown fields are ignored so that its owner may add some."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Person(Payload):
    """Somebody who works at the practice, as the EHR knows them: `id` is the EHR's Practitioner id."""

    id: str
    npi: str | None = None
    name: str | None = None
    credential: str | None = None


class Dated(Payload):
    """Something that holds from a day to a day (both inclusive; no `until`: still)."""

    since: date
    until: date | None = None
