"""Scopes are read strictly, met level by level, and written in the words of who asked (standards 1.6)."""

import pytest

from deploy.sandbox.scopes import Scopes

MET = [
    ("system/*.rs", "system/Patient.r system/Condition.rs", "system/Patient.r system/Condition.rs"),
    ("system/Patient.crus", "system/*.rs", "system/Patient.rs"),
    ("system/*.read", "system/*.read", "system/*.read"),
    ("system/Patient.write", "system/Patient.cruds", "system/Patient.write"),
    ("system/Patient.*", "system/Patient.cruds", "system/Patient.*"),
    ("patient/Patient.read", "patient/Patient.r", "patient/Patient.r"),
    ("system/Patient.r system/Patient.s", "system/Patient.rs", "system/Patient.rs"),
    ("patient/Observation.rs?category=x", "patient/*.cruds", ""),
    ("patient/Patient.", "patient/*.cruds", ""),
    ("patient/Patient.sr", "patient/*.cruds", ""),
    ("user/Patient.rs", "system/*.cruds patient/*.cruds", ""),
    ("launch openid launch/patient profile", "launch openid fhirUser", "launch openid"),
    (
        "openid user/Practitioner.r patient/*.rs",
        "openid patient/Condition.rs user/*.r",
        "openid user/Practitioner.r patient/Condition.rs",
    ),
]


@pytest.mark.parametrize(("asked", "allowed", "result"), MET)
def test_scopes_are_what_was_asked_and_allowed(asked: str, allowed: str, result: str) -> None:
    assert str(Scopes.read(asked).meet(Scopes.read(allowed))) == result


def test_levels_tell_where_an_interaction_is_granted() -> None:
    scopes = Scopes.read("patient/*.r user/Patient.s system/Patient.read")
    assert scopes.levels("Patient", "r") == {"patient", "system"}
    assert scopes.levels("Patient", "s") == {"user", "system"}
    assert scopes.levels("Condition", "r") == {"patient"}
    assert scopes.levels("Condition", "c") == set()
