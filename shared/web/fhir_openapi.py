"""What a FHIR interaction takes and gives, as OpenAPI: parameters, headers, bodies and answers, told from method and path."""

from collections.abc import Mapping, Sequence
from typing import Any

from shared.fhir.bundle import Version, history, searchset
from shared.fhir.provenance import REVINCLUDE
from shared.fhir.search import ID, LAST_UPDATED, MOST_COUNT, SearchParameter
from shared.fhir.times import instant
from shared.kernel.vocabulary import CANONICAL
from shared.web.refusals import reference
from shared.web.routes import FHIR_BASE

Json = dict[str, Any]

FHIR_JSON = "application/fhir+json"
EXAMPLE_BASE = "https://careledger.example/t/lakeside/fhir/R4"
_FORM = "application/x-www-form-urlencoded"
_PROFILED = {"Consent": "careledger-consent", "Task": "careledger-time-entry", "ChargeItem": "careledger-charge"}
_WRITTEN = ("ETag", "Last-Modified", "Location")
_TYPES = (*_PROFILED, "Provenance", "CapabilityStatement", "CodeSystem", "NamingSystem", "OperationDefinition")
_TYPES = (*_TYPES, "SearchParameter", "StructureDefinition", "ValueSet")


def _query(name: str, description: str, schema: Json, **further: Any) -> Json:
    return {"name": name, "in": "query", "description": description, "schema": schema, **further}


def _header(name: str, description: str, example: str, *, required: bool = False) -> Json:
    told = {"name": name, "in": "header", "description": description, "schema": {"type": "string"}, "example": example}
    return told | ({"required": True} if required else {})


PARAMETERS: dict[str, Json] = {
    "IfMatch": _header("If-Match", "The ETag of the version that you read.", 'W/"1"', required=True),
    "IfNoneMatch": _header("If-None-Match", "The ETag that you hold: 304 if it is still the current version.", 'W/"1"'),
    "IfNoneExist": _header(
        "If-None-Exist",
        "`identifier=system|value`, one of the body's own: if it is recorded already, the answer is that resource.",
        "identifier=https://ehr.example/ids|8812",
    ),
    "Prefer": _header("Prefer", "`return=minimal`, `return=representation` or `return=OperationOutcome`.", "return=minimal"),
    "PreferHandling": _header("Prefer", "`handling=strict`: an unknown parameter is refused.", "handling=strict"),
    "count": _query(
        "_count",
        f"How many a page holds, at most {MOST_COUNT}; 0: the total only.",
        {"type": "integer", "minimum": 0, "maximum": MOST_COUNT},
    ),
    "since": _query("_since", "Only versions written at or after this instant.", {"type": "string", "format": "date-time"}),
    "total": _query(
        "_total", "Whether the total is counted.", {"type": "string", "enum": ["none", "estimate", "accurate"]}
    ),
    "revinclude": _query(
        "_revinclude", "Who made each version, along with the matches.", {"type": "string", "enum": [REVINCLUDE]}
    ),
}  # fmt: skip

_MANNERS = {
    "token": "`code`, `system|code`, `|code` or `system|`; a comma means or.",
    "date": "A date or instant, with a prefix `eq ne gt ge lt le sa eb` if wanted; days are those of the practice's zone.",
    "reference": "An id, `Type/id` or an absolute address; a comma means or.",
    "string": "Begins with this text, whatever the case.",
    "special": "A position that the feed gave (the link `resume` or `next` holds it); `0` is its start.",
}
_EXAMPLES = {
    "status": "billable",
    "program": "ccm",
    "service-month": "2026-10",
    "_lastUpdated": "ge2026-10-01T00:00:00Z",
    "-after": "0",
}


def _resource_schema(kind: str) -> Json:
    profile = f" in the profile {CANONICAL}/StructureDefinition/{_PROFILED[kind]}" if kind in _PROFILED else ""
    return {
        "type": "object",
        "description": f"A FHIR R4 {kind}{profile}; its elements are those of R4.",
        "externalDocs": {"url": f"https://hl7.org/fhir/R4/{kind.lower()}.html", "description": f"{kind} in R4"},
        "required": ["resourceType"],
        "properties": {
            "resourceType": {"type": "string", "const": kind, "description": "The type."},
            "id": {"type": "string", "description": "The logical id, set by the server."},
            "meta": {"type": "object", "additionalProperties": True, "description": "Version, instant and profile."},
        },
        "additionalProperties": True,
    }


def _object(description: str, required: Sequence[str], **properties: Json) -> Json:
    return {
        "type": "object",
        "description": description,
        "required": list(required),
        "properties": properties,
        "additionalProperties": True,
    }


def _list(item: Json, description: str) -> Json:
    return {"type": "array", "items": item, "description": description}


def _fixed(kind: str) -> Json:
    return {"type": "string", "const": kind, "description": "The type."}


_TEXT: Json = {"type": "string"}
_CODED = _object(
    "What the issue is, coded.", (), coding=_list(_object("A code.", (), system=_TEXT, code=_TEXT), "The rule's id"), text=_TEXT
)

SCHEMAS: dict[str, Json] = {kind: _resource_schema(kind) for kind in _TYPES} | {
    "Bundle": _object(
        "A FHIR R4 Bundle: what a search or a history found.",
        ("resourceType", "type"),
        resourceType=_fixed("Bundle"),
        type={"type": "string", "enum": ["searchset", "history"], "description": "What for."},
        total={"type": "integer", "description": "On all pages; only where it was asked for or is known anyway."},
        link=_list(_object("`self`, `next` while more follows, `resume` at the end of the feed.", ("relation", "url"),
                           relation=_TEXT, url=_TEXT), "Where to go on."),
        entry=_list(_object("One resource and how it came here.", (), fullUrl=_TEXT,
                            resource={"type": "object", "additionalProperties": True},
                            search={"type": "object", "additionalProperties": True}), "What was found."),
    ),
    "Parameters": _object(
        "A FHIR R4 Parameters.",
        ("resourceType",),
        resourceType=_fixed("Parameters"),
        parameter=_list(
            _object("A parameter by its name, with a value or parts.", ("name",), name=_TEXT), "In the operation's order."
        ),
    ),
    "OperationOutcome": _object(
        "A FHIR R4 OperationOutcome: why a request was refused, or what is to be known of one that was not.",
        ("resourceType", "issue"),
        resourceType=_fixed("OperationOutcome"),
        issue=_list(
            _object(
                "One thing that is wrong.",
                ("severity", "code"),
                severity={"type": "string", "enum": ["fatal", "error", "warning", "information"]},
                code={"type": "string", "description": "FHIR's IssueType."},
                details=_CODED,
                diagnostics={"type": "string", "description": "The request's id, for the help desk."},
                expression=_list(_TEXT, "Where, as FHIRPath."),
            ),
            "All that is wrong, as far as it was looked at.",
        ),
    ),
}  # fmt: skip


def describe_interaction(
    operation: Json,
    method: str,
    path: str,
    parameters: Mapping[str, Sequence[SearchParameter]],
    examples: Mapping[str, Json],
) -> None:
    """Add to `operation` what the interaction at `path` takes and gives.

    `parameters` are the search parameters by type, `examples` resources by type, and what is sent by type and ` sent`.
    """
    kind, _, rest = path.removeprefix(f"{FHIR_BASE}/").partition("/")
    answers: Json = operation["responses"]

    def named(kind: str, ending: str = "") -> str | None:
        return f"{kind}{ending}" if kind in examples else None

    if kind == "metadata":
        answers["200"] = _answer("CapabilityStatement", "What this base can do.", example=None)
    elif rest.startswith("$"):
        operation["requestBody"] = _body("Parameters", examples)
        answers["200"] = _answer(
            "Parameters", "What became of each item, in the order of the request.", example=named("Parameters")
        )
    elif rest == "_search" or (not rest and method == "GET"):
        answers["200"] = _answer("Bundle", "What was found.", example=named(kind, "Bundle"))
        _describe_search(operation, parameters.get(kind), form=rest == "_search")
    elif not rest:
        operation["requestBody"] = _body(kind, examples)
        operation["parameters"] = [*operation.get("parameters", ()), _ref("IfNoneExist"), _ref("Prefer")]
        answers["201"] = _answer(kind, "Recorded.", *_WRITTEN, example=named(kind))
        answers["200"] = _answer(kind, "Recorded before: the same answer again.", *_WRITTEN, example=named(kind))
        _refuses(answers, 409, 412, 422)
    elif method == "PUT":
        operation["requestBody"] = _body(kind, examples)
        operation["parameters"] = [*operation.get("parameters", ()), _ref("IfMatch"), _ref("Prefer")]
        answers["200"] = _answer(kind, "Changed.", *_WRITTEN, example=named(kind))
        _refuses(answers, 405, 409, 412, 422)
    elif rest.endswith("/_history"):
        answers["200"] = _answer("Bundle", "The versions, the newest first.", example=named(kind, "History"))
        operation["parameters"] = [*operation.get("parameters", ()), _ref("since"), _ref("count")]
    else:
        _describe_read(operation, kind, rest, named(kind))


def _describe_read(operation: Json, kind: str, rest: str, example: str | None) -> None:
    versioned = kind in _PROFILED
    headers = _WRITTEN[:2] if versioned else ()
    operation["responses"]["200"] = _answer(kind, "The resource.", *headers, example=example)
    if versioned and "_history" not in rest:
        operation["parameters"] = [*operation.get("parameters", ()), _ref("IfNoneMatch")]
        operation["responses"]["304"] = {"description": "You hold the current version."}


def _describe_search(operation: Json, offered: Sequence[SearchParameter] | None, *, form: bool) -> None:
    if offered is None:  # our conformance resources
        url = _query("url", "The canonical address.", {"type": "string"}, example=f"{CANONICAL}/CodeSystem/program")
        operation["parameters"] = [*operation.get("parameters", ()), url]
        return
    told = [each for one in (*offered, ID, LAST_UPDATED) for each in _search_parameters(one)]
    sortable = sorted(one.name for one in (*offered, LAST_UPDATED) if one.sortable)
    words = f"`{'`, `'.join(sortable)}`; with a minus the other way round."
    told.append(_query("_sort", words, {"type": "string"}, example=f"-{sortable[0]}"))
    common = ("count", "total", "revinclude")
    if form:
        fields = {one["name"]: one["schema"] | {"description": one["description"]} for one in told}
        fields |= {PARAMETERS[name]["name"]: PARAMETERS[name]["schema"] for name in common}
        schema = {"type": "object", "properties": fields}
        operation["requestBody"] = {"required": True, "content": {_FORM: {"schema": schema}}}
        told = []
    else:
        told += [_ref(name) for name in common]
    if any(one.kind == "special" for one in offered):
        _refuses(operation["responses"], 410)
    else:
        told.append(_ref("PreferHandling"))
    operation["parameters"] = [*operation.get("parameters", ()), *told]


def tell_search_parameters(operation: Json, path: str, words: Mapping[str, str]) -> None:
    """Put before each search parameter's manner what it is about, `words` by `Type?name`."""
    kind = path.removeprefix(f"{FHIR_BASE}/").partition("/")[0]
    form = operation.get("requestBody", {}).get("content", {}).get(_FORM, {}).get("schema", {}).get("properties", {})
    for name, told in [(one.get("name"), one) for one in operation.get("parameters", ())] + list(form.items()):
        if meaning := words.get(f"{kind}?{name}"):
            told["description"] = f"{meaning} {told['description']}"


def _search_parameters(one: SearchParameter) -> list[Json]:
    words = _MANNERS[one.kind]
    if one.kind == "reference":
        words = f"{words} Types: {', '.join(one.targets)}."
    if one.ours:
        words = f"{words} R4 has no such parameter: its definition is at this base."
    example = {"example": _EXAMPLES[one.name]} if one.name in _EXAMPLES else {}
    found = [_query(one.name, words, {"type": "string"}, **example)]
    if "identifier" in one.modifiers:
        found.append(_query(f"{one.name}:identifier", "By its identifier, `system|value`.", {"type": "string"}))
    return found


def _ref(name: str) -> Json:
    return {"$ref": f"#/components/parameters/{name}"}


def _refuses(answers: Json, *statuses: int) -> None:
    for status in statuses:
        answers.setdefault(str(status), reference(status, fhir=True))


def _content(kind: str, example: str | None) -> Json:
    told: Json = {"schema": {"$ref": f"#/components/schemas/{kind}"}}
    return {FHIR_JSON: told | ({"examples": {example: {"$ref": f"#/components/examples/{example}"}}} if example else {})}


def _body(kind: str, examples: Mapping[str, Json]) -> Json:
    return {"required": True, "content": _content(kind, f"{kind}Sent" if f"{kind} sent" in examples else None)}


def _answer(kind: str, description: str, *headers: str, example: str | None) -> Json:
    told: Json = {"description": description, "content": _content(kind, example)}
    if headers:
        told["headers"] = {name: {"$ref": f"#/components/headers/{name}"} for name in headers}
    return told


def example_components(examples: Mapping[str, Json]) -> dict[str, Json]:
    """Return the examples as components: each resource as sent and answered, and the Bundles that a search or history answers."""
    found = {name.replace(" sent", "Sent"): resource for name, resource in examples.items()}
    for kind, resource in examples.items():
        if kind not in _PROFILED:
            continue
        address = f"{EXAMPLE_BASE}/{kind}"
        found[f"{kind}Bundle"] = searchset(EXAMPLE_BASE, [resource], links={"self": address})
        version = Version(resource, 1, instant(resource["meta"]["lastUpdated"], expression="meta.lastUpdated"))
        links = {"self": f"{address}/{resource['id']}/_history"}
        found[f"{kind}History"] = history(EXAMPLE_BASE, [version], links=links, total=1)
    return {name: {"summary": _summary(name), "value": value} for name, value in found.items()}


def _summary(name: str) -> str:
    for ending, words in (("Sent", "as it is sent"), ("Bundle", "as a search finds it"), ("History", "with its versions")):
        if name.endswith(ending):
            return f"{name.removesuffix(ending)}, {words}"
    return f"{name}, as it is answered"
