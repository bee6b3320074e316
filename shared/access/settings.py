"""Access's settings: what every part has, where its keys are, and where the services' capability files are."""

from dataclasses import dataclass, fields
from pathlib import Path

from shared.ops.environment import Environment
from shared.ops.settings import PartSettings, part_settings

_CAPABILITIES = Path(__file__).parents[2] / "openapi" / "capability"


@dataclass(frozen=True, kw_only=True)
class AccessSettings(PartSettings):
    """`key_folder` holds the private signing keys, `capability_folder` what the services say they can do."""

    key_folder: Path
    capability_folder: Path


def read_settings(environment: Environment) -> AccessSettings:
    """Read the settings from `CARELEDGER_…`; SettingMissing says what to set."""
    common = part_settings(environment, "access")
    return AccessSettings(
        **{field.name: getattr(common, field.name) for field in fields(common)},
        key_folder=Path(environment.text("KEY_FOLDER")),
        capability_folder=Path(environment.text("CAPABILITY_FOLDER", str(_CAPABILITIES))),
    )
