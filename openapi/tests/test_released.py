"""The committed document against the last released one, which people have made clients of."""

import copy
import json
import tomllib

import pytest

import breaking
from changes import BREAKING, HARMLESS
from conftest import OPENAPI

RELEASED = json.loads((OPENAPI / "released/openapi.json").read_text())
COMMITTED = json.loads((OPENAPI / "openapi.json").read_text())


def test_no_client_of_the_last_release_breaks_unless_the_version_says_so():
    found = breaking.objections(RELEASED, COMMITTED)
    assert not found, "if clients are meant to break, raise the version in Cargo.toml:\n" + "\n".join(found)


def test_the_clients_that_are_packages_have_the_version_of_the_document():
    python = tomllib.loads((OPENAPI / "clients/python/pyproject.toml").read_text())["project"]
    typescript = json.loads((OPENAPI / "clients/typescript/package.json").read_text())
    assert [python["version"], typescript["version"]] == [COMMITTED["info"]["version"]] * 2


@pytest.mark.parametrize("change", BREAKING.values(), ids=BREAKING)
def test_a_change_that_breaks_clients_is_found(change):
    changed = copy.deepcopy(COMMITTED)
    change(changed)
    assert changed != COMMITTED, "the change changes nothing"
    assert breaking.changes(COMMITTED, changed)


@pytest.mark.parametrize("change", HARMLESS.values(), ids=HARMLESS)
def test_a_change_that_no_client_notices_passes(change):
    changed = copy.deepcopy(COMMITTED)
    change(changed)
    assert breaking.changes(COMMITTED, changed) == []


@pytest.mark.parametrize(("released", "next", "allowed"), [
    ("0.1.0", "0.1.0", False), ("0.1.0", "0.1.9", False), ("0.1.9", "0.2.0", True), ("0.9.0", "0.10.0", True), ("0.9.0", "1.0.0", True),
    ("1.2.3", "1.2.4", False), ("1.2.3", "1.3.0", False), ("1.9.0", "2.0.0", True), ("2.0.0", "1.9.0", False)])
def test_clients_may_break_with_a_minor_version_before_1_and_with_a_major_one_afterwards(released, next, allowed):
    old, new = copy.deepcopy(COMMITTED), copy.deepcopy(COMMITTED)
    old["info"]["version"], new["info"]["version"] = released, next
    BREAKING["an operation is removed"](new)
    assert (breaking.objections(old, new) == []) is allowed


def test_a_document_that_is_older_than_the_released_one_is_refused():
    newer = copy.deepcopy(COMMITTED)
    newer["info"]["version"] = "99.0.0"
    assert breaking.objections(newer, COMMITTED) == ["it is older than what was released"]
