"""Event payloads, version 1, each naming its owner: the only thing that the services know of each other.

A payload carries the whole state of its aggregate at a version. A reader ignores fields that it does not know, so
fields may be added; anything else is a new type.
"""
