"""Settings that are well-formed and cannot work stop the start with a sentence."""

import pytest
from cryptography.fernet import Fernet

from dashboard import checks


def found(check):
    return [problem.id for problem in check(None)]


def test_the_settings_of_the_tests_pass():
    assert [
        found(check)
        for check in (
            checks.encryption_keys_work,
            checks.allowed_hosts_can_be_read,
            checks.secret_key_is_long,
        )
    ] == [[], [], []]


def test_a_key_that_is_no_fernet_key_is_named_by_its_place_and_not_repeated(settings):
    settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode(), "hunter2"]
    (problem,) = checks.encryption_keys_work(None)
    assert "Entry 2" in problem.msg
    assert "hunter2" not in problem.msg


@pytest.mark.parametrize("text", ["http://build.lan", "build.lan:99999", "127.1"])
def test_a_wrong_list_of_hosts_is_said(settings, text):
    settings.NET_ALLOW_HOSTS = text
    assert found(checks.allowed_hosts_can_be_read) == ["signalbox.E002"]


def test_a_short_secret_key_is_refused(settings):
    settings.SECRET_KEY = "short"
    assert found(checks.secret_key_is_long) == ["signalbox.E003"]


@pytest.mark.parametrize(
    ("debug", "host", "expected"),
    [(True, "0.0.0.0", ["signalbox.W001"]), (True, "127.0.0.1", []), (False, "0.0.0.0", [])],
)
def test_debug_on_an_open_address_is_warned_of(settings, debug, host, expected):
    settings.DEBUG, settings.HOST = debug, host
    assert found(checks.debug_stays_at_home) == expected
