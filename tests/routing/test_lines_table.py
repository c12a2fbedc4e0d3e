"""The table in docs/lines.md of what happens to each number is what the configuration says.

`python -m tests.routing.test_lines_table` writes it anew.
"""

from collections.abc import Iterator
from datetime import timedelta

from routing.config import Config
from routing.ids import PoolId
from routing.lines import AnsweredBy, Cancelled, Host, Line, Reading
from tests.routing.sources import ROOT, config

DOCUMENT = ROOT / "docs/lines.md"
BEGIN, END = "<!-- what happens to each number: from config/lines.yaml -->", "<!-- end of the table -->"
HOSTS = {Host.CITY: "city", Host.PROVINCE: "province", Host.NATION: "nation"}
HEAD = (
    "| number | row | department | who runs it | what its caller hears | who answers; the hall follows |",
    "|---|---|---|---|---|---|",
)


def table(conf: Config) -> str:
    """The whole of it, a row for each line in the order of the file."""
    return "\n".join([*HEAD, *(f"| {' | '.join(_cells(conf, line))} |" for line in conf.lines.values())])


def _cells(conf: Config, line: Line) -> Iterator[str]:
    yield f"{line.number} {line.short}" if line.short != line.number else line.number
    yield (line.row or "") + (" *" if line.reading is Reading.INHERITED else "")
    yield line.department
    yield HOSTS[line.host] + (" (example)" if line.example else "")
    yield _hears(line)
    yield _answers(conf, line)


def _hears(line: Line) -> str:
    if line.transition is None:
        return "nothing about a change"
    told = f"{line.transition.begins} to {_day_before(line)}: "
    told += "both numbers may be dialled" if line.number_kept else "it has moved to 12345"
    if line.cancel_on is None:
        return told
    only = " and nothing else" if line.when_cancelled is Cancelled.ANNOUNCE_ONLY else ", and is connected"
    return f"{told}; from {line.cancel_on}: out of use{only}"


def _day_before(line: Line) -> str:
    return str(line.transition.ends - timedelta(days=1)) if line.transition else ""


def _answers(conf: Config, line: Line) -> str:
    skill = f"hall, skill {conf.site.skills[line.skill].name}" if line.skill else "hall"
    skill += f", in {conf.site.languages[line.language].name} first" if line.language else ""
    if line.answered_by is AnsweredBy.HALL:
        return skill
    own: str = ""
    if line.pool is not None:
        pool = conf.site.pools[PoolId(line.pool)]
        own = f"{pool.name} (registered), {pool.hours.text}"
    elif line.target is not None:
        target = conf.site.targets[line.target]
        hunt = " (hunt number)" if line.answered_by is AnsweredBy.RETAINED_SEATS else ""
        own = f"{target.name}{hunt}, {target.hours.text}"
    return f"{own}; then {skill}" if line.skill or line.language else own


def test_the_documented_table_is_the_configurations() -> None:
    text = DOCUMENT.read_text("utf-8")
    shown = text.partition(BEGIN)[2].partition(END)[0].strip()
    assert shown == table(config()), "python -m tests.routing.test_lines_table writes it anew"


if __name__ == "__main__":
    before, _, rest = DOCUMENT.read_text("utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    DOCUMENT.write_text(f"{before}{BEGIN}\n\n{table(config())}\n\n{END}{after}", "utf-8")
