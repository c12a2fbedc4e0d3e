"""The audit log: what has an entry, what an entry must not say, and how a broken chain shows."""

import asyncio
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path
from typing import Any
from zlib import crc32

import msgspec
import pytest

from ivr import audit
from ivr.audit import Anchor, Audit, Deed, anchored, digest, joined, verified
from ivr.edge.disk import FileDisk
from ivr.edge.protocols import Request
from ivr.errors import DiskError
from ivr.web.api import Api
from ivr.web.audit import SINGLY
from ivr.web.operations import Operation
from ivr.web.rights import OPEN, WATCHERS, Role, Who
from ivr.web.switchboard import Asked
from routing.ids import AgentId
from tests.calls.desk import Desk
from tests.fake.clock import ManualClock
from tests.fake.disk import MemoryDisk, Platter
from tests.fake.loop import simulate


def deed(n: int) -> Deed:
    return Deed("li", "pause", f"/agents/{n}/pause", '{"reason":"lunch"}', "127.0.0.1", 200)


def written(disk: MemoryDisk, count: int, who: str = "li") -> None:
    log = Audit(disk, ManualClock())
    for n in range(count):
        log.write(msgspec.structs.replace(deed(n), who=who))


def faults(disk: MemoryDisk) -> list[tuple[int, str]]:
    return [(link.line, link.fault) for link in verified(disk.read()) if link.fault]


def test_one_life_goes_on_from_the_last_line_of_the_one_before() -> None:
    platter = Platter()
    for count in (3, 1, 4):
        written(MemoryDisk(platter), count)
        platter.content += b"00000000 {torn"
    links = list(verified(MemoryDisk(platter).read()))
    assert [link.entry.n for link in links if link.entry] == list(range(1, 9))
    assert not [link for link in links if link.fault]


def test_a_kill_at_any_byte_leaves_a_log_that_is_whole_and_goes_on() -> None:
    disk = MemoryDisk()
    written(disk, 2)
    content = bytes(disk.platter.content)
    for cut in range(len(content) + 1):
        platter = Platter(bytearray(content[:cut]))
        written(MemoryDisk(platter), 1)
        links = list(verified(MemoryDisk(platter).read()))
        assert not [link for link in links if link.fault], cut
        assert len(links) == content[:cut].count(b"\n") + 1


def test_an_entry_carries_the_digest_of_the_one_before() -> None:
    disk = MemoryDisk()
    written(disk, 3)
    lines = list(disk.read())
    entries = [link.entry for link in verified(lines)]
    assert [entry.before for entry in entries if entry] == ["0" * 64, digest(lines[0]), digest(lines[1])]


@pytest.mark.parametrize("line", range(1, 5))
def test_a_line_that_is_changed_removed_or_put_in_is_found(line: int) -> None:
    disk = MemoryDisk()
    written(disk, 5)
    lines = list(disk.read())
    changed = [*lines[: line - 1], lines[line - 1].replace(b"lunch", b"lunge"), *lines[line:]]
    removed = [*lines[: line - 1], *lines[line:]]
    twice = [*lines[:line], *lines[line - 1 :]]
    assert [link.line for link in verified(changed) if link.fault] == [line, line + 1]
    assert [link.line for link in verified(removed) if link.fault] == ([line] if line > 1 else [])
    assert [link.line for link in verified(twice) if link.fault] == [line + 1]


def test_a_number_that_is_left_out_is_found_though_the_chain_is_whole() -> None:
    """As whoever knows how lines are made would take one out: the rest is written anew."""
    disk = MemoryDisk()
    written(disk, 4)
    entries = [link.entry for link in verified(disk.read()) if link.entry]
    lines, before = [], entries[0].before
    for entry in (*entries[:2], entries[3]):
        content = msgspec.json.encode(msgspec.structs.replace(entry, before=before))
        lines.append(b"%08x %b" % (crc32(content), content))
        before = digest(lines[-1])
    assert [(link.line, link.fault) for link in verified(lines) if link.fault] == [
        (3, "has number 4, and 3 was to come")
    ]


def test_what_was_cut_off_or_made_anew_as_a_whole_is_found_by_its_anchors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "ANCHOR_EVERY", 4)
    disk, anchors = MemoryDisk(), list[Anchor]()
    log = Audit(disk, ManualClock(), anchors.append)
    for n in range(10):
        log.write(deed(n))
    lines = list(disk.read())
    assert [anchor.n for anchor in anchors] == [4, 8]
    assert not [link for link in anchored(verified(lines), anchors) if link.fault]
    cut = list(anchored(verified(lines[:7]), anchors))
    assert (cut[-1].line, cut[-1].fault) == (8, "is missing: there were entries up to 8 at least, the database says")
    other = MemoryDisk()
    written(other, 10, who="mallory")
    assert [link.line for link in anchored(verified(other.read()), anchors) if link.fault] == [4, 8]
    assert Audit(MemoryDisk(disk.platter), ManualClock(), anchors.append).count == 10
    assert anchors[-1] == Anchor(10, digest(lines[-1]))


def test_the_interface_compares_the_log_with_the_database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "ANCHOR_EVERY", 2)

    async def scene() -> None:
        desk = Desk()
        for name in ("li", "wang", "zhao", "sun"):
            await desk.post("/accounts", name=name, roles=["operator"])
        assert (await desk.get("/audit/chain"))["is_whole"]
        content = desk.log.platter.content
        del content[content.index(b'"n":3,') :]
        del content[content.rindex(b"\n") + 1 :]
        found = await desk.get("/audit/chain")
        assert [each["line"] for each in found["broken"]] == [3]
        assert "up to 4 at least" in found["broken"][0]["fault"]
        desk.store.away = True
        assert (await desk.get("/audit/chain"))["error"] == "it is away"
        await desk.closes()

    simulate(scene)


def test_the_interface_looks_at_the_files_that_were_put_aside_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "SEGMENT", 1_000)

    async def scene() -> None:
        desk = Desk()
        for n in range(20):
            await desk.post("/accounts", name=f"li-{n}", roles=["operator"])
        aside = desk.log.platter.aside
        first, second = sorted(aside)[:2]
        assert (await desk.get("/audit/chain")) == {"lines": 20, "is_whole": True, "broken": [], "error": ""}
        aside[second] = aside[second].replace(b"operator", b"operetta")
        found = await desk.get("/audit/chain")
        assert not found["is_whole"]
        assert {each["file"] for each in found["broken"]} >= {second}
        assert "does not match its checksum" in {each["fault"] for each in found["broken"]}
        del aside[first], aside[second]
        assert (await desk.get("/audit/chain"))["is_whole"], "what lies in an archive is not missing"
        del aside[sorted(aside)[1]]
        assert "files are missing" in (await desk.get("/audit/chain"))["broken"][0]["fault"]
        await desk.closes()

    simulate(scene)


def test_a_file_that_has_grown_long_enough_is_put_aside_and_the_next_one_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(audit, "SEGMENT", 2_000)
    disk = MemoryDisk()
    log = Audit(disk, ManualClock())
    for n in range(30):
        log.write(deed(n))
    assert [entry.n for entry in log.latest(2)] == [29, 30]
    files = [content.split(b"\n")[:-1] for _, content in sorted(disk.platter.aside.items())]
    files.append(list(disk.read()))
    assert len(files) > 2
    assert [link.entry.n for _, link in joined(files) if link.entry] == list(range(1, 31))
    assert not [link for _, link in joined(files) if link.fault]
    assert [(place, link.line) for place, link in joined([files[0], *files[2:]]) if link.fault] == [(1, 1)]
    assert not [link for _, link in joined(files[1:]) if link.fault]


def test_a_real_file_is_put_aside_whole_also_after_one_who_died_over_it(tmp_path: Path) -> None:
    path = tmp_path / "audit" / "audit"
    with FileDisk(path) as disk:
        disk.append(b"one\n")
        path.with_name("audit-000000000001").hardlink_to(path)
        assert list(disk.aside()) == []
        disk.append(b"two\n")
        disk.put_aside("audit-000000000002", [b"two"])
        disk.append(b"three\n")
        assert list(disk.read()) == [b"two", b"three"]
        (kept,) = disk.aside()
        assert (kept.name.rpartition("/")[2], kept.size, list(kept.read())) == (
            "audit-000000000002", len(b"one\ntwo\n"), [b"one", b"two"],
        )  # fmt: skip
        assert list(kept.read(len(b"one\n"))) == [b"two"]
        Path(kept.name).rename(tmp_path / "archived")
        assert (kept.size, list(kept.read())) == (0, [])
        (tmp_path / "archived").rename(kept.name)
    assert sorted(each.name for each in path.parent.iterdir()) == ["audit", "audit-000000000002"]
    assert path.with_name("audit-000000000002").read_bytes() == b"one\ntwo\n"


def test_after_a_break_the_chain_goes_on_and_shows_just_that_one() -> None:
    platter = Platter()
    written(MemoryDisk(platter), 3)
    platter.content += b"what is this\n"
    written(MemoryDisk(platter), 2)
    disk = MemoryDisk(platter)
    assert [line for line, _ in faults(disk)] == [4]


def test_a_disk_that_refuses_stops_nobody_and_loses_nothing() -> None:
    disk = MemoryDisk(room=1000)
    log = Audit(disk, ManualClock())
    for n in range(10):
        log.write(deed(n))
    assert log.held > 0
    disk.room = None
    log.write(deed(10))
    assert (log.held, log.count) == (0, 11)
    assert len(list(disk.read())) == 11
    assert not faults(disk)


def test_on_a_real_disk_only_its_user_can_read_it_and_a_torn_line_is_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "audit" / "audit"
    with FileDisk(path) as disk:
        Audit(disk, ManualClock()).write(deed(1))
    assert path.stat().st_mode & 0o777 == 0o600
    with path.open("ab") as file:
        file.write(b'1234abcd {"n":2,')
    with FileDisk(path) as disk:
        log = Audit(disk, ManualClock())
        log.write(deed(2))
        assert [entry.n for entry in log.latest(10)] == [1, 2]
        assert not [link for link in verified(disk.read()) if link.fault]


def test_the_latest_are_found_page_by_page() -> None:
    disk = MemoryDisk()
    log = Audit(disk, ManualClock())
    for n in range(3000):
        log.write(deed(n))
    assert [entry.n for entry in log.latest(3)] == [2998, 2999, 3000]
    assert [entry.n for entry in log.latest(3, before=11)] == [8, 9, 10]
    assert [entry.n for entry in log.latest(20, before=5)] == [1, 2, 3, 4]


def test_the_latest_are_found_page_by_page_through_all_files_to_the_first_entry(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(audit, "SEGMENT", 5_000)
    monkeypatch.setattr(audit, "_TAIL", 600)  # bytes: so that a file has to be searched
    disk = MemoryDisk()
    log = Audit(disk, ManualClock())
    for n in range(100):
        log.write(deed(n))
    assert len(list(disk.aside())) > 3
    numbers, before = list[int](), None
    while page := log.latest(7, before):
        assert len(page) == 7 or page[0].n == 1
        numbers[:0] = [entry.n for entry in page]
        before = page[0].n
    assert numbers == list(range(1, 101))
    assert [entry.n for entry in log.latest(1000)] == numbers
    del disk.platter.aside[min(disk.platter.aside)]
    kept = [entry.n for entry in log.latest(1000)]
    assert kept == list(range(kept[0], 101)), "what lies in an archive is passed over"
    assert kept[0] > 1
    assert not log.latest(3, before=kept[0])


def test_what_changes_something_and_what_is_refused_has_an_entry_and_a_look_has_none() -> None:
    async def scene() -> None:
        desk = Desk()
        desk.people["wang"] = Who("wang", frozenset({Role.OPERATOR}), AgentId("1016"), "abc")
        await asyncio.sleep(1)
        await desk.ask("GET", "/status", token="wang")
        await desk.ask("POST", "/agents/1016/sign-in", {"ready": False}, token="wang")
        await desk.ask("POST", "/agents/1001/pause", {"reason": "lunch"}, token="wang")
        await desk.ask("GET", "/accounts", token="wang")
        await desk.ask("GET", "/calls", token="")
        await desk.ask("POST", "/agents/1016/pause", ["lunch"], token="wang")
        shown = [(e.deed.who, e.deed.what, e.deed.where, e.deed.given, e.deed.status) for e in desk.audit.latest(9)]
        assert shown == [
            ("wang", "sign-in", "/agents/1016/sign-in", '{"seat":"","ready":false}', 200),
            ("wang", "pause", "/agents/1001/pause", "", 403),
            ("wang", "accounts", "/accounts", "", 403),
            ("nobody", "calls", "/calls", "", 401),
            ("wang", "pause", "/agents/1016/pause", "", 400),
        ]
        assert desk.audit.latest(9)[0].deed.source.endswith("token abc")
        assert (await desk.get("/audit/chain")) == {"lines": 5, "is_whole": True, "broken": [], "error": ""}
        told = await desk.get("/audit", limit=2)
        assert [each["deed"]["status"] for each in told["entries"]] == [401, 400]
        await desk.closes()

    simulate(scene)


def test_no_secret_is_ever_in_it() -> None:
    async def scene() -> None:
        desk = Desk()
        made = await desk.post("/accounts", name="wang", roles=["operator"], password="ein-geheimnis-1")
        secrets = ["ein-geheimnis", made["password"], "erraten"]
        for password in ("ein-geheimnis-1", "erraten-eins"):
            answer = await desk.ask("POST", "/login", {"name": "wang", "password": password}, token="")
            secrets.append(getattr(answer.value, "token", "none was told"))
        await desk.post("/accounts/wang/password", password="ein-geheimnis-2")
        secrets.append((await desk.post("/accounts/wang/password"))["password"])
        await desk.ask("POST", "/me/password", {"old": "ein-geheimnis-3", "new": "ein-geheimnis-4"})
        secrets.append((await desk.post("/tokens", account="wang", label="wallboard"))["secret"])
        content = bytes(desk.log.platter.content).decode()
        assert not [secret for secret in secrets if secret in content]
        assert [entry.deed.who for entry in desk.audit.latest(3, before=4)] == ["house", "nobody: wang", "nobody: wang"]
        await desk.closes()

    simulate(scene)


class Failing(MemoryDisk):
    """A disk that goes away."""

    is_away = False

    def append(self, lines: bytes) -> None:
        if self.is_away:
            raise DiskError("the disk is away")
        super().append(lines)


async def listen(asked: Asked) -> str:
    """Hear somebody's voice."""
    return f"{asked.who.name} hears it"


def test_what_discloses_is_written_down_before_or_not_done() -> None:
    async def scene() -> None:
        desk = Desk()
        disk = Failing()
        log = Audit(disk, ManualClock())
        operation = Operation("GET", "/listen", listen, WATCHERS, discloses=True)
        board = replace(desk.board, audit=log)
        api = Api(board, {"above": Who("above", frozenset({Role.SUPERVISOR}))}.get, (operation,))
        request = Request("GET", "/listen", (), "Bearer above")
        assert (await api.answer(request)).value == "above hears it"
        assert [(entry.deed.who, entry.deed.what) for entry in log.latest(9)] == [("above", "listen")]
        disk.is_away = True
        refused = await api.answer(request)
        assert refused.status is HTTPStatus.SERVICE_UNAVAILABLE
        assert "cannot be written down" in refused.value.error
        await desk.closes()

    simulate(scene)


def test_a_disk_that_is_away_keeps_nobody_from_working_and_all_is_written_later() -> None:
    async def scene() -> None:
        desk = Desk()
        await asyncio.sleep(1)
        desk.log.room = desk.log.size
        assert (await desk.post("/agents/1016/sign-in"))["state"] == "ready"
        assert desk.audit.held == 1
        desk.log.room = None
        await desk.post("/agents/1016/sign-out")
        assert [entry.deed.what for entry in desk.audit.latest(9)] == ["sign-in", "sign-out"]
        await desk.closes()

    simulate(scene)


def test_a_flood_of_strangers_does_not_fill_the_disk() -> None:
    async def scene() -> None:
        desk = Desk()
        for _ in range(SINGLY + 2000):
            await desk.ask("GET", "/calls", token="")
        assert len(desk.audit.latest(9999)) == SINGLY + 2  # 1024th and 2048th
        assert "2048 times" in desk.audit.latest(1)[0].deed.said
        await asyncio.sleep(3600)
        await desk.ask("GET", "/calls", token="")
        assert "times" not in desk.audit.latest(1)[0].deed.said
        await desk.closes()

    simulate(scene)


async def breaks(asked: Asked) -> Any:
    """Fail at it."""
    raise ValueError(asked.who.name)


def test_a_fault_of_ours_has_its_entry_too() -> None:
    async def scene() -> None:
        desk = Desk()
        api = Api(desk.board, desk.access.identify, (Operation("POST", "/breaks", breaks, OPEN),))
        with pytest.raises(ValueError, match="nobody"):
            await api.answer(Request("POST", "/breaks"))
        assert [entry.deed.status for entry in desk.audit.latest(9)] == [500]
        await desk.closes()

    simulate(scene)
