"""Spellings of URLs: one reading or no reading."""

import pytest

from dashboard.net.urls import check_url, host_of, port_of


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
