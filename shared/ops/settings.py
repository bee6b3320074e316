"""What every part (access and the three services) needs to know from its environment."""

from dataclasses import dataclass
from pathlib import Path

from shared.ops.environment import Environment, SettingMissing

PARTS = ("access", "consent", "timetrack", "billing")


@dataclass(frozen=True, kw_only=True)
class PartSettings:
    """The settings of one part.

    `public_url` is the one origin that all absolute URLs are made of, `database_url` that of the app role,
    `worker_database_url` that of the worker role, `jwks` a path or an internal URL with access's public keys,
    `ehr_key_file` the private key (PEM) with which we sign in at EHRs. `dev` allows http and private addresses on loopback.
    `checkpoints` is the folder outside the database into which the sealer signs (None: it signs nothing).
    The limits are those of one client at one tenant (tokens: of one client) in all `replicas` together; 0 is none.
    """

    service: str
    public_url: str
    database_url: str
    worker_database_url: str
    nats_url: str
    jwks: str
    ehr_key_file: Path
    clock_file: Path | None
    dev: bool
    replicas: int
    checkpoints: Path | None = None
    requests_per_minute: int = 0
    points_per_minute: int = 0
    tokens_per_minute: int = 0

    @property
    def database(self) -> str:
        """The name of the part's database."""
        return self.database_url.rsplit("/", 1)[1].split("?", 1)[0]


def part_settings(environment: Environment, service: str) -> PartSettings:
    """Read the settings of `service` from `CARELEDGER_…`; SettingMissing says what to set."""
    part, dev = service.upper(), environment.flag("DEV")
    public_url = environment.text("PUBLIC_URL").rstrip("/")
    loopback = public_url.startswith(("http://127.0.0.1", "http://localhost"))
    if not public_url.startswith("https://") and not (dev and loopback):
        raise SettingMissing("CARELEDGER_PUBLIC_URL must be https; http only with CARELEDGER_DEV=1 and on loopback")
    checkpoints = environment.text("CHECKPOINTS", "")
    clock_file = environment.text("DEV_CLOCK", "")
    often = 100 if dev else 1
    return PartSettings(
        service=service,
        public_url=public_url,
        database_url=environment.text(f"{part}_DATABASE_URL"),
        worker_database_url=environment.text(f"{part}_WORKER_DATABASE_URL"),
        nats_url=environment.text("NATS_URL"),
        jwks=environment.text("JWKS"),
        ehr_key_file=Path(environment.text("EHR_KEY_FILE")),
        clock_file=Path(clock_file) if dev and clock_file else None,
        dev=dev,
        replicas=environment.number("REPLICAS", 1),
        checkpoints=Path(checkpoints) if checkpoints else None,
        requests_per_minute=environment.number("REQUESTS_PER_MINUTE", 600 * often),
        points_per_minute=environment.number("POINTS_PER_MINUTE", 10_000 * often),
        tokens_per_minute=environment.number("TOKENS_PER_MINUTE", 60 * often),
    )
