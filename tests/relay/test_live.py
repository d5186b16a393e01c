"""Hints reach exactly the members of the run's workspace, when its state changed, and hold nothing while they wait."""

import json
import threading
import time

import pytest
from django.db.models import F

from dashboard.models import Member, Run, User
from dashboard.relay import live
from dashboard.runs.log import hints
from tests.server import running_server
from tests.views.run_rows import make_run, opening
from tests.views.test_run_stream import Reading, wait_for


@pytest.fixture
def served(transactional_db, settings):
    settings.WORKER = "off"
    with running_server() as server:
        yield server


@pytest.fixture
def ana(member):
    return member("viewer", email="ana@example.org")


def change(run: Run, state: str) -> None:
    Run.objects.filter(pk=run.pk).update(state=state, last_seq=F("last_seq") + 1)
    hints.publish([(run.pk, run.last_seq + 1)])


def heard(reading: Reading) -> list[dict[str, str]]:
    return [news for frame in reading.frames if frame.event == "runs" for news in json.loads(frame.data)]


def listen(served, client) -> Reading:
    reading = Reading(served, client, "/live")
    assert reading.answer.status_code == 200
    assert "no-store" in reading.answer.headers["Cache-Control"]
    reading.until("stream-open")
    return reading


@pytest.mark.parametrize("who", [None, User(pk=1), Member(pk=1), object(), "member-1"])
@pytest.mark.parametrize("channel", ["member-1", "run-1", "", "*"])
def test_nobody_reads_a_channel_but_an_ear_its_own(who, channel):
    assert not live.Channels().can_read_channel(who, channel)
    assert live.Channels().can_read_channel(live.Ear(1), channel) is (channel == "member-1")
    assert not live.Channels().can_read_channel(live.Ear(2), channel)


def test_no_request_can_name_a_channel(rf):
    request = rf.get("/live?channel=member-1&channels=member-1&es-meta=x")
    assert live.Channels().get_channels_for_request(request, {"channel": "member-1"}) == set()


def test_a_change_of_state_reaches_the_members_of_the_workspace_and_nobody_else(
    served, signed_in_client, ana, member, other_workspace
):
    stranger = member("admin", workspace=other_workspace)
    mine = listen(served, signed_in_client(ana))
    theirs = Reading(served, signed_in_client(stranger), f"/live?channel=member-{ana.pk}")
    theirs.until("stream-open")
    run, foreign = make_run(ana, "running", opening()), make_run(stranger, "running", opening())
    change(run, "completed")
    change(foreign, "failed")
    assert heard(mine) == [] or heard(mine)[0]["run"] == run.public_id
    mine.until("runs")
    theirs.until("runs")
    assert {news["run"] for news in heard(mine)} == {run.public_id}
    assert {news["run"] for news in heard(theirs)} == {foreign.public_id}
    assert set(heard(mine)[-1]) == {"run", "state"}
    for reading in (mine, theirs):
        reading.close()


def test_a_log_that_grows_without_a_change_of_state_is_no_news(served, signed_in_client, ana, monkeypatch):
    monkeypatch.setattr(live, "PER_RUN_S", 0.05)
    reading = listen(served, signed_in_client(ana))
    run = make_run(ana, "running", opening())
    for _ in range(20):
        change(run, "running")
        time.sleep(0.02)
    time.sleep(0.5)
    change(run, "completed")
    while not heard(reading) or heard(reading)[-1]["state"] != "completed":
        reading.frames += reading._decoder.feed(next(reading._chunks))
    assert [news["state"] for news in heard(reading)] == ["running", "completed"]
    reading.close()


def test_a_run_of_another_process_is_noticed_by_looking(served, signed_in_client, ana, monkeypatch):
    monkeypatch.setattr(live, "LOOK_S", 0.2)
    reading = listen(served, signed_in_client(ana))
    run = make_run(ana, "running", opening())
    reading.until("runs")
    assert heard(reading) == [{"run": run.public_id, "state": "running"}]
    reading.close()


def test_while_nobody_listens_a_hint_costs_no_query(served, ana, monkeypatch):
    asked: list[object] = []
    monkeypatch.setattr(live, "_states", asked.append)
    change(make_run(ana, "running", opening()), "completed")
    time.sleep(0.4)
    assert asked == []


def test_the_stream_of_somebody_who_was_removed_ends(served, signed_in_client, ana, monkeypatch):
    monkeypatch.setattr(live, "RECHECK_S", 0.1)
    reading = listen(served, signed_in_client(ana))
    Member.objects.filter(pk=ana.pk).delete()
    reading.rest()
    reading.close()


def test_open_streams_hold_no_threads(served, signed_in_client, ana):
    client = signed_in_client(ana)
    listen(served, client).close()
    wait_for(lambda: not live._crier._open)
    before = threading.active_count()
    readings = [listen(served, client) for _ in range(20)]
    assert threading.active_count() <= before + 5
    for reading in readings:
        reading.close()
    wait_for(lambda: not live._crier._open)


def test_a_stopping_server_ends_the_streams_at_once(transactional_db, settings, signed_in_client, ana):
    settings.WORKER = "off"
    with running_server() as server:
        reading = listen(server, signed_in_client(ana))
        began = time.monotonic()
    reading.rest()
    reading.close()
    assert time.monotonic() - began < 4
