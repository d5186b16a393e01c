"""Ids: a prefix, then 26 characters that sort by time."""

import threading

import pytest

from dashboard.wire import ids


def test_an_id_is_a_prefix_and_26_lower_case_characters():
    made = ids.new_id(ids.EXECUTION)
    prefix, tail = made.split("_")
    assert prefix == "exec"
    assert len(tail) == 26
    assert set(tail) <= set("0123456789abcdefghjkmnpqrstvwxyz")
    assert ids.is_id(made, ids.EXECUTION)


def test_ids_sort_in_the_order_in_which_they_were_made():
    made = [ids.new_id("x") for _ in range(5_000)]
    assert made == sorted(set(made))


def test_ids_go_on_when_the_clock_goes_back(monkeypatch: pytest.MonkeyPatch):
    before = ids.new_id("x")
    monkeypatch.setattr(ids.time, "time_ns", lambda: 1_000_000_000)
    assert ids.new_id("x") > before


def test_a_full_millisecond_moves_on_to_the_next(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(ids, "_last_random", (1 << 74) - 1)
    monkeypatch.setattr(ids, "_last_moment", 1 << 45)
    monkeypatch.setattr(ids.time, "time_ns", lambda: 0)
    made = [ids.new_id("x") for _ in range(3)]
    assert made == sorted(set(made))
    assert all(ids.is_id(item, "x") for item in made)


def test_the_layout_is_that_of_uuid_version_7(monkeypatch: pytest.MonkeyPatch):
    moment = (1 << 46) + 12345
    monkeypatch.setattr(ids.time, "time_ns", lambda: moment * 1_000_000)
    monkeypatch.setattr(ids, "_last_moment", 0)
    value = 0
    for char in ids.new_id("x").removeprefix("x_"):
        value = value * 32 + "0123456789abcdefghjkmnpqrstvwxyz".index(char)
    assert value >> 80 == moment
    assert value >> 76 & 0xF == 7
    assert value >> 62 & 0b11 == 0b10


def test_threads_never_get_the_same_id():
    made: list[list[str]] = [[] for _ in range(8)]
    threads = [
        threading.Thread(target=lambda out=out: out.extend(ids.new_id("x") for _ in range(500)))
        for out in made
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({item for out in made for item in out}) == 4_000


@pytest.mark.parametrize(
    "value",
    [
        "",
        "exec",
        "exec_",
        "exec_0",
        "flow_01ka0000000000000000000001",
        "exec_81ka0000000000000000000001",
        5,
        None,
    ]
    + [
        "exec_01KA0000000000000000000001",
        "exec_01ka000000000000000000000u",
        "exec_01ka0000000000000000000001\n",
    ],
)
def test_what_is_no_id_of_ours_is_told_apart(value: object):
    assert not ids.is_id(value, "exec")
