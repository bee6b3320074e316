"""Invented people: names, addresses, numbers that pass their check digits, and the staff of the practice."""

import random
import uuid
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from deploy.sandbox.clinic.tables import table

PEOPLE = table("people")


@dataclass(frozen=True)
class Practitioner:
    """Somebody who works at the practice; `team` names the billing practitioner's key, `part` what is special about them."""

    id: str
    key: str
    team: str
    given: str
    family: str
    gender: str
    suffix: str
    credential: str
    npi: str
    taxonomy: str | None = None
    part: str = "team"

    @property
    def name(self) -> str:
        """Name as written on notes."""
        return f"{self.given} {self.family}" + (f", {self.suffix}" if self.suffix else "")


@dataclass(frozen=True)
class Practice:
    """The practice, the hospital nearby, the payers and everybody who works; ids are those of the EHR."""

    organization: str
    organization_npi: str
    hospital: str
    hospital_npi: str
    payers: dict[str, str]
    practitioners: tuple[Practitioner, ...]
    staff: tuple[Practitioner, ...]

    def practitioner(self, key: str) -> Practitioner:
        """Return the billing practitioner of that key."""
        return next(one for one in self.practitioners if one.key == key)

    def team(self, key: str, part: str) -> list[Practitioner]:
        """Return those of a practitioner's team who play that part."""
        return [one for one in self.staff if one.team == key and one.part == part]


@dataclass(frozen=True)
class Person:
    """A patient as the front desk knows them."""

    id: str
    mrn: str
    given: str
    family: str
    gender: str
    birth: date
    address: dict[str, Any]
    phone: str
    mbi: str
    language: str


def new_id(rng: random.Random) -> str:
    """Return a UUID drawn from the seed."""
    return str(uuid.UUID(int=rng.getrandbits(128), version=4))


def npi(rng: random.Random) -> str:
    """Return ten digits whose Luhn check digit is right for an NPI (prefix 80840)."""
    return with_check_digit("1" + "".join(str(rng.randrange(10)) for _ in range(8)))


def with_check_digit(nine: str) -> str:
    """Return nine digits of an NPI with their tenth (CMS: Luhn over 80840 and the nine)."""
    total = 0
    for place, digit in enumerate(reversed("80840" + nine)):
        number = int(digit) * (2 if place % 2 == 0 else 1)
        total += number - 9 if number > 9 else number
    return nine + str(-total % 10)


def make_practice(rng: random.Random, patients: int) -> Practice:
    """Return the practice; beyond ninety patients each team gets more nurses, about one for thirty patients."""
    practitioners = tuple(
        Practitioner(
            new_id(rng), row["key"], row["key"], row["given"], row["family"], row["gender"], row["suffix"], row["credential"],
            npi(rng), row["taxonomy"], "practitioner",
        )
        for row in PEOPLE["practitioners"]
    )  # fmt: skip
    staff = [
        Practitioner(
            new_id(rng), f"{row['team']}-{number}", row["team"], row["given"], row["family"], row["gender"], row["suffix"],
            row["credential"], npi(rng), None, row.get("part", "team"),
        )
        for number, row in enumerate(PEOPLE["staff"])
    ]  # fmt: skip
    for number in range(max(0, patients - 90) // 30):
        given, family = rng.choice(PEOPLE["given"]["female"]), rng.choice(PEOPLE["family"])
        team = practitioners[number % len(practitioners)].key
        key = f"{team}-more-{number}"
        staff.append(Practitioner(new_id(rng), key, team, given, family, "female", "RN", "registered-nurse", npi(rng)))
    payers = {key: new_id(rng) for key in PEOPLE["payers"]}
    return Practice(new_id(rng), npi(rng), new_id(rng), npi(rng), payers, practitioners, tuple(staff))


def make_person(rng: random.Random, number: int, before: date) -> Person:
    """Return a patient of 66 to 94 years on the day `before`."""
    gender = "female" if rng.random() < 0.57 else "male"
    birth = before - timedelta(days=rng.randrange(66 * 366, 94 * 365))
    town = rng.choice(PEOPLE["towns"])
    address = {"line": [f"{rng.randrange(2, 480)} {rng.choice(PEOPLE['streets'])}"], **town, "country": "US"}
    return Person(
        id=new_id(rng),
        mrn=f"MF-{10000 + number}",
        given=rng.choice(PEOPLE["given"][gender]),
        family=rng.choice(PEOPLE["family"]),
        gender=gender,
        birth=birth,
        address=address,
        phone=f"(860) 555-01{rng.randrange(100):02d}",
        mbi=_mbi(rng),
        language="es" if rng.random() < 0.08 else "en",
    )


def _mbi(rng: random.Random) -> str:
    """Return an identifier in the shape of a Medicare Beneficiary Identifier."""
    letters, digits = "ACDEFGHJKMNPQRTUVWXY", "0123456789"
    shape = ("123456789", letters, letters + digits, digits, letters, letters + digits, digits, letters, letters, digits, digits)
    return "".join(rng.choice(allowed) for allowed in shape)
