"""Rounds of work, as every service has them."""

from shared.messaging.rounds import repeat as repeat
