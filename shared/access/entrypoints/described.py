"""What access's OpenAPI says: where a client begins."""

from shared.web.openapi import About

ABOUT = About(
    description=(
        "The front door: tokens for registered clients, discovery, and what this FHIR base can do. Every client begins here: "
        "read `.well-known/smart-configuration`, get a token, ask `whoami`.\n\nBegin with `docs/integration.md`."
    ),
    tags={
        "authorization": "SMART backend services: a client assertion for an access token, and who one is with it.",
        "discovery": "Where tokens come from and which keys sign them; public.",
        "conformance": "Profiles, extensions, codes and parameters of this FHIR base; public.",
    },
    words={
        "client_id": "Your client id.",
        "tenant": "The practice's short name.",
        "token_type": "Always bearer.",
        "name": "What its canonical address ends with.",
        "error_description": "Why, in words for whoever connects; they may change.",
    },
)
