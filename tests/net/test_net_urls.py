"""Spellings of URLs: one reading or no reading."""

import pytest

from dashboard.net.errors import BadUrl
from dashboard.net.urls import check_url, host_of, port_of

# Every one of these reaches, or may reach with some parser or resolver, a machine that was not named openly.
TRAPS = [
    # numeric spellings of 127.0.0.1 and 0.0.0.0
    *(
        f"http://{host}{port}/"
        for host in """2130706433 0x7f000001 0x7F000001 0x7f.1 0x7f.0.0.1 0x7f.0x0.0x0.0x1 127.1 127.0.1 0177.0.0.1
        017700000001 0177.1 127.0.0.01 127.000.000.001 0 0x0 00 0.0 127.0.0.1.1 256.256.256.256 1.2.3.1000 0x
        169.254.43518 2852039166 0xa9fea9fe 0251.0376.0251.0376 a.0x7f example.1""".split()
        for port in ("", ":80")
    ),
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


@pytest.mark.parametrize("text", TRAPS, ids=ascii)
def test_a_url_with_more_than_one_reading_is_refused(text):
    with pytest.raises(BadUrl) as caught:
        check_url(text)
    assert str(caught.value).endswith(".")


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("http://example.com", "example.com", 80),
        ("HTTPS://Example.COM/Path?q=1#part", "example.com", 443),
        ("http://example.com:/", "example.com", 80),
        ("http://example.com:8080/", "example.com", 8080),
        ("https://my_service.internal-name/", "my_service.internal-name", 443),
        ("http://127.0.0.1:80/", "127.0.0.1", 80),
        ("http://[2606:4700:0:0::1111]:8443/", "2606:4700::1111", 8443),
        ("http://b\u00fccher.example/", "xn--bcher-kva.example", 80),
        ("http://xn--bcher-kva.example/", "xn--bcher-kva.example", 80),
        ("http://3com.com/", "3com.com", 80),
        ("http://example.com/a%20b?c=d%26e", "example.com", 80),
        ("http://example.com/a@b:c", "example.com", 80),
    ],
)
def test_an_ordinary_url_keeps_its_host_and_port(text, host, port):
    url = check_url(text)
    assert (host_of(url), port_of(url)) == (host, port)
    assert url.fragment == ""
