"""`/v1/audit/verify`: whether anybody changed the audit log (threats 84)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from support.identity_provider import code

if TYPE_CHECKING:
    from support.identity_provider import World


def test_an_unchanged_log_is_verified_with_what_to_note(world: World) -> None:
    world.workload()
    found = world.call("GET", "/v1/audit/verify", world.root).json()
    assert found == {"rows": len(world.audit.records), "last_hash": world.audit.records[-1].hash}


def test_threats_84_a_changed_row_is_named(world: World) -> None:
    world.workload()
    second = world.audit.records[1]
    world.audit.records[1] = replace(second, entry=replace(second.entry, actor="somebody else"))
    answer = world.call("GET", "/v1/audit/verify", world.root)
    assert (answer.status_code, code(answer)) == (409, "audit_broken")
    assert answer.json()["facts"]["sequence"] == 2


def test_a_caller_of_one_organization_does_not_read_all(world: World) -> None:
    world.workload()
    bound = world.admin("audit:read", organization="acme")
    assert code(world.call("GET", "/v1/audit/verify", bound)) == "scope_missing"
