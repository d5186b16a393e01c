"""The page's stream of a run: from any number, for its member only, with a limit, and what is stored without waiting."""

import json
import time
from http.cookies import SimpleCookie

import pytest

from dashboard.models import Member, Run
from dashboard.relay import follow
from dashboard.views import run_stream
from dashboard.wire.sse import Decoder
from tests.server import RunningServer, running_server
from tests.views.run_rows import answer, append, make_run, opening, whole_log


@pytest.fixture
def ana(member):
    return member("author", email="ana@example.org")


@pytest.fixture
def web(signed_in_client, ana):
    return signed_in_client(ana)


def frames(body: bytes):
    decoder = Decoder()
    return [*decoder.feed(body), *decoder.close()]


def asked(web, run, header="", **query):
    more = {"HTTP_LAST_EVENT_ID": header} if header else {}
    return web.get(f"/runs/{run.public_id}/events", query, **more)


def test_without_waiting_it_answers_what_is_stored_after_the_number(web, ana):
    run = make_run(ana, events=whole_log())
    reply = asked(web, run, after="3", wait="0")
    assert [(f.id, f.event) for f in frames(reply.content)][:2] == [
        ("4", "text_delta"),
        ("5", "text_complete"),
    ]
    assert reply.headers["Content-Type"].startswith("text/event-stream")
    assert "no-store" in reply.headers["Cache-Control"]
    assert reply.headers["X-Accel-Buffering"] == "no"


def test_what_is_sent_is_the_stored_event_byte_for_byte(web, ana):
    run = make_run(ana, events=whole_log())
    sent = [frame.data for frame in frames(asked(web, run, wait="0").content)]
    assert sent == list(run.events.order_by("seq").values_list("data", flat=True))


def test_the_header_wins_over_the_address(web, ana):
    run = make_run(ana, events=whole_log())
    assert frames(asked(web, run, "6", after="0", wait="0").content)[0].id == "7"


@pytest.mark.parametrize("bad", ["abc", "-2", "1:2", "1" * 31, "１", "0x1", "9" * 100_000, " 1", "1,2", "+1"])
def test_a_number_that_is_none_is_refused(web, ana, bad):
    run = make_run(ana, events=whole_log())
    for reply in (asked(web, run, bad), asked(web, run, after=bad)):
        assert reply.status_code == 400
        assert reply.json()["error"] == "invalid_last_event_id"


def test_two_numbers_are_refused(web, ana):
    run = make_run(ana, events=whole_log())
    assert web.get(f"/runs/{run.public_id}/events?after=1&after=2").status_code == 400


def test_a_number_beyond_the_log_gives_a_reset_and_everything(web, ana):
    run = make_run(ana, events=whole_log())
    first, second, *_ = frames(asked(web, run, after="500", wait="0").content)
    assert (first.event, first.id) == ("reset", None)
    assert second.id == "0"


def test_strangers_get_401_and_others_404(web, client, ana, member, other_workspace):
    run = make_run(ana, events=whole_log())
    foreign = make_run(member("admin", workspace=other_workspace), events=whole_log())
    assert client.get(f"/runs/{run.public_id}/events", HTTP_ACCEPT="text/event-stream").status_code == 401
    assert client.get("/live", HTTP_ACCEPT="text/event-stream").status_code == 401
    assert asked(web, foreign, wait="0").status_code == 404


@pytest.mark.parametrize("method", ["post", "head", "put", "delete"])
@pytest.mark.parametrize("path", ["/runs/{}/events", "/live"])
def test_streams_are_for_reading(web, ana, method, path):
    run = make_run(ana)
    assert getattr(web, method)(path.format(run.public_id)).status_code == 405


# --- over a real socket -----------------------------------------------------------------------------------------


@pytest.fixture
def served(transactional_db, settings):
    settings.WORKER = "off"
    with running_server() as server:
        yield server


def cookie(web) -> str:
    jar: SimpleCookie = web.cookies
    return "; ".join(f"{name}={morsel.value}" for name, morsel in jar.items())


class Reading:
    """One open stream, read as it comes."""

    def __init__(self, server: RunningServer, web, path: str, **headers: str) -> None:
        self.client = server.client()
        self.client.headers.update({"Cookie": cookie(web), "Accept": "text/event-stream", **headers})
        self._context = self.client.stream("GET", path)
        self.answer = self._context.__enter__()
        self._chunks = self.answer.iter_raw()
        self._decoder = Decoder()
        self.frames = []

    def until(self, event: str, within: float = 10.0):
        deadline = time.monotonic() + within
        while not any(frame.event == event for frame in self.frames):
            assert time.monotonic() < deadline, self.frames
            self.frames += self._decoder.feed(next(self._chunks))
        return self.frames

    def rest(self):
        for chunk in self._chunks:
            self.frames += self._decoder.feed(chunk)
        return self.frames

    def close(self) -> None:
        self._context.__exit__(None, None, None)
        self.client.close()


def test_a_stream_replays_and_then_goes_on_until_the_run_is_over(served, web, ana):
    run = make_run(ana, "running", [*opening(), *answer("Hello")])
    reading = Reading(served, web, f"/runs/{run.public_id}/events?after=1")
    assert [frame.id for frame in reading.until("text_delta")] == ["2", "3"]
    append(run, whole_log()[4:])
    Run.objects.filter(pk=run.pk).update(state="completed")
    assert [int(frame.id) for frame in reading.rest()] == list(range(2, run.last_seq + 1))
    assert reading.frames[-1].event == "execution_complete"
    reading.close()


def test_a_reader_that_comes_back_with_its_last_number_misses_nothing(served, web, ana):
    run = make_run(ana, events=whole_log())
    reading = Reading(served, web, f"/runs/{run.public_id}/events?after=0", **{"Last-Event-ID": "4"})
    assert [int(frame.id) for frame in reading.rest()] == list(range(5, run.last_seq + 1))
    reading.close()


def test_a_person_holds_six_streams_and_a_closed_one_makes_room(served, web, ana):
    run = make_run(ana, "running", opening())
    path = f"/runs/{run.public_id}/events"
    open_ones = [Reading(served, web, path) for _ in range(6)]
    for reading in open_ones:
        reading.until("step_start")
    with served.client() as client:
        client.headers["Cookie"] = cookie(web)
        refused = client.get(path)
        assert refused.status_code == 429
        assert int(refused.headers["Retry-After"]) > 0
        assert json.loads(refused.text)["error"] == "too_many_streams"
        assert client.get(f"{path}?wait=0").status_code == 200
    open_ones.pop().close()
    wait_for(lambda: run_stream._open[ana.user_id] == 5)
    again = Reading(served, web, path)
    again.until("step_start")
    for reading in [*open_ones, again]:
        reading.close()
    wait_for(lambda: not run_stream._open)


def test_a_stream_ends_when_its_person_may_no_longer_see_the_run(served, web, ana, monkeypatch):
    monkeypatch.setattr(follow, "RECHECK_S", 0.1)
    run = make_run(ana, "running", opening())
    reading = Reading(served, web, f"/runs/{run.public_id}/events")
    reading.until("step_start")
    Member.objects.filter(pk=ana.pk).delete()
    append(run, answer("not for Ana"))
    wait_for(lambda: not run_stream._open)
    assert all(frame.event != "text_delta" for frame in reading.rest())
    reading.close()


def test_signing_out_ends_open_streams(served, web, ana, monkeypatch):
    monkeypatch.setattr(follow, "RECHECK_S", 0.1)
    run = make_run(ana, "running", opening())
    reading = Reading(served, web, f"/runs/{run.public_id}/events")
    reading.until("step_start")
    web.logout()
    reading.rest()
    reading.close()


def wait_for(condition, within: float = 5.0) -> None:
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
