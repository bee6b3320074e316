"""The four parts with two practices at work."""

from tests.security.conftest import place as place
