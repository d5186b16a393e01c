"""The corpus: addresses and spellings that must never be contacted, and the count of those that are refused."""

import pytest

from dashboard.net.errors import AddressRefused, BadUrl, NetError
from dashboard.net.fetch import Fetcher, OutboundRequest
from dashboard.net.policy import AddressPolicy, refusal
from dashboard.net.urls import check_url

_REFUSED = """
0.0.0.0 0.0.0.1 0.255.255.255 10.0.0.0 10.0.0.5 10.255.255.255 100.64.0.0 100.64.0.1 100.100.100.200
100.127.255.255 127.0.0.0 127.0.0.1 127.0.0.53 127.1.2.3 127.255.255.255 168.63.129.16 169.254.0.1
169.254.169.254 169.254.170.2 169.254.255.255 172.16.0.0 172.16.0.1 172.31.255.255 192.0.0.0 192.0.0.1
192.0.0.8 192.0.0.9 192.0.0.10 192.0.0.170 192.0.0.192 192.0.2.1 192.52.193.1 192.88.99.1 192.88.99.2
192.168.0.0 192.168.0.1 192.168.255.255 198.18.0.1 198.19.255.255 198.51.100.7 203.0.113.9 224.0.0.1
224.0.0.251 232.1.1.1 239.255.255.250 240.0.0.1 250.1.2.3 255.255.255.254 255.255.255.255
:: ::1 ::2 ::127.0.0.1 ::7f00:1 ::10.0.0.1 ::169.254.169.254 ::ffff:127.0.0.1 ::ffff:7f00:1 ::ffff:10.0.0.5
::ffff:169.254.169.254 ::ffff:192.168.1.1 ::ffff:0.0.0.0 ::ffff:168.63.129.16 ::ffff:100.100.100.200
::ffff:0:127.0.0.1 64:ff9b::7f00:1 64:ff9b::127.0.0.1 64:ff9b::10.0.0.1 64:ff9b::a9fe:a9fe
64:ff9b::169.254.169.254 64:ff9b::168.63.129.16 64:ff9b:1::1 64:ff9b:1::127.0.0.1 64:ff9b:1:abcd::8.8.8.8
64:ff9b:2::1 100::1 100:0:0:1::1 1000::1 1fff::1 2001::1 2001:0:7f00:1:: 2001:0:808:808::f5ff:fffe
2001:0:a00:1:0:0:f7f7:f7f7 2001:0:808:808:0:0:80ff:fffe 2001:1::1 2001:1::2 2001:2::1 2001:3::1 2001:10::1
2001:20::1 2001:db8::1 2001:db8:ffff::1 2002:7f00:1:: 2002:7f00:1::1 2002:a00:1::1 2002:a9fe:a9fe::1
2002:c0a8:101::1 2002:e000:1::1 3fff::1 3fff:fff::1 4000::1 5f00::1 6000::1 8000::1 a000::1 fbff::1 fc00::1
fd00::1 fd00:ec2::254 fd12:3456:789a::1 fe00::1 fe80::1 fe80::a9fe:a9fe febf::1 fec0::1 feff::1 ff01::1 ff02::1
ff02::fb ff05::2 ff0e::1 fe80::1%eth0 2606:4700::1111%1 localhost 127.1 2130706433 0x7f000001 0177.0.0.1
"""

_PUBLIC = """
1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0 168.63.129.15
168.63.129.17 169.253.255.255 169.255.0.0 172.15.255.255 172.32.0.0 192.0.1.1 192.167.255.255 192.169.0.0
198.17.255.255 198.20.0.0 223.255.255.255 2606:4700::1111 2a00:1450:4001::1 2001:4860:4860::8888
::ffff:8.8.8.8 64:ff9b::8.8.8.8 2002:808:808::1 3ffe::1
"""


_NUMERIC = """
2130706433 0x7f000001 0x7F000001 0x7f.1 0x7f.0.0.1 0x7f.0x0.0x0.0x1 127.1 127.0.1 0177.0.0.1
017700000001 0177.1 127.0.0.01 127.000.000.001 0 0x0 00 0.0 127.0.0.1.1 256.256.256.256 1.2.3.1000 0x
169.254.43518 2852039166 0xa9fea9fe 0251.0376.0251.0376 a.0x7f example.1
"""

REFUSED = _REFUSED.split()
PUBLIC = _PUBLIC.split()

# Every one of these reaches, or may reach with some parser or resolver, a machine that was not named openly.
TRAPS = [
    # numeric spellings of 127.0.0.1 and 0.0.0.0
    *(f"http://{host}{port}/" for host in _NUMERIC.split() for port in ("", ":80")),
    # dots and digits that are not ASCII
    "http://127。0。0。1/",
    "http://127．0．0．1/",
    "http://127｡0｡0｡1/",
    "http://１２７.０.０.１/",
    "http://①②⑦.⓪.⓪.①/",
    "http://localhost。/",
    "http://ⓛocalhost/",
    "http://\u200blocalhost/",
    "http://local\u00adhost/",
    # IPv6 in odd clothes
    "http://[::1%25lo]/",
    "http://[fe80::1%eth0]/",
    "http://[::1/",
    "http://::1/",
    "http://[]/",
    "http://[::g]/",
    "http://[127.0.0.1]/",
    "http://[::1]extra/",
    "http://[v1.fe80]/",
    # no host, odd slashes
    "http:127.0.0.1",
    "http:/127.0.0.1/",
    "http:///127.0.0.1/",
    "http://",
    "http://:80/",
    "http:\\\\127.0.0.1\\",
    "http://example.com\\@127.0.0.1/",
    "//127.0.0.1/",
    "127.0.0.1",
    "/relative",
    "",
    # user info
    "http://user@127.0.0.1/",
    "http://user:secret@example.com/",
    "http://example.com@127.0.0.1/",
    "http://@127.0.0.1/",
    "http://example.com:80@127.0.0.1/",
    "http://example.com%40127.0.0.1/",
    # control characters and spaces
    "http://127.0.0.1\n/",
    "http://exa\tmple.com/",
    "http://example.com/\r\nX: y",
    "http://example.com/\x00",
    " http://example.com/",
    "http://example.com/a b",
    "http://exam ple.com/",
    "http://example.com\u3000/",
    "http://example.com/\u2028",
    # international names that are none
    "http://xn--/",
    "http://xn--a/",
    "http://xn--zzzzzzzzzzzz--/",
    "http://xn--\u00fc/",
    "http://a.xn--/",
    "http://\u0378.example/",
    "http://-example-.com/",
    "http://exa..mple.com/",
    "http://.example.com/",
    "http://localhost./",
    "http://%6c%6f%63%61%6c/",
    "http://%31%32%37.0.0.1/",
    f"http://{'a' * 64}.example/",
    f"http://{'a.' * 130}example/",
    "http://*.example.com/",
    "http://exa<mple>.com/",
    # ports
    "http://example.com:0/",
    "http://example.com:65536/",
    "http://example.com:99999/",
    "http://example.com:-1/",
    "http://example.com:80:80/",
    "http://example.com:8o/",
    "http://example.com:٨٠/",
    "http://example.com:000000080/",
    # other schemes
    "ftp://127.0.0.1/",
    "file:///etc/passwd",
    "file://localhost/etc/passwd",
    "gopher://127.0.0.1:6379/_INFO",
    "dict://127.0.0.1:11211/stats",
    "ldap://127.0.0.1/",
    "ws://127.0.0.1/",
    "wss://127.0.0.1/",
    "unix:///var/run/docker.sock",
    "http+unix://%2Fvar%2Frun%2Fdocker.sock/",
    "javascript:alert(1)",
    "data:text/plain,hello",
    "jar:http://127.0.0.1!/",
    "url:http://127.0.0.1/",
    "view-source:http://127.0.0.1/",
    "httpx://127.0.0.1/",
    "1http://127.0.0.1/",
    f"http://example.com/{'a' * 8192}",
    "http://example.com/\ud800",
]


@pytest.mark.parametrize("address", REFUSED)
def test_an_address_that_is_not_public_is_refused(address):
    assert refusal(address)
    with pytest.raises(AddressRefused, match="administrator can allow"):
        AddressPolicy().check_address("some.name", 80, address)


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_not_refused(address):
    assert refusal(address) is None
    AddressPolicy().check_address("some.name", 80, address)


@pytest.mark.parametrize("text", TRAPS, ids=ascii)
def test_a_url_with_more_than_one_reading_is_refused(text):
    with pytest.raises(BadUrl) as caught:
        check_url(text)
    assert str(caught.value).endswith(".")


async def test_the_whole_corpus_causes_not_one_connection_attempt(record_property):
    async def resolver(host, port):
        return [REFUSED[int(host.split(".")[0].removeprefix("name"))]]

    attempts = []

    async def connect(host, port, timeout=None):
        attempts.append(host)
        raise OSError("the filter let this one through")

    fetcher = Fetcher(AddressPolicy, resolver=resolver)
    pool = await fetcher._transport._current_pool()
    pool.connections._network_backend._plain.connect_tcp = connect
    literals = [
        f"http://[{text}]/" if ":" in text else f"http://{text}/" for text in REFUSED if text != "localhost"
    ]
    names = [f"http://name{number}.example/" for number in range(len(REFUSED))]
    corpus = TRAPS + literals + names
    refused = 0
    for url in corpus:
        try:
            await fetcher.fetch(OutboundRequest(url))
        except (AddressRefused, BadUrl):
            refused += 1
        except NetError as error:
            pytest.fail(f"{url!a} ended with {error!r}")
    record_property("blocked", f"{refused}/{len(corpus)}")
    print(f"blocked/attempted = {refused}/{len(corpus)}")
    assert refused == len(corpus) >= 200
    assert attempts == []
