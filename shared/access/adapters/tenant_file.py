"""Reads a tenant's YAML document strictly: a field that nobody knows or that stands twice is an error, not a wish."""

import json
import re
from collections.abc import Hashable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import available_timezones

import yaml
from pydantic import ValidationError

from shared.contracts.tenant import CdsClient, EhrConnection, TenantDocument
from shared.kernel.errors import Invalid, Issue
from shared.kernel.vocabulary import Program
from shared.smart.client_keys import check_jwks
from shared.smart.jwks_fetch import check_key_url

_MOST_DOLLARS = 1_000_000


class TenantFileInvalid(Invalid):
    """The document cannot be applied; each issue names its field."""

    rule = "tenant-document"


class _StrictEhr(EhrConnection, extra="forbid"):
    pass


class _StrictCdsClient(CdsClient, extra="forbid"):
    pass


class _StrictDocument(TenantDocument, extra="forbid"):
    ehr: _StrictEhr
    cds_clients: tuple[_StrictCdsClient, ...] = ()


class _Loader(yaml.SafeLoader):
    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        names = [self.construct_object(key) for key, _ in node.value]
        for name in names:
            if names.count(name) > 1:
                raise TenantFileInvalid(f"{name} stands twice in one place", expression=str(name))
        return super().construct_mapping(node, deep)


def read_tenant_file(path: Path, *, dev: bool) -> TenantDocument:
    """Return the document in a file; see `read_tenant`."""
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise TenantFileInvalid(f"{path} cannot be read: {error}") from error
    return read_tenant(text, dev=dev)


def read_tenant(text: str, *, dev: bool) -> TenantDocument:
    """Return the document; TenantFileInvalid lists all that is wrong. `dev` allows EHR addresses with http on loopback."""
    try:
        fields = yaml.load(text, Loader=_Loader)  # noqa: S506 - a SafeLoader
    except yaml.YAMLError as error:
        raise TenantFileInvalid(f"not YAML: {str(error).splitlines()[0]}") from error
    try:
        document = TenantDocument.model_validate(_StrictDocument.model_validate(fields).model_dump())
    except ValidationError as error:
        wrong = [(".".join(str(step) for step in item["loc"]), str(item["msg"])) for item in error.errors()]
        raise _invalid(wrong) from error
    if wrong := [*_breaches(document, dev), *_cds_breaches(document, dev)]:
        raise _invalid(wrong)
    return document


def _breaches(document: TenantDocument, dev: bool) -> list[tuple[str, str]]:
    programs = set(Program)
    checks = [
        ("zone", document.zone in available_timezones(), "is not an IANA time zone"),
        ("npi", re.fullmatch(r"\d{10}", document.npi) is not None, "must have 10 digits"),
        ("place_of_service", re.fullmatch(r"\d{2}", document.place_of_service) is not None, "must have 2 digits"),
        ("programs", bool(document.programs) and set(document.programs) <= programs, f"must be of {', '.join(programs)}"),
        ("ehr.fhir_base", _address(document.ehr.fhir_base, dev), "must be an https address without a slash at its end"),
        ("ehr.token_url", _address(document.ehr.token_url, dev), "must be an https address without a slash at its end"),
        ("ehr.issuers", all(_address(iss, dev, slash=True) for iss in document.ehr.issuers), "must be https addresses"),
        ("ehr.frame_ancestors", all(_origin(one, dev) for one in document.ehr.frame_ancestors), "must be origins, https://host"),
        (
            "roles",
            all(rule.code or rule.npi or rule.practitioner for rule in document.roles),
            "must each name a code, npi or practitioner",
        ),
        ("charge_master", all(_dollars(amount) for amount in document.charge_master.values()), "must be dollars and whole cents"),
    ]
    return [(field, text) for field, holds, text in checks if not holds]


def _dollars(amount: Decimal) -> bool:
    return amount.is_finite() and 0 <= amount < _MOST_DOLLARS and amount == amount.quantize(Decimal("0.01"))


def _cds_breaches(document: TenantDocument, dev: bool) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with the CDS clients: each proves itself by keys that we know before it asks."""
    senders = [(client.iss, client.organization) for client in document.cds_clients]
    for at, client in enumerate(document.cds_clients):
        field = f"cds_clients.{at}"
        if not _address(client.iss, dev, slash=True):
            yield f"{field}.iss", "must be an https address"
        if senders.count((client.iss, client.organization)) > 1:
            yield f"{field}.iss", "stands twice, for the same organization"
        if (client.jwks is None) == (client.jwks_url is None):
            yield field, "must have either jwks or jwks_url"
        if not client.algorithms:
            yield f"{field}.algorithms", "must name one at least"
        if not all(_origin(one, dev) and "*" not in one for one in client.origins):
            yield f"{field}.origins", "must be origins, https://host"
        try:
            if client.jwks is not None:
                check_jwks(json.dumps(client.jwks))
            if client.jwks_url is not None:
                check_key_url(client.jwks_url, dev=dev)
        except Invalid as error:
            yield field, str(error)


def _address(url: str, dev: bool, *, slash: bool = False) -> bool:
    parts = urlsplit(url)
    loopback = dev and parts.scheme == "http" and parts.hostname in ("127.0.0.1", "localhost", "::1")
    plain = not (parts.query or parts.fragment or parts.username or (url.endswith("/") and not slash))
    return bool(parts.hostname) and plain and (parts.scheme == "https" or loopback)


def _origin(text: str, dev: bool) -> bool:
    """Tell whether `text` is scheme, host and port only: what stands in a policy must not end it."""
    return _address(text, dev) and re.fullmatch(r"https?://(\*\.)?[A-Za-z0-9.-]+(:\d+)?", text) is not None


def _invalid(wrong: list[tuple[str, str]]) -> TenantFileInvalid:
    issues = tuple(Issue(TenantFileInvalid.rule, f"{field}: {text}", field) for field, text in wrong)
    return TenantFileInvalid("; ".join(issue.text for issue in issues), issues=issues)
