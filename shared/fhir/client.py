"""Reading a tenant's EHR over FHIR, and the one way of writing to it: the only HTTP of shared.fhir.

Egress and tokens are the caller's.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

import httpx

from shared.fhir.json_text import dump, parse
from shared.fhir.references import Ref, parse_reference, patient_id
from shared.kernel.errors import Conflict, Invalid, Malformed, Unavailable

MOST_BYTES = 10 * 1024 * 1024
MOST_PAGES = 50
SECONDS = 30.0

_MEDIA_TYPE = "application/fhir+json"
_LONGEST_REASON = 300
_REFUSALS = frozenset({400, 403, 404, 405, 409, 410, 412, 413, 415, 422})
_PATIENT_OF: Mapping[str, str] = {
    "Condition": "subject",
    "Coverage": "beneficiary",
    "Encounter": "subject",
    "CarePlan": "subject",
    "EpisodeOfCare": "patient",
    "DocumentReference": "subject",
    "Consent": "patient",
}


class EhrUnavailable(Unavailable):
    """The EHR gave no answer that can be used; whether the thing exists is not known."""

    rule = "ehr-unavailable"


class EhrRefused(Conflict):
    """The EHR has understood what it was asked to keep, and will not: asking again as before changes nothing."""

    rule = "ehr-refused"


@dataclass(frozen=True)
class Found:
    """What the EHR holds: the resource, its decimals with every digit, and its version if the EHR tells one."""

    resource: dict[str, Any]
    version: str | None


class FhirClient:
    """Reads one EHR at `base`; `token` hands out the bearer token for each request.

    No redirect is followed; a call (all its pages) reads at most 10 MiB and lasts at most `seconds`. Every answer that is
    neither a resource nor a plain "there is none" is EhrUnavailable. `aliases` are other bases or hosts of the same EHR.
    """

    def __init__(
        self,
        http: httpx.AsyncClient,
        base: str,
        token: Callable[[], Awaitable[str]],
        *,
        aliases: Iterable[str] = (),
        seconds: float = SECONDS,
    ) -> None:
        self._http = http
        self._base = base.rstrip("/")
        self._token = token
        self._aliases = tuple(aliases)
        self._seconds = seconds

    async def read(self, kind: str, ident: str, *, patient: str | None = None) -> Found | None:
        """Read one resource, None if the EHR says that there is none (404) or no more (410).

        With `patient` (an EHR id), a resource of somebody else is refused as EhrUnavailable.
        """
        if parse_reference(f"{kind}/{ident}") != Ref(kind, ident):
            return None
        async with _within(self._seconds):
            body = await self._get(f"{self._base}/{kind}/{ident}", {}, MOST_BYTES)
        if body is None:
            return None
        resource = _parsed(body)
        if resource.get("resourceType") != kind or resource.get("id") != ident:
            raise EhrUnavailable(f"the EHR answered another resource than the {kind} asked for")
        self._must_be_of(resource, patient)
        return Found(resource, _version(resource))

    async def search(self, kind: str, parameters: Mapping[str, str], *, patient: str | None = None) -> list[Found]:
        """Search all pages for resources of `kind`; EhrUnavailable unless the whole result was read.

        Links to the next page are followed on the EHR's own origin only, at most 50 of them. With `patient` (an EHR id),
        a result of somebody else is refused.
        """
        found: list[Found] = []
        url, query, left = f"{self._base}/{kind}", dict(parameters), MOST_BYTES
        async with _within(self._seconds):
            for _ in range(MOST_PAGES):
                body = await self._get(url, query, left)
                page = _parsed(body) if body is not None else {}
                if body is None or page.get("resourceType") != "Bundle" or page.get("type") != "searchset":
                    raise EhrUnavailable("the EHR did not answer a search with a searchset")
                for resource in _resources(page, kind):
                    self._must_be_of(resource, patient)
                    found.append(Found(resource, _version(resource)))
                following = _next(page)
                if following is None:
                    return found
                url, query, left = self._following(url, following), {}, left - len(body)
        raise EhrUnavailable(f"the EHR's answer has more than {MOST_PAGES} pages")

    async def create(self, kind: str, resource: Mapping[str, Any], *, patient: str, identifier: str) -> str:
        """Have the EHR keep a patient's resource under `identifier` (system|value, which it carries); return the EHR's id of it.

        What the EHR has under it already stands, by a search before (not every EHR obeys `If-None-Exist`) and by that header.
        EhrRefused in the EHR's own words if it will not keep it; EhrUnavailable if nobody knows whether it does.
        """
        if kept := await self._kept(kind, patient, identifier):
            return kept
        headers = {"Content-Type": _MEDIA_TYPE, "If-None-Exist": f"identifier={quote(identifier, safe='')}"}
        async with _within(self._seconds):
            answer, body = await self._send("POST", f"{self._base}/{kind}", headers=headers, content=dump(dict(resource)))
        if answer.status_code == 412 and (kept := await self._kept(kind, patient, identifier)):
            return kept
        if answer.status_code in _REFUSALS:
            raise EhrRefused(f"{answer.status_code}: {_reason(body)}")
        if answer.status_code not in (200, 201):
            raise EhrUnavailable(f"the EHR answered with status {answer.status_code}")
        found = _located(kind, answer.headers.get("Location", "")) or await self._kept(kind, patient, identifier)
        if found is None:
            raise EhrUnavailable("the EHR did not say under which id it keeps the resource")
        return found

    async def _kept(self, kind: str, patient: str, identifier: str) -> str | None:
        """Return the id of what the EHR has under the identifier; an EHR's filter is not trusted."""
        for found in await self.search(kind, {"patient": patient, "identifier": identifier}, patient=patient):
            carried = found.resource.get("identifier")
            for one in carried if isinstance(carried, list) else ():
                if isinstance(one, dict) and f"{one.get('system')}|{one.get('value')}" == identifier:
                    return str(found.resource["id"])
        return None

    def _following(self, url: str, following: str) -> str:
        try:
            joined = str(httpx.URL(url).join(following))
        except httpx.InvalidURL as error:
            raise EhrUnavailable("the EHR's link to its next page is no address") from error
        if _origin(joined) != _origin(self._base):
            raise EhrUnavailable("the EHR's next page lies on another host")
        return joined

    async def _get(self, url: str, query: dict[str, str], most: int) -> bytes | None:
        answer, body = await self._send("GET", url, params=query or None, most=most)
        if answer.status_code in (404, 410):
            return None
        if answer.status_code != 200:
            raise EhrUnavailable(f"the EHR answered with status {answer.status_code}")
        return body

    async def _send(
        self, method: str, url: str, *, most: int = MOST_BYTES, headers: Mapping[str, str] | None = None, **options: Any
    ) -> tuple[httpx.Response, bytes]:
        ours = {"Accept": _MEDIA_TYPE, "Accept-Encoding": "identity", "Authorization": f"Bearer {await self._token()}"}
        try:
            request = self._http.build_request(method, url, headers=ours | dict(headers or {}), **options)
            response = await self._http.send(request, stream=True, follow_redirects=False)
            try:
                return response, await _body(response, most)
            finally:
                await response.aclose()
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise EhrUnavailable(f"the EHR cannot be reached ({type(error).__name__})") from error

    def _must_be_of(self, resource: dict[str, Any], patient: str | None) -> None:
        if patient is not None and self._patient_of(resource) != patient:
            raise EhrUnavailable(f"the EHR answered a {resource.get('resourceType')} that is not this patient's")

    def _patient_of(self, resource: dict[str, Any]) -> str | None:
        kind = resource["resourceType"]
        if kind == "Patient":
            return str(resource.get("id"))
        reference = resource.get(_PATIENT_OF.get(kind, ""))
        try:
            return patient_id(reference, ehr_base=self._base, aliases=self._aliases)
        except Invalid:
            return None


@asynccontextmanager
async def _within(seconds: float) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as error:
        raise EhrUnavailable("the EHR took too long") from error


async def _body(response: httpx.Response, most: int) -> bytes:
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > most:
            raise EhrUnavailable(f"the EHR's answer is larger than {MOST_BYTES} bytes")
    return bytes(body)


def _parsed(body: bytes) -> dict[str, Any]:
    try:
        return parse(body)
    except Malformed as error:
        raise EhrUnavailable(f"the EHR's answer cannot be read ({error.issues[0].rule})") from error


def _resources(page: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    """Return the matches of a page; what an outcome says is not one, any other type is a wrong answer."""
    entries = page.get("entry", [])
    found: list[dict[str, Any]] = []
    for entry in entries if isinstance(entries, list) else [None]:
        resource = entry.get("resource") if isinstance(entry, dict) else None
        if not isinstance(resource, dict):
            raise EhrUnavailable("the EHR's searchset has an entry without a resource")
        if resource.get("resourceType") == "OperationOutcome":
            continue
        if resource.get("resourceType") != kind or not isinstance(resource.get("id"), str):
            raise EhrUnavailable(f"the EHR answered a search for {kind} with something else")
        found.append(resource)
    return found


def _next(page: dict[str, Any]) -> str | None:
    links = page.get("link", [])
    for link in links if isinstance(links, list) else ():
        if isinstance(link, dict) and link.get("relation") == "next" and isinstance(link.get("url"), str):
            return str(link["url"])
    return None


def _version(resource: dict[str, Any]) -> str | None:
    meta = resource.get("meta")
    version = meta.get("versionId") if isinstance(meta, dict) else None
    return version if isinstance(version, str) else None


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme.lower(), parts.netloc.lower()


def _located(kind: str, location: str) -> str | None:
    """Return the id in the address of what was made: `…/DocumentReference/7/_history/1`."""
    steps = urlsplit(location).path.split("/")
    return steps[steps.index(kind) + 1] if kind in steps[:-1] else None


def _reason(body: bytes) -> str:
    """Return what an OperationOutcome says, shortened; it is shown to staff."""
    try:
        issues = parse(body).get("issue", [])
        issue = issues[0] if isinstance(issues, list) and issues and isinstance(issues[0], dict) else {}
    except Malformed:
        issue = {}
    details = issue.get("details")
    text = details.get("text") if isinstance(details, dict) else None
    return str(text or issue.get("diagnostics") or issue.get("code") or "it does not say why")[:_LONGEST_REASON]
