"""The city of `test_waits`: ours, with a pool and a line for each scene, at which nobody is ready, or one agent."""

import re
from pathlib import Path

from tests.asterisk.house import written_city
from tests.asterisk.switch import sources

BUSY = "2003"
FREE = ("1017", "1018", "1019", "1011", "1012", "1013", "1014", "1015")  # the hall
LAWYER = "2011"
ONE_OF = {"closed": "2001", "paused": "2002", "leaves": "2012"}
"""The agents whom a pool has besides."""
LEFT_ALONE = ("leaves",)
"""Pools at which nobody else is signed in."""
EMPTY, NEXT = "p-empty", "p-next"
NEIGHBOUR = "1020"  # of the latter
LATE, LATECOMER = "p-late", "1016"  # a pool that helps another one after a while, and who is there
LATE_AFTER_S = 2
COUNTY, ALTERNATIVE, FIRST_FOR_S = "魏县", "13800010119", 3  # where a desk has two numbers, the first rung so long
NEXT_COUNTY = "涉县"  # whose desk has one number, and is busy
TALK_LIMIT_S, HOLD_LIMIT_S, CONSULT_LIMIT_S = 6, 2, 2
SURVEY_S = 3
RULES = {
    "asked": "{to: callback, waited: 1 s}",
    "answers": "{to: w-answers, waited: 2 s}",
    "silent": "{to: w-silent, waited: 2 s}",
    "message": "{to: voicemail, waited: 2 s}",
    "told": "{to: callback, waited: 60 s}",
    "moved": "{to: callback, waited: 60 s}",
    "closed": "{to: callback, waited: 60 s}",
    "paused": "{to: callback, waited: 60 s}",
    "leaves": "{to: callback, waited: 60 s}",
    "full": f"{{to: {NEXT}, length: 1}}",
    "too": "{to: callback, waited: 60 s}",
    "slow": f"{{to: {LATE}, waited: {LATE_AFTER_S} s}}",
}
"""What each pool overflows to; the number of its line is 96700 and its place in this list."""
DESKS = f"""
  - {{id: w-county, name: 试验, kind: emergency, serves: 119, county: {COUNTY}, number: 0310-8010119,
     alternative: {ALTERNATIVE}, trunks: [town], ring_for: {FIRST_FOR_S} s}}
  - {{id: w-next, name: 试验, kind: emergency, serves: 120, county: {NEXT_COUNTY}, number: 0310-8010120,
     trunks: [town]}}
"""
ROTA = """
  rota:
    name: 试验专家
    ring_for: 5 s
    roster:
      - {id: rota-past, name: 甲, number: 0310-8092911, trunks: [town], dates: {from: 2021-08-01, until: 2021-09-01}}
      - {id: rota-one, name: 乙, number: 0310-8092912, trunks: [town], dates: {from: 2021-09-01, until: 2022-01-01}}
      - {id: rota-night, name: 丙, number: 0310-8092913, trunks: [town], hours: "Mo-Su 20:00-24:00"}
      - {id: rota-two, name: 丁, number: 0310-8092914, trunks: [town], hours: "Mo-Fr 07:00-20:00"}
"""
"""Experts of whom two are on duty in the rehearsal: the first has been chosen for a time, the other for some hours."""


def line_of(pool: str) -> str:
    return f"967{list(RULES).index(pool):02}"


def _line(pool: str) -> str:
    return f"""
  - number: {line_of(pool)}
    name: 试验{line_of(pool)}
    short: 试验{line_of(pool)}
    department: 市农业农村局
    seats: retained
    answered_by: retained-seats
    pool: p-{pool}
    ring_for: 10 s
"""


def _target(name: str, kind: str) -> str:
    return f"""
  - {{id: w-{name}, name: 试验, kind: {kind}, number: 0311-8010{len(name)}, trunks: [town], ring_for: 4 s}}
"""


def _at_work(site: str, agent: str, *pools: str) -> str:
    """The same, that agent working in these pools alone."""
    theirs = ", ".join(f"{pool}: {{}}" for pool in pools)
    text, n = re.subn(rf"(id: {agent}, .*works_in: ){{\w+: {{}}}}", rf"\g<1>{{{theirs}}}", site)
    assert n == 1
    return text


def city(folder: Path) -> Path:
    """A city's files in `folder`."""
    texts = dict(sources())
    site = texts["site.yaml"]
    pools = "".join(f"  p-{name}: {{name: 试验, overflow: {rule}, wrap_up: 3 s}}\n" for name, rule in RULES.items())
    pools += "".join(f"  {name}: {{name: 试验}}\n" for name in (EMPTY, NEXT, LATE))
    for old, new in {
        "talk_limit: 60 min ": f"talk_limit: {TALK_LIMIT_S} s ",
        "hold_limit: 5 min ": f"hold_limit: {HOLD_LIMIT_S} s ",
        "consult_limit: 10 min\n": f"consult_limit: {CONSULT_LIMIT_S} s\n",
        "  answer_within: 8 s ": f"  answer_within: {SURVEY_S} s ",
        "\nexperts:\n": f"\nexperts:{ROTA}",
        "\npools:\n": f"\npools:\n{pools}",
    }.items():
        assert site.count(old) == 1, old
        site = site.replace(old, new)
    site = _at_work(site, BUSY, "safety", *(f"p-{name}" for name in RULES if name not in LEFT_ALONE))
    for name, agent in ONE_OF.items():
        site = _at_work(site, agent, f"p-{name}")
    site = _at_work(_at_work(site, NEIGHBOUR, NEXT), LATECOMER, LATE)
    texts["site.yaml"] = site + DESKS + _target("answers", "sub-centre") + _target("silent", "retained-seats")
    texts["lines.yaml"] += "".join(map(_line, RULES))
    return written_city(folder, texts)
