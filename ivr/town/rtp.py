"""Sound on the wire: A-law, a packet every 20 ms, digits (RFC 4733), and what was heard put where it belongs.

One `Pacer` serves every phone of a process with one timer.  What comes in is kept raw, with the moment of its arrival,
and decoded only when somebody asks: sixty calls in a process cost little more than their packets.
"""

import asyncio
import secrets
import socket
import struct
import time
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from math import inf
from operator import itemgetter
from typing import Final

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.int16]

RATE: Final = 8000  # samples a second
FRAME: Final = 160  # samples a packet: 20 ms
TICK: Final = FRAME / RATE
A_LAW: Final = 8  # payload type, RFC 3551
LATE: Final = 10  # ticks after which a late pacer skips instead of catching up
DIGIT_STEPS: Final = 5  # packets of 20 ms that a digit lasts
DIGIT_ENDS: Final = 3  # times that its end is told
RESYNC: Final = RATE * 2 // 5  # a timestamp this far from its arrival starts a new stretch: 400 ms
SO_TIMESTAMPNS: Final = 35  # Linux, asm-generic/socket.h: the kernel notes when a packet came, however late we read it
HEADER: Final = 12
DIGITS: Final = "0123456789*#ABCD"
_TIMESPEC: Final = struct.Struct("@ll")
_RTCP: Final = range(192, 224)  # second octet of RTCP, RFC 5761


def _decoded(code: int) -> int:
    code ^= 0x55
    exponent, mantissa = (code >> 4) & 7, code & 15
    value = (mantissa << 4) + 8 if exponent == 0 else ((mantissa << 4) + 0x108) << (exponent - 1)
    return value if code & 0x80 else -value


_DECODE: Final[Samples] = np.array([_decoded(code) for code in range(256)], dtype=np.int16)
_ORDER: Final = np.argsort(_DECODE, kind="stable")
_BORDERS: Final = (_DECODE[_ORDER][1:].astype(np.int32) + _DECODE[_ORDER][:-1]) / 2


def encode(samples: Samples) -> bytes:
    """16-bit samples as A-law, each to its nearest step."""
    return _ORDER[np.searchsorted(_BORDERS, samples)].astype(np.uint8).tobytes()


def decode(alaw: bytes) -> Samples:
    """A-law as 16-bit samples."""
    return _DECODE[np.frombuffer(alaw, dtype=np.uint8)]


@dataclass(frozen=True)
class Clip:
    """Something to say, encoded once: A-law in whole frames, once or over and over."""

    alaw: bytes
    again: bool = False

    @classmethod
    def of(cls, samples: Samples, *, again: bool = False) -> "Clip":
        """Samples at 8 kHz, padded to whole frames."""
        missing = -len(samples) % FRAME
        return cls(encode(np.pad(samples, (0, missing))), again)


SILENCE: Final = Clip.of(np.zeros(FRAME, dtype=np.int16), again=True)


def tone(hertz: int, level: int = 8000) -> Clip:
    """A steady tone of amplitude `level`; `hertz` a multiple of 10, so that 0.1 s joins without a click."""
    if hertz % 10:
        raise ValueError(f"{hertz} Hz does not close in 0.1 s: take a multiple of 10")
    moments = np.arange(RATE // 10) / RATE
    return Clip.of((level * np.sin(2 * np.pi * hertz * moments)).astype(np.int16), again=True)


class Pacer:
    """Calls everyone who speaks every 20 ms, in step; runs while there is somebody."""

    def __init__(self) -> None:
        self._speakers: dict[int, Callable[[int], None]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0

    @property
    def is_running(self) -> bool:
        """There is somebody who speaks."""
        return self._timer is not None

    def add(self, key: int, speak: Callable[[int], None]) -> None:
        """From the next tick on call `speak(ticks)`: how many ticks are due, usually 1."""
        self._speakers[key] = speak
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._due = loop.time() + TICK
            self._timer = loop.call_at(self._due, self._tick)

    def remove(self, key: int) -> None:
        """No more for this one."""
        self._speakers.pop(key, None)
        if not self._speakers and self._timer:
            self._timer.cancel()
            self._timer = None

    def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        ticks = int((loop.time() - self._due) / TICK) + 1
        self._due += ticks * TICK
        for speak in tuple(self._speakers.values()):
            speak(ticks)
        self._timer = loop.call_at(self._due, self._tick) if self._speakers else None


@dataclass(frozen=True)
class Heard:
    """What a phone heard: `samples[0]` was heard at `began` (the loop's clock); 0 where nothing came."""

    samples: Samples
    began: float

    @property
    def seconds(self) -> float:
        """How long."""
        return len(self.samples) / RATE

    def since(self, moment: float) -> "Heard":
        """From `moment` (the loop's clock) on."""
        return self.between(moment, self.began + self.seconds)

    def between(self, start: float, end: float) -> "Heard":
        """From `start` to `end`, zeros where nothing was heard."""
        first, last = round((start - self.began) * RATE), round((end - self.began) * RATE)
        inside = self.samples[max(first, 0) : max(last, 0)]
        before = min(max(0, -first), max(0, last - first))
        after = max(0, last - first - before - len(inside))
        return Heard(np.pad(inside, (before, after)), start)


def _below(moment: float) -> int:
    """A stream's first number: lower than whatever has begun before has come to, but for once in five minutes.

    RFC 3550 asks for chance.  So the worst is always there: who takes one stream for another drops what seems late.
    """
    return 0x7FFF - int(moment * 100) % 0x8000


@dataclass
class _Digit:
    """A digit being pressed."""

    event: int
    stamp: int
    step: int = 0


@dataclass
class Media(asyncio.DatagramProtocol):
    """One call's sound, both ways.  `packets` holds what came: moment of arrival, RTP packet."""

    pacer: Pacer
    packets: list[tuple[float, bytes]] = field(default_factory=list)
    sent: int = 0
    clip: Clip = SILENCE
    finished: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._to: tuple[str, int] | None = None
        self._digits_as = 0
        self._digits: deque[int] = deque()
        self._digit: _Digit | None = None
        self._at = 0
        self._sequence = _below(self._loop.time())
        self._stamp = secrets.randbelow(1 << 31)
        self._source = secrets.randbits(32)
        self._mark = True
        self._awaited: list[tuple[float, asyncio.Future[None]]] = []

    @classmethod
    def open(cls, ip: str, pacer: Pacer) -> "Media":
        """Bind a free port of `ip` and listen."""
        media = cls(pacer)
        media._sock.setblocking(False)  # noqa: FBT003 - the name of the method says what
        media._sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 18)
        media._sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        media._sock.bind((ip, 0))
        media._loop.add_reader(media._sock, media._receive)
        return media

    @property
    def port(self) -> int:
        """Where our sound is to be sent."""
        return int(self._sock.getsockname()[1])

    def towards(self, host: str, port: int, digits_as: int) -> None:
        """Speak to this address from now on; `digits_as` is the payload type of digits, 0: none."""
        self._to, self._digits_as = (host, port), digits_as
        self.pacer.add(id(self), self._speak)

    def close(self) -> None:
        """Fall silent and deaf; what was heard stays."""
        self.pacer.remove(id(self))
        if self._sock.fileno() >= 0:
            self._loop.remove_reader(self._sock)
            self._sock.close()
        self.finished.set()
        self._tell(inf)

    # --- speaking

    def say(self, clip: Clip) -> None:
        """Say this from now on; `finished` is set when a clip that is said once is over."""
        self.clip, self._at, self._mark = clip, 0, True
        self.finished.clear()

    def press(self, digits: str) -> None:
        """Press keys, 100 ms each with 100 ms between."""
        self._digits.extend(DIGITS.index(digit) for digit in digits)

    def _speak(self, ticks: int) -> None:
        if ticks > LATE:  # the machine slept: do not send a burst that nobody can hear
            self._stamp += (ticks - 1) * FRAME
            ticks = 1
        for _ in range(ticks):
            self._frame()
            self._stamp = (self._stamp + FRAME) & 0xFFFFFFFF

    def _frame(self) -> None:
        if self._digit is None and self._digits:
            self._digit = _Digit(self._digits.popleft(), self._stamp)
        if self._digit is not None and self._digits_as:
            self._press(self._digit)
            return
        frame = self.clip.alaw[self._at : self._at + FRAME]
        self._at += FRAME
        if self._at >= len(self.clip.alaw):
            self._at = 0
            if not self.clip.again:
                self.clip = SILENCE
                self.finished.set()
        self._send(A_LAW, self._stamp, frame)

    def _press(self, digit: _Digit) -> None:
        digit.step += 1
        if digit.step <= DIGIT_STEPS:
            self._mark = digit.step == 1
            self._send(self._digits_as, digit.stamp, struct.pack("!BBH", digit.event, 10, digit.step * FRAME))
        elif digit.step == DIGIT_STEPS + 1:
            for _ in range(DIGIT_ENDS):
                packed = struct.pack("!BBH", digit.event, 0x80 | 10, DIGIT_STEPS * FRAME)
                self._send(self._digits_as, digit.stamp, packed)
        elif digit.step > 2 * DIGIT_STEPS:
            self._digit = None

    def _send(self, kind: int, stamp: int, payload: bytes) -> None:
        if self._to is None:
            return
        self._sequence = (self._sequence + 1) & 0xFFFF
        first = kind | (0x80 if self._mark else 0)
        self._mark = False
        header = struct.pack("!BBHII", 0x80, first, self._sequence, stamp & 0xFFFFFFFF, self._source)
        try:
            self._sock.sendto(header + payload, self._to)
        except OSError:  # the other side has closed its port, or buffers are full: sound is lost, as on any network
            return
        self.sent += 1

    # --- hearing

    def _receive(self) -> None:
        now, wall = self._loop.time(), time.time()
        while True:
            try:
                packet, notes, _, _ = self._sock.recvmsg(2048, 64)
            except OSError:  # nothing more for now, or an ICMP error: both end this reading
                return
            if len(packet) > HEADER and packet[1] not in _RTCP:
                came = now
                for _, kind, note in notes:
                    if kind == SO_TIMESTAMPNS and len(note) == _TIMESPEC.size:
                        seconds, nanoseconds = _TIMESPEC.unpack(note)
                        came = min(now, now - wall + seconds + nanoseconds / 1e9)
                self.packets.append((came, packet))
                if self._awaited:
                    self._tell(came)

    @property
    def began(self) -> float:
        """When the first packet came; now, when there is none."""
        return self.packets[0][0] if self.packets else self._loop.time()

    @property
    def latest(self) -> float:
        """When the last one came; now, when there is none."""
        return self.packets[-1][0] if self.packets else self._loop.time()

    async def comes(self, moment: float, late: float) -> None:
        """Wait until a packet has come at `moment` (the loop's clock) or later, or none will come any more.

        Whoever is silent sends nothing: at `late` seconds behind the moment, or behind now, the wait is over too.
        """
        if self._sock.fileno() < 0 or (self.packets and self.latest >= moment):
            return
        told: asyncio.Future[None] = self._loop.create_future()
        self._awaited.append((moment, told))
        try:
            async with asyncio.timeout_at(max(moment, self._loop.time()) + late):
                await told
        except TimeoutError:
            return
        finally:
            self._awaited.remove((moment, told))

    def _tell(self, came: float) -> None:
        for moment, told in self._awaited:
            if moment <= came and not told.done():
                told.set_result(None)

    def heard(self, since: float = 0.0) -> Heard:
        """All that was heard, from the first packet that arrived after `since` on, each where its timestamp puts it."""
        packets = self.packets[bisect_left(self.packets, since, key=itemgetter(0)) :]
        placed = list(_placed(packets))
        if not placed:
            return Heard(np.zeros(0, dtype=np.int16), self._loop.time())
        began = packets[0][0]
        samples = np.zeros(max(at + len(payload) for at, payload in placed), dtype=np.int16)
        for at, payload in placed:
            samples[at : at + len(payload)] = decode(payload)
        return Heard(samples, began)

    def pressed(self) -> str:
        """The digits that the other side has pressed so far."""
        digits, known = "", set()
        for _, packet in self.packets:
            stamp, payload = packet[4:12], packet[HEADER:]
            if packet[1] & 0x7F != A_LAW and len(payload) == struct.calcsize("!BBH") and stamp not in known:
                known.add(stamp)
                digits += DIGITS[payload[0]] if payload[0] < len(DIGITS) else ""
        return digits


def _placed(packets: list[tuple[float, bytes]]) -> Iterator[tuple[int, bytes]]:
    """Each A-law payload with its place: by timestamp within a stretch, by arrival where a stretch begins.

    A stretch ends when the source changes or when a timestamp departs from the moment of its arrival by more than
    `RESYNC`: Asterisk starts timestamps anew when a channel changes bridges.
    """
    source, base, place = b"", 0, 0
    for moment, packet in packets:
        if packet[1] & 0x7F != A_LAW:
            continue
        stamp, header = int.from_bytes(packet[4:8]), HEADER + 4 * (packet[0] & 15)
        arrived = round((moment - packets[0][0]) * RATE)
        at = place + ((stamp - base + (1 << 31)) & 0xFFFFFFFF) - (1 << 31)
        if packet[8:12] != source or abs(at - arrived) > RESYNC:
            source, base, place, at = packet[8:12], stamp, arrived, arrived
        if at >= 0:
            yield at, packet[header:]
