"""Recording a consent at the FHIR base: created once, whatever the client repeats (issue: items 2 and 5)."""

import asyncio

import pytest

from tests.integration.consent.conftest import Door
from tests.integration.consent.resources import SENDER, by_practitioner, consent, declined, extension_of


async def test_a_grant_is_stored_with_its_headers_and_comes_back_whole(door: Door) -> None:
    answer = await door.post(consent())

    body = answer.json()
    assert answer.status_code == 201
    assert answer.headers["location"] == f"{door.base}/Consent/{body['id']}/_history/1"
    assert answer.headers["etag"] == 'W/"1"'
    assert answer.headers["content-type"].startswith("application/fhir+json")
    assert body["status"] == "active" and body["meta"]["versionId"] == "1"
    assert body["patient"]["reference"] == "http://127.0.0.1:9/fhir/R4/Patient/p-1"
    assert body["identifier"][1:] == consent()["identifier"]
    assert (await door.get(f"Consent/{body['id']}")).json() == body
