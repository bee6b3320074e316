"""The implementation guide, `docs/implementation-guide/`: pages made from the conformance resources that access serves.

What is on a page is what the base publishes; drift fails CI as it does for `openapi/`.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from services.billing.domain.attestations import SPECS, AttestationSpec, ValueField
from shared.access.fhir_mapping.conformance import conformance
from shared.fhir.elements import cardinality, elements
from shared.fhir.search import ID, LAST_UPDATED, SearchParameter
from shared.kernel.vocabulary import CANONICAL

Json = dict[str, Any]

FOLDER = "docs/implementation-guide"
_PAGES = {"Consent": "consent", "Task": "time-entry", "ChargeItem": "charge"}
_PROFILES = {"Consent": "careledger-consent", "Task": "careledger-time-entry", "ChargeItem": "careledger-charge"}
_MADE = "<!-- Made by `make openapi` from the conformance resources: do not edit. -->\n"
_R4 = "https://hl7.org/fhir/R4"


def guide_pages(parameters: Mapping[str, Sequence[SearchParameter]], examples: Mapping[str, Json]) -> dict[str, str]:
    """Return every page's text by its path; `parameters` and `examples` by FHIR type, as the services declare them."""
    made = conformance()
    pages = {"README": _front(made), "extensions": _extensions(made), "codes": _codes(made), "attestations": _attestations()}
    pages["operations"] = _operations(made, examples)
    for kind, page in _PAGES.items():
        pages[page] = _resource(kind, made["StructureDefinition"][_PROFILES[kind]], parameters[kind], examples)
    return {f"{FOLDER}/{name}.md": _MADE + "\n" + text.rstrip() + "\n" for name, text in pages.items()}


def _front(made: Mapping[str, Mapping[str, Json]]) -> str:
    rows = [
        (f"[{kind}]({page}.md)", f"`{_PROFILES[kind]}`", made["StructureDefinition"][_PROFILES[kind]]["description"])
        for kind, page in _PAGES.items()
    ]
    version = made["StructureDefinition"]["careledger-consent"]["version"]
    return f"""# Implementation guide

FHIR R4 (4.0.1), version {version}. Canonical root `{CANONICAL}`; every resource that these pages are made from is served at each
practice's base (`{{base}}/StructureDefinition/careledger-consent`, `{{base}}/CodeSystem?url=…`), and `{{base}}/metadata` is the
CapabilityStatement. How to connect is in [integration.md](../integration.md), what may change in
[compatibility.md](../compatibility.md).

{_table(("Resource", "Profile", "What it is"), rows)}

Further: [extensions](extensions.md), [codes and identifiers](codes.md), [operations](operations.md),
[what people attest](attestations.md) (beside FHIR).

## What holds for all

- `id` is a UUID, `meta.versionId` counts 1, 2, 3 …, the ETag is `W/"n"`, `meta.profile` ours.
- Elements are **kept and returned, or refused with 422; never dropped**. `contained` and `implicitRules` are not taken, nor any
  modifierExtension; `text` only as FHIR's subset of XHTML.
- References to our own resources are relative. References to the EHR's are answered absolute, with `type`; an inbound relative
  reference to a type that is not ours is read against the practice's EHR.
- Patients carry the practice's number (MRN), practitioners their NPI, wherever it is known.
- A property of a thing is an extension with a canonical address; what work produced is an `output` with a coded type.
"""


def _resource(kind: str, profile: Json, parameters: Sequence[SearchParameter], examples: Mapping[str, Json]) -> str:
    told: list[Json] = profile["differential"]["element"][1:]
    slices = [one for one in told if "sliceName" in one]
    used = [one for one in told if "sliceName" not in one and one.get("max") != "0"]
    unused = [f"`{one['path'].removeprefix(f'{kind}.')}`" for one in told if one.get("max") == "0"]
    rows = [(f"`{_name(kind, one)}`", _bounds(kind, one), _type(kind, one), _content(one)) for one in used]
    rows += [
        (f"ext `{one['sliceName']}`", f"{one['min']}..{one['max']}", "Extension", _extension_words(one["sliceName"]))
        for one in slices
    ]
    shown = [
        (f"As it is {word}", examples[key]) for word, key in (("sent", f"{kind} sent"), ("answered", kind)) if key in examples
    ]
    fences = "\n\n".join(f"## {title}\n\n```json\n{json.dumps(body, indent=2, ensure_ascii=False)}\n```" for title, body in shown)
    return f"""# {kind}

`{profile["url"]}`, on [{kind}]({_R4}/{kind.lower()}.html). {profile["description"]}

## Elements

{_table(("Element", "Card.", "Type", "Content"), rows)}

Not used here, and refused: {", ".join(unused)}.

## Search

{_table(("Parameter", "Type", "Notes"), [_search_row(one) for one in (*parameters, ID, LAST_UPDATED)])}

{fences}
"""


def _name(kind: str, element: Json) -> str:
    return str(element["path"]).removeprefix(f"{kind}.")


def _bounds(kind: str, element: Json) -> str:
    """Return the element's cardinality: the profile's, or R4's where the profile leaves it."""
    least, most = _r4_bounds(kind, _name(kind, element))
    return f"{element.get('min', least)}..{element.get('max', most)}"


def _r4_bounds(kind: str, name: str) -> tuple[int, str]:
    *outer, last = name.split(".")
    for step in outer:
        kind = elements(kind)[step].type
    must = cardinality(kind)
    if last.endswith("[x]"):
        stem = last.removesuffix("[x]")
        return int(any(choice.required for choice in must.choices if choice.stem == stem)), "1"
    return int(last in dict(must.required)), "*" if elements(kind)[last].many else "1"


def _type(kind: str, element: Json) -> str:
    if "type" in element:
        return " or ".join(str(one["code"]) for one in element["type"])
    *outer, last = _name(kind, element).split(".")
    for step in outer:
        kind = elements(kind)[step].type
    if last.endswith("[x]"):
        stem = last.removesuffix("[x]")
        names = next(choice.names for choice in cardinality(kind).choices if choice.stem == stem)
        return " or ".join(sorted(name.removeprefix(stem) for name in names))
    found = elements(kind)[last].type
    return "BackboneElement" if found.startswith(kind) else found


def _content(element: Json) -> str:
    parts = [element["short"]] if "short" in element else []
    if "fixedCode" in element:
        parts.append(f"fixed: `{element['fixedCode']}`")
    if "patternCodeableConcept" in element:
        coding = element["patternCodeableConcept"]["coding"][0]
        parts.append(f"fixed: `{coding['system']}#{coding['code']}`")
    if "binding" in element:
        name = element["binding"]["valueSet"].rpartition("/")[2]
        parts.append(f"one of [{name}](codes.md#{name})")
    return _cell("; ".join(parts))


def _extension_words(name: str) -> str:
    described = conformance()["StructureDefinition"][name]["description"]
    return f"[{described.rstrip('.')}](extensions.md#{name})"


def _search_row(one: SearchParameter) -> tuple[str, str, str]:
    notes = []
    if one.targets:
        notes.append(f"of {', '.join(one.targets)}")
    if one.modifiers:
        notes.append(", ".join(f"`:{modifier}`" for modifier in sorted(one.modifiers)))
    if one.sortable:
        notes.append("can be sorted by")
    if one.ours:
        notes.append("ours: R4 has none")
    return f"`{one.name}`", one.kind, "; ".join(notes)


def _extensions(made: Mapping[str, Mapping[str, Json]]) -> str:
    own = [one for one in made["StructureDefinition"].values() if one["type"] == "Extension"]
    return "# Extensions\n\n" + "\n\n".join(_extension(one) for one in own)


def _extension(definition: Json) -> str:
    told: list[Json] = definition["differential"]["element"]
    places = ", ".join(f"`{one['expression']}`" for one in definition["context"])
    values = {one["id"]: one for one in told if one["path"].endswith("value[x]") and "type" in one}
    rows = [
        (f"`{one['sliceName']}`", f"{one['min']}..{one['max']}", *_value(values[f"{one['id']}.value[x]"]))
        for one in told
        if "sliceName" in one
    ] or [("(value)", "1..1", *_value(next(iter(values.values()))))]
    return f"""## {definition["id"]}

{definition["description"]} On {places}, at most {told[0]["max"]}. `{definition["url"]}`

{_table(("Part", "Card.", "Type", "Codes or targets"), rows)}"""


def _value(element: Json) -> tuple[str, str]:
    kind = element["type"][0]
    if "binding" in element:
        name = element["binding"]["valueSet"].rpartition("/")[2]
        return kind["code"], f"[{name}](codes.md#{name})"
    return kind["code"], ", ".join(one.rpartition("/")[2] for one in kind.get("targetProfile", ()))


def _codes(made: Mapping[str, Mapping[str, Json]]) -> str:
    systems = "\n\n".join(_system(one) for one in made["CodeSystem"].values())
    rows = [(f"`{one['uniqueId'][0]['value']}`", one["description"]) for one in made["NamingSystem"].values()]
    head = "# Codes and identifiers\n\nEach code system has a value set of the same name that holds all its codes."
    return f"{head}\n\n{systems}\n\n## Identifiers\n\n{_table(('System', 'What it is'), rows)}"


def _system(system: Json) -> str:
    rows = [(f"`{one['code']}`", one["display"]) for one in system.get("concept", ())]
    listed = _table(("Code", "Display"), rows) if rows else "Its codes are not listed."
    return f"## {system['id']}\n\n{system['description']} `{system['url']}`\n\n{listed}"


def _operations(made: Mapping[str, Mapping[str, Json]], examples: Mapping[str, Json]) -> str:
    sections = []
    for one in made["OperationDefinition"].values():
        rows = list(_operation_rows(one["parameter"]))
        sections.append(
            f"## ${one['code']}\n\n{one['description']} `POST {{base}}/{one['resource'][0]}/${one['code']}`\n\n"
            + _table(("Parameter", "Card.", "Type", "What it holds"), rows)
        )
    shown = "\n\n".join(
        f"### As it is {word}\n\n```json\n{json.dumps(examples[key], indent=2, ensure_ascii=False)}\n```"
        for word, key in (("sent", "Parameters sent"), ("answered", "Parameters"))
    )
    return "# Operations\n\n" + "\n\n".join(sections) + f"\n\n{shown}"


def _operation_rows(parameters: Iterable[Json], outer: str = "") -> Iterator[tuple[str, str, str, str]]:
    for one in parameters:
        name = f"{outer}{one['name']}"
        words = one["documentation"] if one["use"] == "in" else f"(answer) {one['documentation']}"
        yield f"`{name}`", f"{one['min']}..{one['max']}", one.get("type", ""), _cell(words)
        yield from _operation_rows(one.get("part", ()), f"{name}.")


def _attestations() -> str:
    rows = [(f"`{kind}`", spec.rule, _said_of(spec), _cell(spec.meaning), _fields(spec.fields)) for kind, spec in SPECS.items()]
    return f"""# What people attest

What no system can say, a named person does: `POST /t/{{tenant}}/billing/attestations` with scope `careledger/attest`, a `kind` of
this table, and `value` with its fields. The person must hold the stated role in the roster on the day of signing.

{_table(("Kind", "Rule", "Said of", "What it says", "Fields of `value`"), rows)}
"""


def _said_of(spec: AttestationSpec) -> str:
    who = {"patient": "a patient", "practice": "the practice", "either": "the practice or a patient"}[spec.scope]
    return f"{who}, one month" if spec.monthly else who


def _fields(fields: Sequence[ValueField]) -> str:
    return "<br>".join(
        f"`{one.name}` {one.type.value}{'' if one.required else ', optional'}: {_cell(one.meaning)}"
        + (f" ({', '.join(f'`{choice}`' for choice in one.choices)})" if one.choices else "")
        for one in fields
    )


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
