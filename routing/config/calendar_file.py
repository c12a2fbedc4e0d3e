"""The days of `site.yaml` that are no ordinary ones: public holidays, and weekends worked for them."""

from collections.abc import Iterator
from datetime import date, timedelta

from routing.config.entry import Entry, entries
from routing.config.fields import day
from routing.hours import DAYS, SATURDAY, Calendar, SpecialDay, after_day

HOLIDAY_KEYS = ("name", "on", "from", "until")
SECTIONS = {"holidays": "a holiday", "working_weekends": "a working weekend"}
LONGEST = timedelta(days=31)


def calendar(file: Entry) -> Calendar:
    """Every special day of both sections."""
    days: dict[date, SpecialDay] = {}
    for section, what in SECTIONS.items():
        special = file.child(section) if file.has(section) else None
        for entry in entries(file.source, special, what, HOLIDAY_KEYS):
            one = SpecialDay(entry.text("name"), is_holiday=section == "holidays")
            found = list(_days(entry))
            for each in found:
                if each in days:
                    entry.fault("name", f"{each} is {days[each].name} already: a day is special once")
                    break
                if not one.is_holiday and each.weekday() < SATURDAY:
                    entry.fault("name", f"{each} is {DAYS[each.weekday()]}, no weekend: it is worked on without this")
                    break
            days |= dict.fromkeys(found, one)
    return Calendar(days)


def _days(entry: Entry) -> Iterator[date]:
    """`on` one day, or `from` one `until` another, which is the first that is ordinary again."""
    if entry.has("on") == (entry.has("from") or entry.has("until")):
        entry.source.fault(entry.node, f"{entry.what} is one day ('on') or several ('from', 'until')")
        return
    noted = len(entry.source.faults)
    begins = day(entry, "on" if entry.has("on") else "from")
    ends = after_day(begins) if entry.has("on") else day(entry, "until")
    if len(entry.source.faults) > noted:
        return
    if not timedelta(0) < ends - begins <= LONGEST:
        entry.fault("until", f"from {begins} until {ends} are {(ends - begins).days} days: write 1 to {LONGEST.days}")
        return
    while begins < ends:
        yield begins
        begins = after_day(begins)
