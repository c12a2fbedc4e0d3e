"""What the description says, asked of a running API in ways that nobody would think of: no fault of ours, no hang.

The examples are drawn from a fixed seed: the same in every run.  `HOTLINE_EXAMPLES=500` looks further.
"""

import os
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.core import NotSet
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    ignored_auth,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from ivr.web.openapi import document
from ivr.web.table import OPERATIONS
from tests.web.served import Served

EXAMPLES = int(os.environ.get("HOTLINE_EXAMPLES", max(4, 300 // len(OPERATIONS))))
MOST = 86_400
WITHIN_S = 60
"""An answer takes milliseconds; one that takes so long hangs, on the busiest machine too."""

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    negative_data_rejection,
    ignored_auth,
    unsupported_method,
]


def at_once(body: Any) -> Any:
    """A body for `/drain` that does not make it wait."""
    if isinstance(body, NotSet):
        return {"within": 0}
    within = body.get("within", 30) if isinstance(body, dict) else None
    return {**body, "within": 0} if type(within) is int and 0 < within <= MOST else body


schema = schemathesis.openapi.from_dict(document(OPERATIONS)).exclude(path="/stream")
"""Without what goes on for ever."""


def test_no_operation_is_left_out() -> None:
    found = [each.ok() for each in schema.get_all_operations() if isinstance(each, Ok)]
    asked = {(each.method.upper(), each.path) for each in found}
    assert asked == {(each.method, each.path) for each in OPERATIONS if each.path != "/stream"}


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with Served() as served:
        yield served


@schema.parametrize()
@settings(
    max_examples=EXAMPLES,
    derandomize=True,
    database=None,
    deadline=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)
def test_every_operation_answers_as_it_is_described(case: schemathesis.Case[Any], served: Served) -> None:
    if case.path == "/drain":  # it waits for calls in progress, and these last
        case.body = at_once(case.body)
    case.call_and_validate(
        base_url=served.url, headers={"Authorization": "Bearer house"}, checks=CHECKS, timeout=WITHIN_S
    )
