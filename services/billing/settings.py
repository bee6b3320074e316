"""The settings of billing: those that every part has."""

from shared.ops.environment import Environment
from shared.ops.settings import PartSettings, part_settings


def read_settings(environment: Environment) -> PartSettings:
    """Read the settings from `CARELEDGER_…`; SettingMissing says what to set."""
    return part_settings(environment, "billing")
