"""The XHTML that R4 allows in `text.div`: basic markup, no scripts, no forms, no outside styles (txt-1, txt-2)."""

import re
import xml.etree.ElementTree as ET
from html.entities import html5

_XHTML = "{http://www.w3.org/1999/xhtml}"
_XML_LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"
_ELEMENTS = (
    "a abbr acronym b big blockquote br caption cite code col colgroup dd dfn div dl dt em h1 h2 h3 h4 h5 h6 hr i img li ol "
    "p pre q samp small span strong sub sup table tbody td tfoot th thead tr tt ul var"
)
_ATTRIBUTES = (
    "abbr accesskey align alt axis bgcolor border cellhalign cellpadding cellspacing cellvalign char charoff charset cite "
    "class colspan compact coords dir frame headers height href hreflang hspace id lang longdesc name nowrap rel rev rowspan "
    "rules scope shape span src start style summary tabindex title type valign value vspace width"
)
_KNOWN_ELEMENTS = frozenset(_ELEMENTS.split())
_KNOWN_ATTRIBUTES = frozenset(_ATTRIBUTES.split())
_ADDRESSES = frozenset(("href", "src", "cite", "longdesc"))
_SAFE_ADDRESS = re.compile(
    r"(?:https?://|mailto:|tel:|#|data:image/(?:png|jpeg|gif);base64,)\S*|[\w./\-]+(?:\?\S*)?", re.IGNORECASE
)
_UNSAFE_STYLE = re.compile(r"url\s*\(|expression\s*\(|@import|javascript|\\", re.IGNORECASE)
_ENTITY = re.compile(r"&(?!amp;|lt;|gt;|quot;|apos;)([A-Za-z][A-Za-z0-9]*;)")


def narrative_fault(div: str) -> str | None:
    """Say what keeps `div` from being an R4 narrative, or None if nothing does.

    Declarations are refused before anything is parsed, so no entity is ever expanded or fetched.
    """
    if "<!" in div or "<?" in div:
        return "holds a declaration, a comment or an instruction"
    try:
        root = ET.fromstring(_ENTITY.sub(lambda match: html5.get(match[1], match[0]), div))  # noqa: S314 -- no declarations
    except ET.ParseError:
        return "is not well-formed XHTML"
    if root.tag != f"{_XHTML}div":
        return "is not one div of the XHTML namespace"
    fault = next(filter(None, map(_element_fault, root.iter())), None)
    if fault is None and not "".join(root.itertext()).strip() and root.find(f".//{_XHTML}img") is None:
        return "says nothing"
    return fault


def _element_fault(element: "ET.Element[str]") -> str | None:
    name = element.tag.removeprefix(_XHTML)
    if name not in _KNOWN_ELEMENTS or not element.tag.startswith(_XHTML):
        return "holds an element that R4 narratives do not have"
    for attribute, value in element.attrib.items():
        if attribute not in _KNOWN_ATTRIBUTES and attribute != _XML_LANGUAGE:
            return "holds an attribute that R4 narratives do not have"
        if attribute in _ADDRESSES and not _SAFE_ADDRESS.fullmatch(value.strip()):
            return "holds an unsafe address"
        if attribute == "style" and _UNSAFE_STYLE.search(value):
            return "holds an unsafe style"
    return None
