"""fetch against a real listener on loopback: what goes through, and that nothing arrives when refused."""

import asyncio
import gzip
import time
import zlib

import pytest

from dashboard.net.client import Limits, Timeouts
from dashboard.net.errors import (
    AddressRefused,
    BadRequest,
    BadUrl,
    ConnectFailed,
    ConnectionLost,
    NameNotFound,
    NetError,
    RedirectRefused,
    ResponseInvalid,
    ResponseTooLarge,
    TimedOut,
    TooManyRedirects,
)
from dashboard.net.fetch import Fetcher, OutboundRequest
from dashboard.net.policy import AddressPolicy


@pytest.fixture
async def fetcher(open_policy):
    made = Fetcher(lambda: open_policy)
    yield made
    await made.aclose()


@pytest.fixture
async def guarded():
    """A fetcher without exceptions whose resolver answers loopback to every name."""

    async def resolver(host, port):
        return ["127.0.0.1"]

    made = Fetcher(lambda: AddressPolicy(allowed_ports=frozenset(range(1, 65536))), resolver=resolver)
    yield made
    await made.aclose()


async def test_an_answer_comes_back_whole(server, fetcher):
    @server.route("/hello")
    async def hello(exchange):
        await exchange.answer("grüße".encode(), "201 Created", Content_Type="text/plain; charset=utf-8")

    got = await fetcher.fetch(
        OutboundRequest(server.url("/hello?q=1#part"), "post", {"X-Token": "a"}, b'{"a":1}')
    )
    assert (got.status, got.text, got.header("content-TYPE")) == (201, "grüße", "text/plain; charset=utf-8")
    assert got.final_url == server.url("/hello?q=1")
    assert 0 <= got.elapsed_ms < 5000
    seen = server.seen[0]
    assert (seen.method, seen.target, seen.body) == ("POST", "/hello?q=1", b'{"a":1}')
    assert seen.headers["host"] == server.netloc
    assert seen.headers["x-token"] == "a"
    assert seen.headers["accept-encoding"] == "identity"


async def test_an_error_status_is_an_answer_not_an_error(server, fetcher):
    @server.route("/")
    async def fail(exchange):
        await exchange.answer(b"no", "503 Service Unavailable")

    assert (await fetcher.fetch(OutboundRequest(server.url()))).status == 503


LOOPBACK_HOSTS = [
    "127.0.0.1", "127.1.2.3", "127.0.0.2", "localhost", "localhost.localdomain", "any.name.example",
    "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]", "[::1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]",
    "[2001:0:7f00:1::]", "0.0.0.0", "2130706433", "0x7f000001", "0x7f.1", "127.1", "017700000001", "0",
    "127。0。0。1", "user@127.0.0.1", "127.0.0.1\\@example.com", "xn--", "169.254.169.254", "168.63.129.16",
]  # fmt: skip


@pytest.mark.parametrize("host", LOOPBACK_HOSTS)
async def test_nothing_arrives_at_a_refused_address(server, guarded, host):
    with pytest.raises((AddressRefused, BadUrl)):
        await guarded.fetch(OutboundRequest(f"http://{host}:{server.port}/secret"))
    assert server.connections == 0


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"])
async def test_proxy_variables_are_ignored(server, other_server, fetcher, monkeypatch, variable):
    monkeypatch.setenv(variable, f"http://127.0.0.1:{other_server.port}")
    await fetcher.fetch(OutboundRequest(server.url()))
    assert (server.connections, other_server.connections) == (1, 0)


async def test_the_refusal_says_what_an_administrator_can_allow(server, guarded):
    with pytest.raises(AddressRefused) as caught:
        await guarded.fetch(OutboundRequest(server.url(host="intranet.example")))
    assert f"intranet.example:{server.port}" in str(caught.value)
    assert "127.0.0.1" not in str(caught.value)


# Names


def resolving(*answers):
    """A resolver that gives each answer list once, then repeats the last."""
    remaining = list(answers)
    asked = []

    async def resolver(host, port):
        asked.append(host)
        return remaining.pop(0) if len(remaining) > 1 else remaining[0]

    resolver.asked = asked
    return resolver


async def test_one_private_answer_among_public_ones_refuses_the_name(server):
    fetcher = Fetcher(AddressPolicy, resolver=resolving(["93.184.215.14", "2606:4700::1", "10.0.0.1"]))
    with pytest.raises(AddressRefused, match="Private-Use"):
        await fetcher.fetch(OutboundRequest("http://mixed.example/"))


async def test_a_name_is_resolved_once_per_connection_so_rebinding_has_no_gap(server):
    resolver = resolving(["93.184.215.14"], ["127.0.0.1"])
    connected = []
    fetcher = Fetcher(lambda: AddressPolicy(allowed_ports=frozenset({server.port})), resolver=resolver)

    async def record(host, port, timeout=None):
        connected.append(host)
        raise OSError("no network in this test")

    pool = await fetcher._transport._current_pool()
    pool.connections._network_backend._plain.connect_tcp = record
    for _ in range(2):
        with pytest.raises(NetError):
            await fetcher.fetch(OutboundRequest(server.url(host="rebind.example")))
    assert connected == ["93.184.215.14"]
    assert resolver.asked == ["rebind.example"] * 2
    assert server.connections == 0


async def test_an_allowed_name_is_connected_at_the_address_it_resolves_to(server):
    policy = AddressPolicy(frozenset({("model.lan", server.port)}))
    fetcher = Fetcher(lambda: policy, resolver=resolving(["127.0.0.1"]))
    assert (await fetcher.fetch(OutboundRequest(server.url(host="Model.LAN")))).status == 200
    assert server.seen[0].headers["host"] == f"model.lan:{server.port}"
    await fetcher.aclose()


async def test_the_next_address_is_tried_when_the_first_does_not_answer(server):
    policy = AddressPolicy(frozenset({("model.lan", None)}))
    fetcher = Fetcher(lambda: policy, resolver=resolving(["127.77.0.1", "127.0.0.1"]))
    assert (await fetcher.fetch(OutboundRequest(server.url(host="model.lan")))).status == 200
    await fetcher.aclose()


@pytest.mark.parametrize("failure", [OSError("nope"), UnicodeError("label too long")])
async def test_an_unknown_name_is_a_clear_error(failure):
    async def resolver(host, port):
        raise failure

    with pytest.raises(NameNotFound, match=r"nowhere\.example"):
        await Fetcher(AddressPolicy, resolver=resolver).fetch(OutboundRequest("http://nowhere.example/"))


async def test_a_name_without_addresses_is_not_found():
    with pytest.raises(NameNotFound):
        await Fetcher(AddressPolicy, resolver=resolving([])).fetch(OutboundRequest("http://empty.example/"))


async def test_a_slow_name_service_counts_as_connect_time():
    async def resolver(host, port):
        await asyncio.sleep(30)

    fetcher = Fetcher(AddressPolicy, timeouts=Timeouts(connect=0.05), resolver=resolver)
    with pytest.raises(TimedOut):
        await fetcher.fetch(OutboundRequest("http://slow.example/"))


async def test_a_closed_port_is_a_connect_error(server, open_policy, fetcher, unused_tcp_port):
    policy = AddressPolicy(frozenset({("127.0.0.1", None)}))
    with pytest.raises(ConnectFailed, match=r"127\.0\.0\.1"):
        await Fetcher(lambda: policy).fetch(OutboundRequest(f"http://127.0.0.1:{unused_tcp_port}/"))


# Policy changes and pooled connections


async def test_connections_are_reused_while_the_policy_stays(server, fetcher):
    for _ in range(3):
        await fetcher.fetch(OutboundRequest(server.url()))
    assert (server.connections, len(server.seen)) == (1, 3)


async def test_taking_an_exception_back_stops_a_kept_connection_from_being_used(server, open_policy):
    current = [open_policy]
    fetcher = Fetcher(lambda: current[0])
    await fetcher.fetch(OutboundRequest(server.url()))
    current[0] = AddressPolicy(allowed_ports=frozenset({server.port}))
    with pytest.raises(AddressRefused):
        await fetcher.fetch(OutboundRequest(server.url()))
    assert len(server.seen) == 1
    current[0] = open_policy
    assert (await fetcher.fetch(OutboundRequest(server.url()))).status == 200
    await fetcher.aclose()


async def test_a_policy_change_lets_running_answers_finish(server, open_policy):
    go_on = asyncio.Event()

    @server.route("/slow")
    async def slow(exchange):
        await exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab")
        await go_on.wait()
        await exchange.send(b"cd")

    current = [open_policy]
    fetcher = Fetcher(lambda: current[0])
    running = asyncio.create_task(fetcher.fetch(OutboundRequest(server.url("/slow"))))
    while not server.seen:
        await asyncio.sleep(0.01)
    current[0] = AddressPolicy(open_policy.allow_hosts | {("elsewhere.example", 1)})
    await fetcher.fetch(OutboundRequest(server.url()))
    go_on.set()
    assert (await running).content == b"abcd"
    await fetcher.aclose()


# Redirects


@pytest.mark.parametrize(
    "location",
    [
        "http://169.254.169.254/latest/meta-data/", "http://[::1]/", "http://10.0.0.1/", "//10.0.0.1/x",
        "http://2130706433/", "http://127.1/", "http:127.0.0.1", "file:///etc/passwd", "gopher://127.0.0.1/",
        "http://user:pw@example.com/", "http://xn--/", "http://exa mple.com/", "\\\\10.0.0.1\\x",
        "http://example.com:99999/", "javascript:alert(1)", "http://", "http://[::1", "/\\10.0.0.1/",
    ],
)  # fmt: skip
async def test_a_redirect_is_checked_like_a_first_request(server, fetcher, location):
    @server.route("/")
    async def bounce(exchange):
        await exchange.redirect(location)

    with pytest.raises((AddressRefused, BadUrl)):
        await fetcher.fetch(OutboundRequest(server.url()))
    assert len(server.seen) == 1


async def test_a_redirect_to_another_local_service_is_refused(server, other_server, fetcher):
    @server.route("/")
    async def bounce(exchange):
        await exchange.redirect(other_server.url("/admin"))

    with pytest.raises(AddressRefused):
        await fetcher.fetch(OutboundRequest(server.url()))
    assert other_server.connections == 0


@pytest.mark.parametrize(("path", "target"), [("next", "/a/next"), ("../b", "/b"), ("?x=1", "/a/start?x=1")])
async def test_a_relative_redirect_is_followed(server, fetcher, path, target):
    @server.route("/a/start")
    async def bounce(exchange):
        if "x=1" in exchange.target:
            await exchange.answer()
        else:
            await exchange.redirect(path)

    got = await fetcher.fetch(OutboundRequest(server.url("/a/start"), headers={"X-Api-Key": "k"}))
    assert got.final_url == server.url(target)
    assert server.seen[1].headers["x-api-key"] == "k"


@pytest.mark.parametrize(
    ("status", "method", "after"),
    [
        (301, "POST", ("GET", b"")), (302, "POST", ("GET", b"")), (303, "PUT", ("GET", b"")),
        (307, "POST", ("POST", b"data")), (308, "PUT", ("PUT", b"data")), (302, "PUT", ("PUT", b"data")),
    ],
)  # fmt: skip
async def test_a_redirect_keeps_or_drops_method_and_body(server, fetcher, status, method, after):
    @server.route("/")
    async def bounce(exchange):
        await exchange.redirect("/next", f"{status} Moved")

    await fetcher.fetch(OutboundRequest(server.url(), method, {"Content-Type": "text/plain"}, b"data"))
    second = server.seen[1]
    assert (second.method, second.body) == after
    assert ("content-type" in second.headers) is (after[1] != b"")


async def test_only_harmless_headers_follow_a_redirect_to_another_host(server, other_server):
    policy = AddressPolicy(frozenset({("127.0.0.1", None)}))

    @server.route("/")
    async def bounce(exchange):
        await exchange.redirect(other_server.url("/landing"))

    secret = {"Authorization": "Bearer s", "Cookie": "a=b", "X-Api-Key": "s", "Api-Token": "s"}
    fetcher = Fetcher(lambda: policy)
    await fetcher.fetch(OutboundRequest(server.url(), headers={**secret, "Accept": "text/html"}))
    await fetcher.aclose()
    assert set(other_server.seen[0].headers) == {"host", "accept", "accept-encoding"}
    assert other_server.seen[0].headers["host"] == other_server.netloc


async def test_a_body_is_not_sent_on_to_another_host(server, other_server):
    policy = AddressPolicy(frozenset({("127.0.0.1", None)}))

    @server.route("/")
    async def bounce(exchange):
        await exchange.redirect(other_server.url(), "307 Temporary Redirect")

    with pytest.raises(RedirectRefused):
        await Fetcher(lambda: policy).fetch(OutboundRequest(server.url(), "POST", {}, b"secret"))
    assert other_server.connections == 0


async def test_a_post_without_a_body_may_be_redirected_elsewhere(server, other_server):
    policy = AddressPolicy(frozenset({("127.0.0.1", None)}))

    @server.route("/")
    async def bounce(exchange):
        await exchange.redirect(other_server.url(), "307 Temporary Redirect")

    fetcher = Fetcher(lambda: policy)
    await fetcher.fetch(OutboundRequest(server.url(), "POST", {"X-Secret": "s"}))
    await fetcher.aclose()
    assert other_server.seen[0].method == "POST"
    assert "x-secret" not in other_server.seen[0].headers


async def test_five_redirects_are_followed_and_the_sixth_is_not(server, fetcher):
    @server.route("/hop")
    async def bounce(exchange):
        left = int(exchange.target.split("=")[1])
        await (exchange.redirect(f"/hop?left={left - 1}") if left else exchange.answer())

    assert (await fetcher.fetch(OutboundRequest(server.url("/hop?left=5")))).status == 200
    with pytest.raises(TooManyRedirects):
        await fetcher.fetch(OutboundRequest(server.url("/hop?left=6")))


async def test_a_redirect_loop_ends(server, fetcher):
    @server.route("/")
    async def bounce(exchange):
        await exchange.redirect("/")

    with pytest.raises(TooManyRedirects):
        await fetcher.fetch(OutboundRequest(server.url()))
    assert len(server.seen) == 6


# Sizes and encodings


async def test_a_body_of_exactly_the_limit_passes_and_one_more_byte_does_not(server, fetcher):
    @server.route("/sized")
    async def sized(exchange):
        await exchange.send(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", b"x" * int(exchange.target[-4:]))
        exchange.writer.close()

    assert (
        len((await fetcher.fetch(OutboundRequest(server.url("/sized?1000"), max_bytes=1000))).content) == 1000
    )
    with pytest.raises(ResponseTooLarge, match="1000 bytes"):
        await fetcher.fetch(OutboundRequest(server.url("/sized?1001"), max_bytes=1000))


async def test_a_declared_length_over_the_limit_is_refused_before_reading(server, fetcher):
    @server.route("/")
    async def announce(exchange):
        await exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n")
        await asyncio.sleep(5)

    started = time.monotonic()
    with pytest.raises(ResponseTooLarge, match="5 MB"):
        await fetcher.fetch(OutboundRequest(server.url()))
    assert time.monotonic() - started < 2


async def test_an_endless_body_is_cut_at_the_limit(server, fetcher):
    sent = 0

    @server.route("/")
    async def endless(exchange):
        nonlocal sent
        await exchange.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            await exchange.send(b"10000\r\n" + b"x" * 65536 + b"\r\n")
            sent += 65536

    with pytest.raises(ResponseTooLarge):
        await fetcher.fetch(OutboundRequest(server.url(), max_bytes=1_000_000))
    assert sent < 20_000_000


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "GZIP"])
async def test_a_compressed_answer_nobody_asked_for_is_still_read(server, fetcher, encoding):
    packed = zlib.compress(b"hello" * 100) if encoding == "deflate" else gzip.compress(b"hello" * 100)

    @server.route("/")
    async def compressed(exchange):
        await exchange.answer(packed, Content_Encoding=encoding)

    got = await fetcher.fetch(OutboundRequest(server.url()))
    assert got.content == b"hello" * 100
    assert got.header("content-encoding") is None


async def test_a_gzip_bomb_is_stopped_at_the_decoded_limit(server, fetcher):
    bomb = gzip.compress(b"\0" * 60_000_000)

    @server.route("/")
    async def explode(exchange):
        await exchange.answer(bomb, Content_Encoding="gzip")

    with pytest.raises(ResponseTooLarge):
        await fetcher.fetch(OutboundRequest(server.url()))


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip", "gzip, br", "compress", "aes128gcm", "x"])
async def test_stacked_and_unknown_encodings_are_refused(server, fetcher, encoding):
    @server.route("/")
    async def odd(exchange):
        await exchange.answer(b"abc", Content_Encoding=encoding)

    with pytest.raises(ResponseInvalid, match="encoding"):
        await fetcher.fetch(OutboundRequest(server.url()))


@pytest.mark.parametrize(
    "damage", [lambda data: data[:-6], lambda data: b"not gzip at all", lambda data: data + b"tail"]
)
async def test_a_broken_compressed_body_is_a_clear_error(server, fetcher, damage):
    @server.route("/")
    async def broken(exchange):
        await exchange.answer(damage(gzip.compress(b"hello" * 1000)), Content_Encoding="gzip")

    with pytest.raises(ResponseInvalid, match="compressed"):
        await fetcher.fetch(OutboundRequest(server.url()))


async def test_a_head_answer_may_announce_any_size(server, fetcher):
    @server.route("/")
    async def head(exchange):
        await exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\nContent-Encoding: gzip\r\n\r\n")

    got = await fetcher.fetch(OutboundRequest(server.url(), "HEAD"))
    assert (got.status, got.content) == (200, b"")


@pytest.mark.parametrize("size", [35_000, 90_000, 500_000])
async def test_a_flood_of_headers_is_refused(server, fetcher, size):
    @server.route("/")
    async def flood(exchange):
        lines = b"".join(b"X-%d: %s\r\n" % (i, b"a" * 90) for i in range(size // 100))
        await exchange.send(b"HTTP/1.1 200 OK\r\n" + lines + b"Content-Length: 0\r\n\r\n")

    with pytest.raises(ResponseInvalid):
        await fetcher.fetch(OutboundRequest(server.url()))


async def test_many_headers_under_the_cap_are_fine(server, fetcher):
    @server.route("/")
    async def many(exchange):
        await exchange.answer(b"", **{f"X-{i}": "a" * 90 for i in range(300)})

    assert len((await fetcher.fetch(OutboundRequest(server.url()))).headers) == 301


# Time


async def test_a_server_that_never_answers_runs_into_the_read_limit(server, open_policy):
    @server.route("/")
    async def silent(exchange):
        await asyncio.sleep(5)

    with pytest.raises(TimedOut, match="in time"):
        await Fetcher(lambda: open_policy, timeouts=Timeouts(read=0.1)).fetch(OutboundRequest(server.url()))


async def test_a_server_that_drips_runs_into_the_total_limit(server, fetcher):
    @server.route("/")
    async def drip(exchange):
        await exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n")
        while True:
            await exchange.send(b".")
            await asyncio.sleep(0.02)

    started = time.monotonic()
    with pytest.raises(TimedOut, match="completely"):
        await fetcher.fetch(OutboundRequest(server.url(), timeout=0.3))
    assert time.monotonic() - started < 2


async def test_a_cancelled_fetch_stays_cancelled_and_gives_its_connection_back(server, fetcher):
    @server.route("/wait")
    async def wait(exchange):
        await asyncio.sleep(5)

    task = asyncio.create_task(fetcher.fetch(OutboundRequest(server.url("/wait"))))
    while not server.seen:
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert fetcher._transport._pool.in_flight == 0


# Broken servers


@pytest.mark.parametrize(
    "reply",
    [
        b"", b"garbage\r\n\r\n", b"HTTP/1.1 abc OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nBad Header\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n", b"\xff\xfe\x00" * 100,
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 7\r\n\r\nabcdefg", b"SSH-2.0-OpenSSH_9.9\r\n",
    ],
)  # fmt: skip
async def test_an_answer_that_is_not_http_is_a_clear_error(server, fetcher, reply):
    @server.route("/")
    async def broken(exchange):
        await exchange.send(reply)
        exchange.writer.close()

    with pytest.raises((ResponseInvalid, ConnectionLost)) as caught:
        await fetcher.fetch(OutboundRequest(server.url()))
    assert str(caught.value).endswith(".")


# What may be sent


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"}, {"host": "x"}, {"Content-Length": "5"}, {"Transfer-Encoding": "chunked"},
        {"Connection": "close"}, {"Proxy-Authorization": "x"}, {"proxy-connection": "x"}, {"TE": "trailers"},
        {"Upgrade": "websocket"}, {"Trailer": "x"}, {"Keep-Alive": "1"}, {"Expect": "100-continue"},
        {"X-A": "a\r\nHost: evil"}, {"X-A": "a\nb"}, {"X-A": "a\rb"}, {"X-A": "a\x00b"}, {"X-A": "\x7f"},
        {"X-A\r\nBcc": "a"}, {"X A": "a"}, {"": "a"}, {"X-A:": "a"}, {"X-ü": "a"}, {"X-A": "\ud800"},
        {"Host ": "x"}, {"X-A": "a" * 40_000},
    ],
)  # fmt: skip
async def test_a_header_that_could_change_the_request_is_refused(server, fetcher, headers):
    with pytest.raises(BadRequest):
        await fetcher.fetch(OutboundRequest(server.url(), headers=headers))
    assert server.connections == 0


@pytest.mark.parametrize("method", ["CONNECT", "TRACE", "", "GET /x", "G\r\nET", "get\n"])
async def test_an_unusual_method_is_refused(server, fetcher, method):
    with pytest.raises(BadRequest):
        await fetcher.fetch(OutboundRequest(server.url(), method))
    assert server.connections == 0


async def test_a_header_value_may_hold_any_text_that_fits_on_a_line(server, fetcher):
    await fetcher.fetch(OutboundRequest(server.url(), headers={"X-Name": "  J\u00f6rg\t\u4f60  "}))
    assert server.seen[0].headers["x-name"].encode("latin-1").decode() == "J\u00f6rg\t\u4f60"


@pytest.mark.parametrize("limits", [{"timeout": 0}, {"timeout": -1}, {"max_bytes": 0}])
async def test_limits_of_nothing_are_refused(server, fetcher, limits):
    with pytest.raises(BadRequest):
        await fetcher.fetch(OutboundRequest(server.url(), **limits))


async def test_a_request_cannot_raise_the_limits_of_its_transport(server, open_policy):
    @server.route("/")
    async def big(exchange):
        await exchange.answer(b"x" * 2000)

    fetcher = Fetcher(lambda: open_policy, limits=Limits(max_response_bytes=1000))
    with pytest.raises(ResponseTooLarge):
        await fetcher.fetch(OutboundRequest(server.url(), max_bytes=5000))
    await fetcher.aclose()
