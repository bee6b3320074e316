"""The wordings: each has every point of C1, none is there twice."""

import pytest

from services.consent.domain.disclosure import WORDINGS, Wording, wording, wording_path
from services.consent.fhir_mapping.inbound import read_consent
from shared.kernel.vocabulary import DisclosureCode
from tests.integration.consent.resources import consent
from tests.unit.services.consent.test_fhir_mapping import BASES


def test_a_wording_is_found_by_version_and_language_alone() -> None:
    assert len({(found.version, found.language) for found in WORDINGS}) == len(WORDINGS)
    assert all(wording(found.version, found.language) is found for found in WORDINGS)
    assert wording("1", "xx") is None


@pytest.mark.parametrize("found", WORDINGS, ids=lambda found: f"{found.version}-{found.language}")
def test_every_disclosure_has_its_words(found: Wording) -> None:
    assert set(found.points) == set(DisclosureCode)
    assert all(found.points.values())
    assert "{practitioner}" in found.points[DisclosureCode.ONE_PRACTITIONER]
    assert found.question.endswith("?")


@pytest.mark.parametrize("found", WORDINGS, ids=lambda found: f"{found.version}-{found.language}")
def test_its_address_says_which_it_is(found: Wording) -> None:
    resource = consent()
    resource["policy"][0]["uri"] = f"https://careledger.example{wording_path('north', found)}"
    resource["extension"] = [one for one in resource["extension"] if not one["url"].endswith("communication")]

    script = read_consent(resource, BASES).submission.statement.script

    assert (script.version, script.language) == (found.version, found.language)
