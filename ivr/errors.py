"""What can go wrong, as one tree; what business expects (busy, no answer, no input) is a return value, not an error.

    HotlineError
     ├── CallerHungUp        the citizen has left: the body of `alive()` ends with this
     ├── TakenBack           the channel lives on outside Stasis: the dialplan has it (lease, continue)
     ├── TryGivenUp          a call of ours has become needless before anybody answered it
     ├── OfferWithdrawn      the Floor has taken an offer back: the phone stops ringing
     ├── PickedUp            whoever is rung asks for their phone to answer by itself: it is dialled again
     ├── AriError            Asterisk answered a request with something else than success, or not at all
     │    ├── Gone           404: no such channel, bridge or playback; on our own channel a normal outcome
     │    ├── Conflict       409: not in our application, or not now
     │    ├── Precondition   412: the channel is in no state for it (not up, already leaving)
     │    ├── Unprocessable  422: addChannel of a leg that is not in Stasis yet
     │    └── Refused        any other 4xx or 5xx: 500 on an originate is "this phone cannot be reached"
     ├── ConnectionLost      no websocket to Asterisk, or the one we had has ended
     │    └── Deaf           no reply within the deadline, nor will there be to any request behind it; or no events
     ├── Replaced            another controller has taken our application: fatal
     ├── MailboxFull         a mailbox overflowed: events of that call are lost, so the call is a fault
     ├── StoreError          the database cannot be reached now
     │    └── StoreRefused   it is there, and will not have a value of ours
     ├── DiskError           a file of ours cannot be read or written
     │    └── DiskFull       no space, no quota
     ├── JournalError        the journal is another node's, or was not replayed before it was written
     ├── TooMany             more ask at once than there is any use for
     └── Trouble             the house cannot be set up or kept up: one plain sentence with the remedy, for the operator

`ConfigFaults` belongs to `routing.config`, which knows nothing of this module.
"""


class HotlineError(Exception):
    """All that the engine raises on purpose."""


class CallerHungUp(HotlineError):
    """The caller has left; `cause` is Q.850, 0 when Asterisk did not say."""

    def __init__(self, channel: str, cause: int = 0) -> None:
        super().__init__(f"caller {channel} hung up (cause {cause})")
        self.channel = channel
        self.cause = cause


class TakenBack(HotlineError):
    """The channel has left Stasis and lives on in the dialplan: it is not ours any more."""

    def __init__(self, channel: str) -> None:
        super().__init__(f"channel {channel} is back in the dialplan")
        self.channel = channel


class TryGivenUp(HotlineError):
    """Whom we are about to call has called by themselves, or it is too late in the day."""


class OfferWithdrawn(HotlineError):
    """The offer stands no more; the ticket keeps its place."""


class PickedUp(HotlineError):
    """A phone that rings is to answer by itself; `by` asks for it."""

    def __init__(self, by: str) -> None:
        super().__init__(f"{by} has the phone answer by itself")
        self.by = by


class AriError(HotlineError):
    """Asterisk's answer to `request` (method and path) was `status`: `reason`."""

    def __init__(self, request: str, status: int, reason: str) -> None:
        super().__init__(f"{request}: {status} {reason}")
        self.request = request
        self.status = status
        self.reason = reason


class Gone(AriError):
    """404."""


class Conflict(AriError):
    """409."""


class Precondition(AriError):
    """412."""


class Unprocessable(AriError):
    """422."""


class Refused(AriError):
    """Any other 4xx or 5xx."""


class ConnectionLost(HotlineError):
    """There is no websocket to Asterisk."""


class Deaf(ConnectionLost):
    """A request has had no reply, or no effect, within the deadline, and all behind it wait: a new socket is needed."""

    def __init__(self, request: str, within_s: float, missing: str = "reply") -> None:
        super().__init__(f"{request}: no {missing} within {within_s} s")
        self.request = request


class Replaced(HotlineError):
    """A second socket has registered our application: two controllers run."""


class MailboxFull(HotlineError):
    """More events than a call can have any use for."""


class StoreError(HotlineError):
    """The database cannot be reached; what was to be written waits in the journal."""


class StoreRefused(StoreError):
    """The database is there, and will not have a value of ours."""


class DiskError(HotlineError):
    """A file of ours cannot be read or written; says which, and why."""


class DiskFull(DiskError):
    """No space is left, or no quota."""


class JournalError(HotlineError):
    """The journal is not what it should be."""


STATUS_ERRORS: dict[int, type[AriError]] = {404: Gone, 409: Conflict, 412: Precondition, 422: Unprocessable}


def ari_error(request: str, status: int, reason: str) -> AriError:
    """The error that stands for an HTTP `status` of 400 and above."""
    return STATUS_ERRORS.get(status, Refused)(request, status, reason)


class TooMany(HotlineError):
    """More at once than there is any use for: later."""


class Trouble(HotlineError):
    """The house cannot go on: one plain sentence for whoever started it, with what to do."""
