"""What the fake does for each ARI request, with the statuses that the real Asterisk gives."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec

from tests.fake.world import BY_US, Bridge, Channel

if TYPE_CHECKING:
    from tests.fake.asterisk import FakeAsterisk

Replied = Callable[[int, Any], None]

NO_CHANNEL = {"message": "Channel not found"}
NOT_IN_STASIS = {"message": "Channel not in Stasis application"}
NO_BRIDGE = {"message": "Bridge not found"}
NO_PLAYBACK = {"message": "Playback not found"}
NO_RESOURCE = {"message": "Resource not found"}
INVALID_STATE = {"message": "Channel in invalid state"}

SETTING = (["variable"], ["variables"])
LEASE = "TIMEOUT(absolute)"


class Requests:
    """The resources of ARI that we use."""

    def __init__(self, fake: "FakeAsterisk") -> None:
        self._fake = fake

    def do(self, request: dict[str, Any], replied: Replied) -> None:  # noqa: C901, PLR0912 - a case for each resource
        """Route a request."""
        query = {each["name"]: each["value"] for each in request.get("query_strings") or ()}
        body = msgspec.json.decode(request["message_body"]) if request.get("message_body") else {}
        method = request["method"]
        match request["uri"].split("/"):
            case ["channels", "create"] if method == "POST":
                self._create(query["channelId"], query, replied)
            case ["channels", name] if method == "POST":
                self._originate(name, query, body, replied)
            case ["channels", name, "variables"] if method == "POST":
                self._channel(name, method, ["variables"], body["variables"], replied)
            case ["channels", name, *action]:
                self._channel(name, method, action, query, replied)
            case ["endpoints", "PJSIP", name] if method == "GET":
                self._endpoint(name, replied)
            case ["playbacks", name]:
                self._playback(name, method, replied)
            case ["bridges", name]:
                self._bridge(name, method, query, replied)
            case ["bridges", name, "moh"]:
                self._mix(name, method, replied)
            case ["bridges", name, ("addChannel" | "removeChannel") as action] if method == "POST":
                self._members(name, action, query["channel"].split(","), replied)
            case ["applications", name, "subscription"] if method == "POST":
                self._subscribe(name, query["eventSource"], replied)
            case ["asterisk", "config", "dynamic", "res_pjsip", kind, name]:
                self._object(kind, name, method, body, replied)
            case ["applications", name, "eventFilter"] if method == "PUT":
                self._fake.applications.filters[name] = {each["type"] for each in body["allowed"]}
                replied(200, {"name": name})
            case ["events", "user", name] if method == "POST":
                self._user_event(name, query["application"], replied)
            case _:
                replied(404, NO_RESOURCE)

    def _user_event(self, name: str, app: str, replied: Replied) -> None:
        known = any(each["name"] == app for each in self._fake.listing("applications"))
        replied(204, None) if known else replied(404, {"message": "Application not found"})
        if known:
            self._fake.applications.echo(app, name)

    def _subscribe(self, app: str, source: str, replied: Replied) -> None:
        channel = self._fake.channels.get(source.removeprefix("channel:"))
        if channel is None:
            replied(422, {"message": "Event source does not exist"})
        else:
            channel.subscriber = app
            replied(200, {"name": app})

    def _object(self, kind: str, name: str, method: str, body: Any, replied: Replied) -> None:
        """One of SIP's, in memory."""
        if method == "PUT":
            self._fake.dynamic[kind, name] = {each["attribute"]: each["value"] for each in body["fields"]}
            replied(200, body["fields"])
        elif self._fake.dynamic.pop((kind, name), None) is not None:
            replied(204, None)
        else:
            replied(404, NO_RESOURCE)

    def _originate(self, name: str, query: dict[str, str], body: Any, replied: Replied) -> None:
        party = self._fake.endpoints.get(query["endpoint"])
        if name in self._fake.channels or party is None:
            replied(409, {"message": "Channel with given unique ID already exists"})
        elif not party.behaviours[0].registered:
            party.behaviour()
            replied(500, {"error": "Allocation failed"})
        else:
            resource = query["endpoint"].removeprefix("PJSIP/").rpartition("@")[2]
            channel = Channel(name, f"PJSIP/{resource}-{name.replace('-', '')}", party, "Down", originated=True)
            channel.variables = dict(body.get("variables") or {})
            party.asked = {name: value for name, value in channel.variables.items() if name.startswith("PJSIP_HEADER")}
            party.shown.append(query.get("callerId", ""))
            args = query["appArgs"].split(",") if "appArgs" in query else []
            channel.into = query.get("context", "") if "app" not in query else ""
            self._fake.originate(channel, query.get("app"), args, float(query.get("timeout", 30)))
            replied(200, channel.json(()))

    def _create(self, name: str, query: dict[str, str], replied: Replied) -> None:
        """A leg that is in Stasis from the first: nothing rings before it is dialled."""
        party = self._fake.endpoints[query["endpoint"]]
        channel = Channel(name, f"{query['endpoint']}-0", party, "Down", originated=True)
        self._fake.create(channel, query["app"])
        replied(200, channel.json(()))

    def _dial(self, channel: Channel, timeout: float, replied: Replied) -> None:
        if channel.state != "Down":
            replied(409, {"message": "Channel is not in the 'Down' state"})
        else:
            self._fake.ring(channel, None, [], timeout)
            replied(204, None)

    def _endpoint(self, name: str, replied: Replied) -> None:
        """A seat or a trunk, and the channels there now."""
        found = [each for each in self._fake.listing("endpoints/PJSIP") if each["resource"] == name]
        replied(200, found[0]) if found else replied(404, {"message": "Endpoint not found"})

    def _channel(self, name: str, method: str, action: list[str], query: dict[str, str], replied: Replied) -> None:
        fake = self._fake
        channel = fake.channels.get(name)
        if channel is None:
            replied(404, NO_CHANNEL)
        elif not action:
            if method == "DELETE":
                fake.hang_up(channel, int(query.get("reason_code", 16)), soft=BY_US)
                replied(204, None)
            else:
                replied(200, channel.json(()))
        elif action == ["variable"] and method == "GET":
            value = channel.variables.get(query["variable"])
            replied(200, {"value": value}) if value is not None else replied(404, {"message": "Variable not found"})
        elif channel.app is None:
            replied(409, NOT_IN_STASIS)
        elif method == "POST" and action[0] == "snoop":
            self._snoop(channel, action[1], query["app"], replied)
        elif method == "POST" and action == ["dial"]:
            self._dial(channel, float(query["timeout"]), replied)
        elif channel.state in {"Down", "Ringing"} and action not in SETTING:  # of a caller: Ring
            replied(412, INVALID_STATE)
        else:
            self._command(channel, method, action, query, replied)

    def _snoop(self, channel: Channel, name: str, app: str, replied: Replied) -> None:
        if name in self._fake.channels:
            replied(500, {"message": "Snoop channel could not be created"})
        else:
            replied(200, self._fake.snoop(channel, name, app).json(()))

    def _command(
        self, channel: Channel, method: str, action: list[str], query: dict[str, str], replied: Replied
    ) -> None:
        fake = self._fake
        match method, action:
            case "POST", ["answer"]:
                self._when_quiet((channel,), replied, lambda: fake.answer(channel))
                return
            case "POST", ["variable" | "variables" as which]:
                values = query if which == "variables" else {query["variable"]: query["value"]}
                self._when_quiet((channel,), replied, lambda: self._set(channel, values))
                return
            case "POST", ["play", name]:
                playback = fake.play(channel, name, query["media"].split(","))
                replied(201, playback.json())
                return
            case (("POST" | "DELETE"), ["moh"]):
                channel.music = method == "POST"
                channel.quiet = channel.quiet and method == "DELETE"
            case (("POST" | "DELETE"), ["silence"]):
                channel.quiet = method == "POST"
                channel.music = channel.music and method == "DELETE"
            case (("POST" | "DELETE"), ["ring"]):
                channel.ringing = method == "POST"
            case (("POST" | "DELETE"), ["mute"]):
                if "direction" not in query:
                    replied(400, {"message": "direction is required"})
                    return
                channel.muted = method == "POST"
            case "POST", ["continue"]:
                fake.continues(channel, query.get("context", ""))
            case _:
                replied(404, NO_RESOURCE)
                return
        fake.listen(channel)
        replied(204, None)

    def _set(self, channel: Channel, variables: dict[str, str]) -> None:
        channel.variables |= variables
        if LEASE in variables:
            self._fake.set_lease(channel, float(variables[LEASE]))

    def _when_quiet(self, channels: tuple[Channel, ...], replied: Replied, effect: Callable[[], None]) -> None:
        """The trap: a running playback makes this wait, and the socket with it."""
        for channel in channels:
            if channel.queue:
                channel.waiters.append(lambda: self._when_quiet(channels, replied, effect))
                return
        if any(channel.gone or channel.app is None for channel in channels):
            replied(500, {"message": "it left while this waited"})
            return
        effect()
        replied(204, None)

    def _playback(self, name: str, method: str, replied: Replied) -> None:
        playbacks = self._fake.playbacks.get(name)
        if not playbacks:
            replied(404, NO_PLAYBACK)
        elif method == "DELETE":
            self._fake.finish(playbacks[0], "done")
            replied(204, None)
        else:
            replied(200, playbacks[0].json())

    def _bridge(self, name: str, method: str, query: dict[str, str], replied: Replied) -> None:
        bridge = self._fake.bridges.get(name)
        if method == "POST":
            if bridge is not None:
                replied(409, {"message": f"Bridge with id '{name}' already exists"})
                return
            bridge = self._fake.bridges[name] = Bridge(name, query.get("type", "mixing"))
            replied(200, bridge.json())
        elif bridge is None:
            replied(404, NO_BRIDGE)
        elif method == "DELETE":
            if bridge.members:  # one with members is found for a moment more
                self._fake.later(self._fake.delay(), lambda: self._fake.bridges.pop(name, None))
            else:
                del self._fake.bridges[name]
            for member in tuple(bridge.members):
                self._fake.part(member)
            replied(204, None)
        else:
            replied(200, bridge.json())

    def _mix(self, name: str, method: str, replied: Replied) -> None:
        """A member that is silent: what it does for whoever listens, only the real one shows."""
        bridge = self._fake.bridges.get(name)
        if bridge is None:
            replied(404, NO_BRIDGE)
        elif method == "DELETE" and not bridge.is_mixed:
            replied(409, {"message": "Bridge isn't playing music"})
        else:
            bridge.is_mixed = method == "POST"
            replied(204, None)

    def _members(self, name: str, action: str, names: list[str], replied: Replied) -> None:
        bridge = self._fake.bridges.get(name)
        found = [self._fake.channels.get(each) for each in names]
        channels = tuple(each for each in found if each is not None)
        if bridge is None:
            replied(404, NO_BRIDGE)
        elif len(channels) < len(found):
            replied(400, NO_CHANNEL)
        elif any(channel.app is None for channel in channels):
            replied(422, NOT_IN_STASIS)
        elif action == "addChannel":
            self._when_quiet(
                channels, replied, lambda: self._each(channels, lambda each: self._fake.join(bridge, each))
            )
        elif any(channel.bridge is not bridge for channel in channels):
            replied(422, {"message": "Channel not in this bridge"})
        else:
            self._when_quiet(channels, replied, lambda: self._each(channels, self._fake.part))

    @staticmethod
    def _each(channels: tuple[Channel, ...], act: Callable[[Channel], None]) -> None:
        for channel in channels:
            act(channel)
