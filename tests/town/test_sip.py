"""SIP as text: what is parsed is what was meant, and a challenge is answered as the RFC's example is."""

import pytest

from ivr.town import sip

INVITE = (
    "INVITE sip:8001@127.0.0.1:5062 SIP/2.0\r\n"
    "v: SIP/2.0/UDP 127.0.0.1:5060;rport;branch=z9hG4bKa\r\n"
    "VIA: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKb\r\n"
    'f: "a;tag=wrong" <sip:13800138000@127.0.0.1;user=phone>;tag=right\r\n'
    "To: <sip:8001@127.0.0.1>\r\n"
    "Subject: one\r\n two\r\n"
    "i: x@y\r\n"
    "CSeq: 7 INVITE\r\n"
    "l: 4\r\n\r\nbody"
)


def test_a_request_is_read_with_compact_and_folded_headers() -> None:
    request = sip.parse(INVITE.encode())
    assert isinstance(request, sip.Request)
    assert (request.method, request.uri, request.body) == ("INVITE", "sip:8001@127.0.0.1:5062", "body")
    assert len(request.headers.all("via")) == 2
    assert request.headers.get("SUBJECT") == "one two"
    assert sip.branch(request) == "z9hG4bKa"
    assert sip.cseq(request) == (7, "INVITE")
    assert sip.parameter(request.headers.get("from"), "tag") == "right"
    assert sip.user_of(request.headers.get("from")) == "13800138000"


def test_what_is_written_is_read_back() -> None:
    request = sip.parse(INVITE.encode())
    assert isinstance(request, sip.Request)
    again = sip.parse(bytes(request))
    assert bytes(again) == bytes(request)
    reply = sip.parse(bytes(sip.reply(request, 486, tag="t")))
    assert isinstance(reply, sip.Response)
    assert (reply.status, reply.reason) == (486, "Busy Here")
    assert sip.parameter(reply.headers.get("to"), "tag") == "t"


@pytest.mark.parametrize("junk", [b"", b"\r\n\r\n", b"\xff\x00", b"HTTP/1.1 200 OK\r\n\r\n"])
def test_junk_is_no_message(junk: bytes) -> None:
    with pytest.raises(sip.Malformed):
        sip.parse(junk)


def test_the_digest_is_the_one_of_rfc_2617() -> None:
    challenge = (
        'Digest realm="testrealm@host.com", qop="auth,auth-int", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", '
        'opaque="5ccc069c403ebaf9f0171e9517f40e41"'
    )
    credentials = sip.Credentials("Mufasa", "Circle Of Life")
    answer = credentials.answer(challenge, "GET", "/dir/index.html", "0a4f113b")
    assert 'response="6629fae49393a05397450978507c4ef1"' in answer
    assert "nc=00000001" in answer
    assert 'opaque="5ccc069c403ebaf9f0171e9517f40e41"' in answer
    assert "nc=00000002" in credentials.answer(challenge, "GET", "/dir/index.html", "0a4f113b")


def test_where_sound_goes_is_read_from_the_offer() -> None:
    assert sip.sound_of(sip.sdp("127.0.0.1", 4000, 1)) == sip.Sound("127.0.0.1", 4000, 101)
    assert sip.sound_of("v=0\r\nc=IN IP4 1.2.3.4\r\nm=audio 4000 RTP/AVP 0\r\n") is None
