"""The four parts with two practices at work, and one client's view of a type."""

from tests.security.conftest import place as place
