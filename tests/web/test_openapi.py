"""The description of the API: whole, the same in the docs, and true of every row of the table."""

from typing import Any

import msgspec
import pytest

from ivr.web import openapi
from ivr.web.operations import Operation
from ivr.web.rights import Role
from ivr.web.table import OPERATIONS
from tests.calls.desk import Desk
from tests.fake.loop import simulate
from tests.reading import ROOT

DOCUMENT = openapi.document(OPERATIONS)


def references(value: Any) -> list[str]:
    """Every `$ref`, at whatever depth."""
    if isinstance(value, dict):
        here = [value["$ref"]] if "$ref" in value else []
        return here + [each for inner in value.values() for each in references(inner)]
    return [each for inner in value for each in references(inner)] if isinstance(value, list) else []


def test_the_docs_hold_what_the_code_says() -> None:
    held = (ROOT / "docs" / "openapi.json").read_text(encoding="utf-8")
    assert held == openapi.encode(DOCUMENT), "write it anew: hotline schema"


def test_what_is_served_is_the_same() -> None:
    async def scene() -> None:
        desk = Desk()
        assert await desk.get("/openapi.json") == msgspec.json.decode(openapi.encode(DOCUMENT))
        await desk.closes()

    simulate(scene)


def test_every_reference_leads_somewhere() -> None:
    for reference in references(DOCUMENT):
        found = DOCUMENT
        for part in reference.removeprefix("#/").split("/"):
            found = found[part]
        assert found


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_every_row_is_in_it(operation: Operation) -> None:
    made = DOCUMENT["paths"][operation.path][operation.method.lower()]
    assert made["operationId"] == operation.name
    assert made["x-roles"] == [role for role in Role if role in operation.roles]
    assert bool(made["security"]) is not operation.is_open
    assert ("requestBody" in made) is (operation.body is not None)
