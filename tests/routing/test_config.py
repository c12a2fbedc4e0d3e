"""The project's own files are right together; what is wrong in one is told in the tests of its own, `test_config_*`."""

import msgspec
import pytest

from routing.config import Config, ConfigFaults, build
from routing.lines import Seats
from tests.routing.sources import changed, config, ours, told


def test_the_projects_own_files_have_no_fault_and_one_thing_to_look_at() -> None:
    (long,) = told(ours())
    assert "warning: 'transition-13900000310' takes about 14" in long


def test_a_config_survives_as_json() -> None:
    assert msgspec.json.decode(msgspec.json.encode(config()), type=Config) == config()


def test_faults_of_all_files_come_together() -> None:
    sources = {
        "lines.yaml": ours()["lines.yaml"].replace("seats: merged", "seats: merge"),
        "site.yaml": ours()["site.yaml"].replace("calls: 150", "calls: lots"),
        "prompts.yaml": ours()["prompts.yaml"].replace("{agent}号", "{agnt}号"),
    }
    with pytest.raises(ConfigFaults) as caught:
        build(sources)
    assert sorted({fault.file for fault in caught.value.faults}) == ["lines.yaml", "prompts.yaml", "site.yaml"]


@pytest.mark.parametrize("missing", ["lines.yaml", "site.yaml", "prompts.yaml"])
def test_a_file_that_is_not_there_is_a_fault(missing: str) -> None:
    assert f"{missing}:1:1: the file {missing} is missing" in told({k: v for k, v in ours().items() if k != missing})


def test_a_warning_alone_stops_nothing() -> None:
    sources = changed("lines.yaml", "seats: retained", "seats: merged")
    assert build(sources).lines["12350"].seats is Seats.MERGED
