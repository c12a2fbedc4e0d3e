"""SIP messages as values: parsing, writing, and the digest of RFC 2617 (MD5, the only one that every switch speaks).

Owns the text of RFC 3261, nothing of time or sockets; `transactions` sends these, `phone` means something by them.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

VERSION = "SIP/2.0"

REASONS = {
    100: "Trying",
    180: "Ringing",
    183: "Session Progress",
    200: "OK",
    404: "Not Found",
    405: "Method Not Allowed",
    480: "Temporarily Unavailable",
    481: "Call/Transaction Does Not Exist",
    486: "Busy Here",
    487: "Request Terminated",
    488: "Not Acceptable Here",
    500: "Server Internal Error",
    603: "Decline",
}

_COMPACT = {
    "v": "via",
    "f": "from",
    "t": "to",
    "i": "call-id",
    "m": "contact",
    "l": "content-length",
    "c": "content-type",
    "k": "supported",
}


class Malformed(ValueError):
    """What arrived is not SIP."""


class Headers:
    """Header lines in their order; names compare without case, compact forms are their long names."""

    def __init__(self, lines: Iterable[tuple[str, str]] = ()) -> None:
        self._lines: tuple[tuple[str, str], ...] = tuple(lines)

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self._lines)

    def get(self, name: str, default: str = "") -> str:
        """The first value of `name`."""
        return next(iter(self.all(name)), default)

    def all(self, name: str) -> list[str]:
        """Every value of `name`, first to last."""
        wanted = name.lower()
        return [value for key, value in self._lines if _COMPACT.get(key.lower(), key.lower()) == wanted]

    def with_(self, name: str, value: str) -> "Headers":
        """The same lines with every `name` replaced by one."""
        wanted = name.lower()
        kept = [line for line in self._lines if _COMPACT.get(line[0].lower(), line[0].lower()) != wanted]
        return Headers([*kept, (name, value)])


@dataclass(frozen=True)
class Request:
    """A SIP request."""

    method: str
    uri: str
    headers: Headers
    body: str = ""

    def __bytes__(self) -> bytes:
        return _written(f"{self.method} {self.uri} {VERSION}", self.headers, self.body)


@dataclass(frozen=True)
class Response:
    """A SIP response."""

    status: int
    reason: str
    headers: Headers
    body: str = ""

    def __bytes__(self) -> bytes:
        return _written(f"{VERSION} {self.status} {self.reason}", self.headers, self.body)


def _written(start: str, headers: Headers, body: str) -> bytes:
    lines = [start, *(f"{name}: {value}" for name, value in headers.with_("Content-Length", str(len(body.encode()))))]
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


def parse(datagram: bytes) -> Request | Response:
    """The message in a datagram.  Raises `Malformed`."""
    head, _, body = datagram.decode("utf-8", "replace").partition("\r\n\r\n")
    start, *lines = re.sub(r"\r\n[ \t]+", " ", head).split("\r\n")
    headers = Headers((name.strip(), value.strip()) for name, _, value in (line.partition(":") for line in lines))
    match start.split(" ", 2):
        case [version, status, reason] if version == VERSION and status.isdigit():
            return Response(int(status), reason, headers, body)
        case [method, uri, version] if version == VERSION:
            return Request(method, uri, headers, body)
        case _:
            raise Malformed(f"not a SIP message: {start[:80]!r}")


def reply(
    request: Request, status: int, *, tag: str = "", headers: Iterable[tuple[str, str]] = (), body: str = ""
) -> Response:
    """A response to `request`, with its Via, From, To (and `tag`), Call-ID and CSeq."""
    copied = [("Via", via) for via in request.headers.all("via")]
    to = request.headers.get("to")
    if tag and not parameter(to, "tag"):
        to = f"{to};tag={tag}"
    copied += [("From", request.headers.get("from")), ("To", to)]
    copied += [(name, request.headers.get(name)) for name in ("Call-ID", "CSeq")]
    return Response(status, REASONS.get(status, "Refused"), Headers([*copied, *headers]), body)


def uri_of(value: str) -> str:
    """The URI in a name-addr or addr-spec, as `<sip:8001@127.0.0.1>;tag=x`."""
    match = re.search(r"<([^>]*)>", value)
    return match.group(1) if match else value.split(";", 1)[0].strip()


def user_of(value: str) -> str:
    """The user part of the URI in `value`; empty when it has none."""
    match = re.match(r"(?:sips?|tel):([^@;]+)(?:@|;|$)", uri_of(value))
    return match.group(1) if match and ("@" in value or "tel:" in value) else ""


def parameter(value: str, name: str) -> str:
    """A header parameter, behind the angle brackets if there are any; empty when it is not there."""
    outside = value.rpartition(">")[2]
    match = re.search(rf';\s*{re.escape(name)}\s*=\s*"?([^;,"\s]+)', outside, re.IGNORECASE)
    return match.group(1) if match else ""


def cseq(message: Request | Response) -> tuple[int, str]:
    """The number and the method of CSeq.  Raises `Malformed`."""
    number, _, method = message.headers.get("cseq").partition(" ")
    if not number.isdigit():
        raise Malformed("a message without CSeq")
    return int(number), method.strip()


def branch(message: Request | Response) -> str:
    """What names the transaction: the branch of the topmost Via."""
    return parameter(message.headers.get("via"), "branch")


def q850(message: Request | Response) -> int:
    """The cause in a `Reason: Q.850` header; 0 when nobody said."""
    for reason in message.headers.all("reason"):
        if reason.upper().startswith("Q.850") and (cause := parameter(reason, "cause")).isdigit():
            return int(cause)
    return 0


# --- digest


@dataclass
class Credentials:
    """Who we are to a server, and how often we have said so (`nc` counts uses of one nonce)."""

    user: str
    secret: str
    _uses: dict[str, int] = field(default_factory=dict)

    def answer(self, challenge: str, method: str, uri: str, cnonce: str) -> str:
        """The value of Authorization for a WWW-Authenticate or Proxy-Authenticate header."""
        asked = dict(_fields(challenge))
        realm, nonce = asked.get("realm", ""), asked.get("nonce", "")
        said = {"username": self.user, "realm": realm, "nonce": nonce, "uri": uri}
        ours, theirs = _md5(f"{self.user}:{realm}:{self.secret}"), _md5(f"{method}:{uri}")
        bare = {"algorithm": "MD5"}
        if "auth" in asked.get("qop", "").split(","):
            self._uses[nonce] = self._uses.get(nonce, 0) + 1
            count = f"{self._uses[nonce]:08x}"
            said |= {"response": _md5(f"{ours}:{nonce}:{count}:{cnonce}:auth:{theirs}"), "cnonce": cnonce}
            bare |= {"qop": "auth", "nc": count}
        else:
            said["response"] = _md5(f"{ours}:{nonce}:{theirs}")
        if "opaque" in asked:
            said["opaque"] = asked["opaque"]
        quoted = [f'{name}="{value}"' for name, value in said.items()]
        return "Digest " + ", ".join([*quoted, *(f"{name}={value}" for name, value in bare.items())])


def _fields(challenge: str) -> Iterator[tuple[str, str]]:
    for name, quoted, bare in re.findall(r'(\w+)\s*=\s*(?:"([^"]*)"|([^",\s]+))', challenge.partition(" ")[2]):
        yield name.lower(), quoted or bare


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def authorised(request: Request, response: Response, credentials: Credentials, *, branch: str, cnonce: str) -> Request:
    """`request` once more, with the answer to the challenge in `response`: next CSeq, `branch` in its Via."""
    number, method = cseq(request)
    proxy = response.headers.get("proxy-authenticate")
    challenge = proxy or response.headers.get("www-authenticate")
    name = "Proxy-Authorization" if proxy else "Authorization"
    answer = credentials.answer(challenge, method, request.uri, cnonce)
    via = re.sub(r"branch=[^;]+", f"branch={branch}", request.headers.get("via"))
    headers = request.headers.with_(name, answer).with_("CSeq", f"{number + 1} {method}")
    return replace(request, headers=Headers([("Via", via), *(line for line in headers if line[0].lower() != "via")]))


# --- what is offered: SDP


@dataclass(frozen=True)
class Sound:
    """Where a party wants its sound, and the payload type of its digits (RFC 4733); 0: none."""

    host: str
    port: int
    digits: int = 0


def sdp(host: str, port: int, session: int, *, version: int = 1, digits: bool = True, holds: bool = False) -> str:
    """Our offer or answer: A-law, and digits unless told otherwise, 20 ms, both ways unless we put them on hold."""
    keys = ["a=rtpmap:101 telephone-event/8000", "a=fmtp:101 0-16"] if digits else []
    return "\r\n".join(
        [
            "v=0",
            f"o=- {session} {version} IN IP4 {host}",
            "s=-",
            f"c=IN IP4 {host}",
            "t=0 0",
            f"m=audio {port} RTP/AVP 8{' 101' if digits else ''}",
            "a=rtpmap:8 PCMA/8000",
            *keys,
            "a=ptime:20",
            "a=sendonly" if holds else "a=sendrecv",
            "",
        ]
    )


def sound_of(body: str) -> Sound | None:
    """Where the other side wants A-law; None when it does not."""
    host = re.search(r"^c=IN IP4 ([\d.]+)", body, re.MULTILINE)
    audio = re.search(r"^m=audio (\d+) RTP/AVP ([\d ]+)", body, re.MULTILINE)
    if not host or not audio or "8" not in audio.group(2).split():
        return None
    digits = re.search(r"^a=rtpmap:(\d+) telephone-event/8000", body, re.MULTILINE)
    return Sound(host.group(1), int(audio.group(1)), int(digits.group(1)) if digits else 0)
