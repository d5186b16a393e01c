"""The address table and the exceptions an operator names."""

import pytest

from dashboard.net.errors import AddressRefused
from dashboard.net.policy import AddressPolicy, parse_allow_hosts, refusal

REFUSED = """
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
""".split()

PUBLIC = """
1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0 168.63.129.15
168.63.129.17 169.253.255.255 169.255.0.0 172.15.255.255 172.32.0.0 192.0.1.1 192.167.255.255 192.169.0.0
198.17.255.255 198.20.0.0 223.255.255.255 2606:4700::1111 2a00:1450:4001::1 2001:4860:4860::8888
::ffff:8.8.8.8 64:ff9b::8.8.8.8 2002:808:808::1 3ffe::1
""".split()


@pytest.mark.parametrize("address", REFUSED)
def test_an_address_that_is_not_public_is_refused(address):
    assert refusal(address)
    with pytest.raises(AddressRefused, match="administrator can allow"):
        AddressPolicy().check_address("some.name", 80, address)


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_not_refused(address):
    assert refusal(address) is None
    AddressPolicy().check_address("some.name", 80, address)


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
    [("localhost", 11435), ("127.0.0.1", 11434), ("localhost.example", 11434), ("a.localhost", 11434), ("::1", 11434)],
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


@pytest.mark.parametrize(
    "entry",
    """http://localhost localhost: localhost:0 localhost:65536 localhost:http localhost:123456 *.lan 10.0.0.0/8 10.0.0
    127.1:80 0x7f000001 2130706433:80 [localhost]:80 [::1 ::1]:80 [::1]80 a..b .a a. -a user@host host/path [::g]:80
    1.2.3.4.5:80""".split(),
)
def test_a_wrong_exception_is_named_in_the_error(entry):
    with pytest.raises(ValueError, match=".") as caught:
        parse_allow_hosts(f"localhost:11434, {entry}")
    assert f'"{entry}"' in str(caught.value)
    assert str(caught.value).endswith(".")
