"""The address table and the exceptions an operator names."""

import pytest

from dashboard.net.errors import AddressRefused
from dashboard.net.policy import AddressPolicy, parse_allow_hosts


def test_a_refused_name_does_not_tell_where_it_points():
    with pytest.raises(AddressRefused) as caught:
        AddressPolicy().check_address("intranet.example", 443, "10.20.30.40")
    assert "10.20" not in str(caught.value)
    assert "intranet.example:443" in str(caught.value)
    assert "Private-Use" in str(caught.value)


def test_a_named_host_and_port_skips_table_and_port_rule():
    policy = AddressPolicy(parse_allow_hosts("localhost:11434"))
    policy.check_port("localhost", 11434)
    policy.check_address("LOCALHOST", 11434, "127.0.0.1")


@pytest.mark.parametrize(
    ("host", "port"),
    [
        ("localhost", 11435),
        ("127.0.0.1", 11434),
        ("localhost.example", 11434),
        ("a.localhost", 11434),
        ("::1", 11434),
    ],
)
def test_a_named_host_does_not_open_its_neighbours(host, port):
    policy = AddressPolicy(parse_allow_hosts("localhost:11434"))
    with pytest.raises(AddressRefused):
        policy.check_address(host, port, "127.0.0.1")


def test_a_host_named_without_a_port_is_open_on_every_port():
    policy = AddressPolicy(parse_allow_hosts("10.0.0.5"))
    for port in (1, 22, 80, 65535):
        policy.check_port("10.0.0.5", port)
        policy.check_address("10.0.0.5", port, "10.0.0.5")


def test_an_ipv6_exception_matches_every_spelling_of_that_address():
    policy = AddressPolicy(parse_allow_hosts("[FD00:0:0::1]:8080"))
    assert policy.names("fd00::1", 8080)
    assert policy.names("[fd00:0::0:1]", 8080)
    assert not policy.names("fd00::2", 8080)


@pytest.mark.parametrize("port", [0, 1, 22, 25, 81, 3306, 5432, 6379, 11211, 65535])
def test_a_port_outside_the_list_is_refused_with_the_list(port):
    with pytest.raises(AddressRefused, match=r"80, 443, 8080, 8443.*example\.com:"):
        AddressPolicy().check_port("example.com", port)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", set()),
        (" , ,\n", set()),
        ("localhost:11434, 10.0.0.5:8000", {("localhost", 11434), ("10.0.0.5", 8000)}),
        ("Build.LAN", {("build.lan", None)}),
        ("[::1]:8080 ::1\nfd00::0:1", {("::1", 8080), ("::1", None), ("fd00::1", None)}),
        ("my_service:80,my-service:443", {("my_service", 80), ("my-service", 443)}),
    ],
)
def test_exceptions_are_read_from_text(text, expected):
    assert parse_allow_hosts(text) == expected


WRONG_EXCEPTIONS = """
http://localhost localhost: localhost:0 localhost:65536 localhost:http localhost:123456 *.lan 10.0.0.0/8 10.0.0
127.1:80 0x7f000001 2130706433:80 [localhost]:80 [::1 ::1]:80 [::1]80 a..b .a a. -a user@host host/path [::g]:80
1.2.3.4.5:80
"""


@pytest.mark.parametrize(
    "entry",
    WRONG_EXCEPTIONS.split(),
)
def test_a_wrong_exception_is_named_in_the_error(entry):
    with pytest.raises(ValueError, match=r"host|port|IPv6") as caught:
        parse_allow_hosts(f"localhost:11434, {entry}")
    assert f'"{entry}"' in str(caught.value)
    assert str(caught.value).endswith(".")
