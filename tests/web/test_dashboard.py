"""The dashboard for Grafana: every expression of it can be read, and asks for what /metrics tells."""

import asyncio
import re
from collections.abc import Iterator
from typing import Any

import msgspec
import promql_parser as promql
import pytest

from tests.calls.desk import Desk
from tests.fake.loop import simulate
from tests.reading import ROOT
from tests.web.test_metrics import scraped

DASHBOARD: Any = msgspec.json.decode((ROOT / "deploy" / "grafana" / "hotline.json").read_bytes())
EXPRESSIONS = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
UNKNOWN_HERE = {"hotline_rolling_day_line_calls": {"line"}, "hotline_rolling_day_line_connection_ratio": {"line"}}
"""Of these a house without calls tells nothing."""


@pytest.fixture(scope="module")
def told() -> dict[str, dict[str, set[str]]]:
    """Every series by its name, with the values of each label."""

    async def scene() -> dict[str, dict[str, set[str]]]:
        desk = Desk()
        await asyncio.sleep(1)
        await desk.meters.count()
        families = await scraped(desk)
        await desk.closes()
        found: dict[str, dict[str, set[str]]] = {}
        for sample in (sample for family in families.values() for sample in family.samples):
            labels = found.setdefault(sample.name, {})
            for label, value in sample.labels.items():
                labels.setdefault(label, set()).add(value)
        return found

    return simulate(scene)


def selectors(node: Any) -> Iterator[promql.VectorSelector]:
    """Whatever an expression asks for, at whatever depth."""
    match node:
        case promql.VectorSelector():
            yield node
        case promql.MatrixSelector():
            yield node.vector_selector
        case promql.BinaryExpr():
            yield from selectors(node.lhs)
            yield from selectors(node.rhs)
        case promql.Call():
            for argument in node.args:
                yield from selectors(argument)
        case promql.AggregateExpr() | promql.ParenExpr() | promql.UnaryExpr() | promql.SubqueryExpr():
            yield from selectors(node.expr)


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_every_expression_asks_for_what_is_told(expression: str, told: dict[str, dict[str, set[str]]]) -> None:
    found = list(selectors(promql.parse(expression)))
    assert found
    for selector in found:
        assert selector.name is not None
        if selector.name in UNKNOWN_HERE:
            continue
        assert selector.name in told, f"/metrics tells of no {selector.name}"
        for matcher in selector.matchers.matchers:
            values = told[selector.name].get(matcher.name, set())
            for wanted in matcher.value.split("|"):
                assert any(re.fullmatch(wanted, value) for value in values), f"{selector}: no {wanted}"


def test_panels_do_not_overlap_and_all_ask_the_chosen_prometheus() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not taken & cells, panel["title"]
        taken |= cells
        assert all(target["datasource"]["uid"] == "${datasource}" for target in panel["targets"])
    assert max(x for x, _ in taken) == 23
    assert [panel["id"] for panel in DASHBOARD["panels"]] == list(range(1, len(DASHBOARD["panels"]) + 1))


def test_the_legend_names_labels_that_there_are(told: dict[str, dict[str, set[str]]]) -> None:
    for panel in DASHBOARD["panels"]:
        for target in panel["targets"]:
            wanted = set(re.findall(r"{{(\w+)}}", target.get("legendFormat", "")))
            for selector in selectors(promql.parse(target["expr"])):
                known = UNKNOWN_HERE.get(selector.name or "", set()) | told.get(selector.name or "", {}).keys()
                assert wanted <= known, panel["title"]
