"""The operations of a conversation, asked as over HTTP."""

import asyncio
from http import HTTPStatus
from urllib.parse import quote

import msgspec
import pytest

from ivr.web import views
from ivr.web.api import Answer
from ivr.web.rights import Role, Who
from routing.ids import AgentId
from tests.asterisk.waiting import eventually
from tests.calls.desk import Desk
from tests.fake.loop import simulate

CONFLICT, WRONG = HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY


async def talking() -> Desk:
    """1016 talks with a citizen, 1017 is ready, 1018 paused."""
    desk = Desk()
    desk.fake.seat("8016", answers_after=1, talks=None)
    desk.fake.seat("8017", answers_after=1, talks=None)
    desk.fake.target("03108095001", answers_after=1, talks=None)
    desk.fake.dials("12345", after=1.5, hangs_up=60)
    await asyncio.sleep(1)
    await desk.post("/agents/1016/sign-in")
    await asyncio.sleep(9)
    await desk.post("/agents/1017/sign-in")
    await desk.post("/agents/1018/sign-in", ready=False)
    return desk


def test_each_operation_answers_with_the_conversation_as_it_is_now() -> None:
    async def scene() -> None:
        desk = await talking()
        seen = []
        for path, given in (
            ("hold", {}),
            ("retrieve", {}),
            ("mute", {}),
            ("unmute", {}),
            ("consult", {"kind": "agent", "name": "1017"}),
        ):
            told = await desk.post(f"/agents/1016/talk/{path}", **given)
            seen.append([(each["name"], each["doing"], each["muted"]) for each in told["parties"]])
        assert seen == [
            [("citizen", "held", False), ("1016", "holding", False)],
            [("citizen", "talking", False), ("1016", "talking", False)],
            [("citizen", "talking", False), ("1016", "talking", True)],
            [("citizen", "talking", False), ("1016", "talking", False)],
            [("citizen", "held", False), ("1016", "consulting", False), ("1017", "ringing", False)],
        ]
        states = {each["agent"]: each["state"] for each in await desk.get("/agents")}
        assert (states["1016"], states["1017"]) == ("consulting", "ringing")
        await asyncio.sleep(3)
        for path, doing in (
            ("switch", ["talking", "talking", "held"]),
            ("switch", ["held", "consulting", "consulting"]),
            ("three-way", ["talking", "talking", "talking"]),
            ("complete", ["talking", "talking"]),
        ):
            told = await desk.post(f"/agents/1016/talk/{path}")
            assert [each["doing"] for each in told["parties"]] == doing, path
        (living,) = (await desk.get("/calls"))["living"]
        assert (living["stage"], living["with"]) == ("talk", "1017")
        assert (await desk.get("/agents/1017/talk"))["parties"][1]["name"] == "1017"
        transferred = await desk.post("/agents/1017/talk/transfer", kind="target", name="water")
        assert [each["doing"] for each in transferred["parties"]] == ["held", "consulting", "ringing"]
        await desk.post("/agents/1017/talk/cancel")
        await asyncio.sleep(5)  # any sooner, and 1016 would have the citizen again
        await desk.post("/agents/1017/talk/hang-up")
        assert "in no conversation" in await desk.refused("POST", "/agents/1017/talk/hold", CONFLICT)
        await asyncio.sleep(20)
        assert not desk.fake.leftovers()
        await desk.closes()

    simulate(scene)


def test_what_cannot_be_done_says_why() -> None:
    async def scene() -> None:
        desk = await talking()
        assert "in no conversation" in await desk.refused("POST", "/agents/1017/talk/hold", CONFLICT)
        assert "nobody is on hold" in await desk.refused("POST", "/agents/1016/talk/retrieve", CONFLICT)
        for kind, name, status, sentence in (
            ("agent", "1018", CONFLICT, "agent 1018 is paused"),
            ("agent", "1001", CONFLICT, "agent 1001 is signed out"),
            ("agent", "9999", WRONG, "no agent '9999'"),
            ("number", "0044123456", WRONG, "never dialled"),
            ("pool", "cellar", WRONG, "no pool 'cellar'"),
            ("target", "police", WRONG, "ask for emergency 110"),
        ):
            said = await desk.refused("POST", "/agents/1016/talk/consult", status, kind=kind, name=name)
            assert sentence in said
        await desk.closes()

    simulate(scene)


def test_an_agent_reads_in_their_own_call_all_but_who_listened_to_it() -> None:
    async def scene() -> None:
        desk = await talking()
        desk.fake.seat("8020", answers_after=1, talks=None)
        desk.people["1016"] = Who("1016", frozenset({Role.OPERATOR}), AgentId("1016"))
        desk.people["leader"] = Who("leader", frozenset({Role.SUPERVISOR}))
        call = (await desk.get("/calls"))["living"][0]["call"]
        await desk.post("/agents/1016/talk/consult", kind="target", name="water")
        await desk.post("/agents/1016/talk/cancel")
        await desk.post("/agents/1016/talk/listen", seat="8020")
        await asyncio.sleep(3)
        await desk.post("/agents/1016/talk/whisper", seat="8020")
        await desk.post("/agents/1016/talk/stop")
        await asyncio.sleep(1)

        async def told(who: str) -> tuple[list[str], str]:
            answer = await desk.ask("GET", f"/calls/{call}", token=who)
            assert answer.status == HTTPStatus.OK, answer
            said = msgspec.to_builtins(answer.value)
            outcomes = [fact["body"]["outcome"] for fact in said["facts"] if "talk:" in fact["body"].get("step", "")]
            return [each.get("do", each["fact"]) for each in outcomes], msgspec.json.encode(said).decode()

        above, _ = await told("leader")
        assert [each for each in above if each not in {"dialled", "parted"}] == [
            "consult", "cancel", "listen", "joined", "whisper", "stop",
        ]  # fmt: skip
        own, whole = await told("1016")
        assert [each for each in own if each not in {"dialled", "parted"}] == ["consult", "cancel"]
        assert own.count("parted") == 1
        assert "8020" not in whole
        while '"aim":"supervise"' not in (await told("leader"))[1]:  # noqa: ASYNC110 - virtual time: the citizen leaves
            await asyncio.sleep(1)
        facts = [views.happened(fact) for fact in await desk.store.facts_of(call)]
        (record,) = [fact for fact in views.unsupervised(facts, ()) if fact.topic == "record"]
        assert [(each["name"], each["aim"]) for each in record.body["brought"]] == [("water", "consult")]
        await desk.closes()

    simulate(scene)


@pytest.mark.parametrize("what", ["listen", "whisper", "barge", "take-over"])
def test_nobody_hears_a_talk_while_that_cannot_be_written_down_and_all_else_goes_on(what: str) -> None:
    async def scene() -> None:
        desk = await talking()
        desk.fake.seat("8020", answers_after=1, talks=None)
        desk.log.room = desk.log.size
        said = await desk.refused("POST", f"/agents/1016/talk/{what}", HTTPStatus.SERVICE_UNAVAILABLE, seat="8020")
        assert "cannot be written down" in said
        await asyncio.sleep(3)
        assert [each["name"] for each in (await desk.get("/agents/1016/talk"))["parties"]] == ["citizen", "1016"]
        await desk.post("/agents/1016/talk/hold")
        await desk.post("/agents/1016/talk/retrieve")
        desk.log.room = None
        await desk.post("/agents/1016/talk/listen", seat="8020")
        told = next(each for each in reversed(desk.audit.latest(9)) if each.deed.what == "listen")
        assert (told.deed.given, told.deed.status) == ('{"seat":"8020"}', HTTPStatus.OK)
        desk.log.room = desk.log.size
        await desk.post("/agents/1016/talk/stop")
        await desk.closes()

    simulate(scene)


def test_of_two_supervisors_who_take_over_at_once_one_does_and_the_other_is_told_so() -> None:
    async def scene() -> None:
        desk = await talking()
        for name, seat in (("liu", "8019"), ("wang", "8020")):
            desk.people[name] = Who(name, frozenset({Role.SUPERVISOR}))
            desk.fake.seat(seat, answers_after=1, talks=None)
        tries = (("liu", "8019"), ("wang", "8020"))
        answers = await asyncio.gather(
            *(desk.ask("POST", "/agents/1016/talk/take-over", {"seat": seat}, token=name) for name, seat in tries)
        )
        (winner,) = [name for (name, _), each in zip(tries, answers, strict=True) if each.status == HTTPStatus.OK]
        ((loser, seat),) = [each for each in tries if each[0] != winner]
        (late,) = [each for each in answers if each.status != HTTPStatus.OK]
        assert late.status == CONFLICT
        assert f"{winner} takes this conversation over already" in str(late.value)
        assert not desk.fake.parties[seat].channels
        await asyncio.sleep(5)
        gone = await desk.ask("POST", "/agents/1016/talk/take-over", {"seat": seat}, token=loser)
        assert gone.status == CONFLICT
        left = await desk.ask("POST", "/agents/1016/talk/stop", token=winner)
        assert left.status == HTTPStatus.OK
        await desk.closes()

    simulate(scene)


@pytest.mark.parametrize(("own", "known_as"), [(None, "1017 (account)"), ("1017", "1017")])
def test_a_supervisor_whose_account_is_called_like_an_agent_is_that_agent_only_if_they_are(
    own: str | None, known_as: str
) -> None:
    async def scene() -> None:
        desk = await talking()
        desk.fake.seat("8020", answers_after=1, talks=None)
        desk.people["boss"] = Who("1017", frozenset({Role.SUPERVISOR}), AgentId(own) if own else None)
        desk.people["1017"] = Who("wang", frozenset({Role.OPERATOR}), AgentId("1017"))
        call = (await desk.get("/calls"))["living"][0]["call"]

        async def asked(do: str, who: str, **given: str) -> HTTPStatus:
            return (await desk.ask("POST", f"/agents/{do}", given, token=who)).status

        assert await asked("1016/talk/listen", "boss", seat="8020") == HTTPStatus.OK
        await asyncio.sleep(3)
        assert await asked("1016/talk/whisper", "boss") == HTTPStatus.OK
        assert await asked("1016/talk/take-over", "boss") == HTTPStatus.OK
        await asyncio.sleep(3)
        is_theirs = HTTPStatus.OK if own else CONFLICT
        assert (await desk.ask("GET", "/agents/1017/talk", token="1017")).status == is_theirs
        assert await asked("1017/talk/mute", "1017") == is_theirs
        seen = (await desk.ask("GET", f"/calls/{call}", token="1017")).status
        assert seen == (HTTPStatus.OK if own else HTTPStatus.FORBIDDEN)
        assert await asked("1016/talk/stop", "boss") == HTTPStatus.OK
        await eventually(lambda: call not in desk.controller.register.ledgers, within=90)
        (record,) = await desk.store.calls()
        assert [part.agent for part in record.talks] == ["1016", known_as]
        await desk.closes()

    simulate(scene)


@pytest.mark.parametrize(("account", "known_as"), [("li.na", "li.na"), ("1017", "1017 (account)")])
def test_a_supervisor_who_has_taken_over_has_the_talk_under_the_name_of_their_account(
    account: str, known_as: str
) -> None:
    async def scene() -> None:
        desk = await talking()
        desk.fake.seat("8020", answers_after=1, talks=None)
        desk.people["boss"] = Who(account, frozenset({Role.SUPERVISOR}), None)
        talk = f"/agents/{quote(known_as)}/talk"

        async def asked(path: str, **given: str) -> Answer:
            return await desk.ask("POST", path, given, token="boss")

        assert (await asked("/agents/1016/talk/take-over", seat="8020")).status == HTTPStatus.OK
        await asyncio.sleep(3)
        held = await asked(f"{talk}/hold")
        assert held.status == HTTPStatus.OK, held
        parties = (await desk.get(talk))["parties"]
        assert [(each["name"], each["doing"]) for each in parties] == [("citizen", "held"), (known_as, "holding")]
        await desk.closes()

    simulate(scene)
