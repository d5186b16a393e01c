"""The transport under a plain client and under a model vendor's client: streaming, TLS, redirects, errors."""

import asyncio
import datetime
import gzip
import ipaddress
import ssl
import zlib

import httpx2
import openai
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pydantic_ai.models import create_async_httpx2_client

from dashboard.net.body import Inflater
from dashboard.net.client import (
    FINAL_URL_KEY,
    MODEL_LIMITS,
    MODEL_TIMEOUTS,
    GuardedTransport,
    Limits,
    Timeouts,
    build_client,
)
from dashboard.net.errors import (
    AddressRefused,
    BadRequest,
    BadUrl,
    NetError,
    RedirectRefused,
    ResponseTooLarge,
    TimedOut,
    TlsFailed,
    TooManyRedirects,
    find_net_error,
)
from dashboard.net.policy import AddressPolicy
from dashboard.net.redirects import Hop, next_hop


@pytest.fixture
async def client(open_policy):
    async with build_client(lambda: open_policy) as made:
        yield made


async def test_a_stream_arrives_chunk_by_chunk(server, client):
    step = asyncio.Event()

    @server.route("/events")
    async def events(exchange):
        await exchange.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for number in range(3):
            await exchange.send(b"7\r\ndata: %d\r\n" % number)
            await step.wait()
            step.clear()
        await exchange.send(b"0\r\n\r\n")

    received = []
    async with client.stream("GET", server.url("/events")) as response:
        async for chunk in response.aiter_bytes():
            received.append(chunk)
            step.set()
    assert received == [b"data: 0", b"data: 1", b"data: 2"]


async def test_leaving_a_stream_early_closes_the_upstream_socket(server, client):
    closed = asyncio.Event()

    @server.route("/events")
    async def events(exchange):
        try:
            await exchange.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            while True:
                await exchange.send(b"1\r\n.\r\n")
                await asyncio.sleep(0.01)
        except ConnectionError:
            closed.set()

    async with client.stream("GET", server.url("/events")) as response:
        await anext(response.aiter_bytes())
    async with asyncio.timeout(2):
        await closed.wait()


async def test_a_client_keeps_no_cookies_between_requests(server, client):
    @server.route("/")
    async def bake(exchange):
        await exchange.answer(b"", Set_Cookie="session=abc; Path=/")

    await client.get(server.url())
    await client.get(server.url())
    assert "cookie" not in server.seen[1].headers


async def test_a_client_follows_redirects_itself_and_says_where_it_ended(server, client):
    @server.route("/")
    async def bounce(exchange):
        await exchange.redirect("/end")

    response = await client.get(server.url())
    assert response.status_code == 200
    assert response.extensions[FINAL_URL_KEY] == server.url("/end")


async def test_without_redirects_the_answer_is_handed_back_as_it_is(server, open_policy):
    @server.route("/")
    async def bounce(exchange):
        await exchange.redirect("http://169.254.169.254/")

    async with build_client(lambda: open_policy, limits=MODEL_LIMITS) as client:
        assert (await client.get(server.url())).status_code == 302


async def test_a_client_that_follows_redirects_by_itself_is_checked_too(server, open_policy):
    @server.route("/")
    async def bounce(exchange):
        await exchange.redirect("http://169.254.169.254/")

    transport = GuardedTransport(lambda: open_policy, limits=MODEL_LIMITS)
    async with httpx2.AsyncClient(transport=transport, follow_redirects=True) as client:
        with pytest.raises(AddressRefused):
            await client.get(server.url())


async def test_a_caller_cannot_steer_the_connection_through_headers_or_extensions(server, client):
    response = await client.get(
        server.url(),
        headers={"Host": "evil.example", "Accept-Encoding": "gzip, br"},
        extensions={"target": b"http://evil.example/", "sni_hostname": "evil.example"},
    )
    assert response.status_code == 200
    seen = server.seen[0]
    assert (seen.target, seen.headers["host"], seen.headers["accept-encoding"]) == (
        "/",
        server.netloc,
        "identity",
    )


@pytest.mark.parametrize(
    "headers",
    [{"Proxy-Authorization": "x"}, {"X-A": "a\r\nb: c"}, {"Upgrade": "h2c"}, {"Connection": "upgrade"}],
)
async def test_a_client_refuses_headers_that_change_the_framing(server, client, headers):
    with pytest.raises(BadRequest):
        await client.get(server.url(), headers=headers)
    assert server.connections == 0


async def test_a_wrong_content_length_is_refused(server, client):
    with pytest.raises(BadRequest):
        await client.post(server.url(), content=b"abcdef", headers={"Content-Length": "3"})


@pytest.mark.parametrize(
    "url", ["http://xn--/", "http://2130706433/", "http://u:p@example.com/", "ftp://example.com/"]
)
async def test_a_client_refuses_odd_urls_with_our_error(client, url):
    with pytest.raises((BadUrl, httpx2.InvalidURL)):
        await client.send(httpx2.Request("GET", url))


async def test_a_request_may_ask_for_less_time_but_not_for_more(server, open_policy):
    @server.route("/")
    async def silent(exchange):
        await asyncio.sleep(5)

    async with build_client(lambda: open_policy, timeouts=Timeouts(read=0.1)) as client:
        with pytest.raises(httpx2.TimeoutException) as caught:
            await client.get(server.url(), timeout=600)
    assert isinstance(caught.value, TimedOut)


async def test_a_stream_over_the_limit_stops_with_our_error(server, open_policy):
    @server.route("/")
    async def endless(exchange):
        await exchange.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            await exchange.send(b"400\r\n" + b"x" * 1024 + b"\r\n")

    received = 0
    async with build_client(lambda: open_policy, limits=Limits(max_response_bytes=100_000)) as client:
        with pytest.raises(ResponseTooLarge):
            async with client.stream("GET", server.url()) as response:
                async for chunk in response.aiter_bytes():
                    received += len(chunk)
    assert received <= 100_000


async def test_many_parallel_requests_share_the_pool(server, client):
    answers = await asyncio.gather(*(client.get(server.url(f"/{number}")) for number in range(50)))
    assert [answer.status_code for answer in answers] == [200] * 50
    assert len(server.seen) == 50


# Under a vendor's SDK


def vendor(server, policy, **transport_options):
    transport = GuardedTransport(
        lambda: policy, timeouts=MODEL_TIMEOUTS, limits=MODEL_LIMITS, **transport_options
    )
    http_client = create_async_httpx2_client(transport=transport)
    return openai.AsyncOpenAI(
        base_url=server.url("/v1"), api_key="k", http_client=http_client, max_retries=0
    ), http_client


async def test_a_vendor_client_streams_through_the_transport(server, open_policy):
    @server.route("/v1/chat/completions")
    async def complete(exchange):
        await exchange.send(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
        )
        for text in ("Hel", "lo"):
            await exchange.send(
                b'data: {"id":"1","object":"chat.completion.chunk","created":1,"model":"m","choices":'
                b'[{"index":0,"delta":{"content":"%s"}}]}\n\n' % text.encode()
            )
        await exchange.send(b"data: [DONE]\n\n")
        exchange.writer.close()

    sdk, http_client = vendor(server, open_policy)
    stream = await sdk.chat.completions.create(
        model="m", messages=[{"role": "user", "content": "hi"}], stream=True
    )
    assert [chunk.choices[0].delta.content async for chunk in stream] == ["Hel", "lo"]
    assert server.seen[0].headers["authorization"] == "Bearer k"
    await http_client.aclose()


async def test_a_refusal_can_be_found_behind_the_vendors_error(server):
    sdk, http_client = vendor(server, AddressPolicy(allowed_ports=frozenset({server.port})))
    with pytest.raises(openai.APIConnectionError) as caught:
        await sdk.models.list()
    refused = find_net_error(caught.value)
    assert isinstance(refused, AddressRefused)
    assert "127.0.0.1" in str(refused)
    assert server.connections == 0
    await http_client.aclose()


async def test_a_vendor_client_sees_our_timeouts_as_timeouts(server, open_policy):
    @server.route("/v1/models")
    async def silent(exchange):
        await asyncio.sleep(5)

    sdk, http_client = vendor(server, open_policy)
    with pytest.raises(openai.APITimeoutError):
        await sdk.with_options(timeout=0.1).models.list()
    await http_client.aclose()


def test_an_unrelated_error_holds_no_net_error():
    assert find_net_error(ValueError("x")) is None


# TLS


@pytest.fixture
def certificate(tmp_path):
    """A self-signed certificate for model.lan as (path of key and certificate)."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "model.lan")])
    now = datetime.datetime.now(datetime.UTC)
    alternatives = [x509.DNSName("model.lan"), x509.IPAddress(ipaddress.ip_address("192.0.2.1"))]
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "pair.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        + built.public_bytes(serialization.Encoding.PEM)
    )
    return path


@pytest.fixture
async def tls_server(server, certificate):
    """The scripted server behind TLS, with the names clients asked for in `names`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server.names = []
    context.sni_callback = lambda sock, name, ctx: server.names.append(name)
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0, ssl=context)
    server.port = listener.sockets[0].getsockname()[1]
    yield server
    listener.close()


async def loopback(host, port):
    return ["127.0.0.1"]


async def test_tls_sees_the_name_of_the_url_not_the_checked_address(tls_server, certificate):
    policy = AddressPolicy(frozenset({("model.lan", None)}))
    trusted = ssl.create_default_context(cafile=str(certificate))
    async with build_client(lambda: policy, resolver=loopback, ssl_context=trusted) as client:
        assert (await client.get(f"https://model.lan:{tls_server.port}/")).status_code == 200
    assert tls_server.names == ["model.lan"]
    assert tls_server.seen[0].headers["host"] == f"model.lan:{tls_server.port}"


@pytest.mark.parametrize("host", ["model.lan", "other.lan"])
async def test_a_certificate_that_is_not_trusted_is_a_tls_error(tls_server, certificate, host):
    policy = AddressPolicy(frozenset({(host, None)}))
    trusted = ssl.create_default_context(cafile=str(certificate)) if host == "other.lan" else None
    async with build_client(lambda: policy, resolver=loopback, ssl_context=trusted) as client:
        with pytest.raises(TlsFailed, match="certificate"):
            await client.get(f"https://{host}:{tls_server.port}/")
    assert tls_server.seen == []


async def answer_at_once(reader, writer):
    writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    await writer.drain()
    await reader.read(100)
    writer.close()


async def stay_silent(reader, writer):
    await reader.read()
    writer.close()


@pytest.mark.parametrize(("behaviour", "expected"), [(answer_at_once, TlsFailed), (stay_silent, TimedOut)])
async def test_https_to_a_server_without_tls_is_a_clear_error(behaviour, expected):
    listener = await asyncio.start_server(behaviour, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    policy = AddressPolicy(frozenset({("127.0.0.1", None)}))
    async with build_client(lambda: policy, timeouts=Timeouts(connect=0.3)) as client:
        with pytest.raises(NetError) as caught:
            await client.get(f"https://127.0.0.1:{port}/")
    listener.close()
    assert type(caught.value) is expected


@pytest.mark.parametrize("headers", [{"Authorization": "Bearer s"}, {"X-Api-Key": "s"}, {"Cookie": "a=b"}])
async def test_credentials_never_go_from_https_to_http(tls_server, certificate, headers):
    @tls_server.route("/")
    async def downgrade(exchange):
        await exchange.redirect("http://model.lan:1/")

    policy = AddressPolicy(frozenset({("model.lan", None)}))
    trusted = ssl.create_default_context(cafile=str(certificate))
    async with build_client(lambda: policy, resolver=loopback, ssl_context=trusted) as client:
        with pytest.raises(RedirectRefused):
            await client.get(f"https://model.lan:{tls_server.port}/", headers=headers)


# The decisions behind redirects, and the decoder


def hop(url, *headers, method="GET", body=None):
    return Hop(method, httpx2.URL(url), list(headers), body, replayable=True)


def test_an_upgrade_to_https_of_the_same_host_keeps_the_credentials():
    after = next_hop(hop("http://a.example/x", (b"Authorization", b"s")), 301, "https://a.example/x")
    assert (b"Authorization", b"s") in after.headers


@pytest.mark.parametrize(
    "location",
    ["https://b.example/", "https://a.example:8443/", "https://a.example.b.example/", "//www.a.example/"],
)
def test_any_other_place_loses_the_credentials(location):
    after = next_hop(hop("https://a.example/", (b"authorization", b"s"), (b"Accept", b"*/*")), 302, location)
    assert after.headers == [(b"Accept", b"*/*")]


def test_a_streamed_body_is_not_sent_twice():
    streamed = Hop("POST", httpx2.URL("http://a.example/"), [], httpx2.ByteStream(b"x"), replayable=False)
    with pytest.raises(RedirectRefused):
        next_hop(streamed, 307, "/again")


def test_inflating_never_yields_more_than_a_step_at_a_time():
    inflater = Inflater()
    largest = count = 0
    for chunk in inflater.feed(gzip.compress(b"\0" * 50_000_000)):
        largest, count = max(largest, len(chunk)), count + len(chunk)
        if count > 5_000_000:
            break
    assert largest <= 65536
    assert count < 5_000_000 + 65536


def test_inflating_reads_several_members_and_odd_splits():
    packed = gzip.compress(b"one") + gzip.compress(b"two") + gzip.compress(b"")
    for size in (1, 2, 7, len(packed)):
        inflater = Inflater()
        parts = [packed[start : start + size] for start in range(0, len(packed), size)]
        assert b"".join(chunk for part in parts for chunk in inflater.feed(part)) == b"onetwo"
        assert inflater.is_complete()


def test_inflating_garbage_raises():
    with pytest.raises(zlib.error):
        list(Inflater().feed(b"garbage"))


def test_too_many_redirects_is_a_transport_error_for_vendor_sdks():
    assert issubclass(TooManyRedirects, httpx2.TransportError)
