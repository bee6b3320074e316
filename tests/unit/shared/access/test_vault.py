"""The vault: what was sealed for one place opens in no other. Requirement: standards.md 12."""

import stat
from pathlib import Path
from uuid import uuid4

import pytest

from shared.access.adapters.vault import Unsealable, Vault, open_vault

TENANT = uuid4()


def test_what_was_sealed_opens_in_its_place_only() -> None:
    vault = Vault(b"k" * 32)
    sealed = vault.seal("a secret, ñ", tenant_id=TENANT, purpose="draft", row="1")
    assert vault.open(sealed, tenant_id=TENANT, purpose="draft", row="1") == "a secret, ñ"
    assert b"secret" not in sealed
    assert sealed != vault.seal("a secret, ñ", tenant_id=TENANT, purpose="draft", row="1")
    for tenant, purpose, row in ((uuid4(), "draft", "1"), (TENANT, "other", "1"), (TENANT, "draft", "2")):
        with pytest.raises(Unsealable):
            vault.open(sealed, tenant_id=tenant, purpose=purpose, row=row)
    for spoilt in (b"", sealed[:5], sealed[:-1], sealed[:-1] + bytes([sealed[-1] ^ 1]), b"\x02" + sealed[1:]):
        with pytest.raises(Unsealable):
            vault.open(spoilt, tenant_id=TENANT, purpose="draft", row="1")
    with pytest.raises(Unsealable):
        Vault(b"x" * 32).open(sealed, tenant_id=TENANT, purpose="draft", row="1")


async def test_the_key_is_made_once_and_read_by_its_owner_only(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    sealed = (await open_vault(folder)).seal("x", tenant_id=TENANT, purpose="p", row="r")
    assert (await open_vault(folder)).open(sealed, tenant_id=TENANT, purpose="p", row="r") == "x"
    assert stat.S_IMODE((folder / "vault.key").stat().st_mode) == 0o600
    assert [file.name for file in folder.iterdir()] == ["vault.key"]
    (folder / "vault.key").write_bytes(b"short")
    with pytest.raises(Unsealable):
        await open_vault(folder)
