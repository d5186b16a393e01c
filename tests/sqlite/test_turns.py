"""Writers of one process take turns on SQLite: nobody is locked out, nobody is lost, and a stuck one is named."""

import threading
import time
from collections.abc import Callable

import pytest
from django.conf import settings
from django.db import OperationalError, connection, models, transaction

from dashboard.models import Workspace

pytestmark = pytest.mark.skipif(settings.ON_POSTGRES, reason="SQLite's backend only")


def in_threads(count: int, work: Callable[[], None]) -> list[BaseException]:
    problems: list[BaseException] = []

    def guarded() -> None:
        try:
            work()
        except BaseException as problem:
            problems.append(problem)
        finally:
            connection.close()

    threads = [threading.Thread(target=guarded) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return problems


@pytest.fixture
def counter(transactional_db: None) -> Workspace:
    return Workspace.objects.create(name="0")


def test_read_then_write_transactions_of_many_threads_all_count(counter: Workspace):
    def add_ten() -> None:
        for _ in range(10):
            with transaction.atomic():
                number = int(Workspace.objects.get(pk=counter.pk).name)
                Workspace.objects.filter(pk=counter.pk).update(name=str(number + 1))

    assert in_threads(8, add_ten) == []
    counter.refresh_from_db()
    assert counter.name == "80"


def test_a_transaction_that_fails_gives_its_turn_back(counter: Workspace):
    def fail() -> None:
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            Workspace.objects.update(name="9")
            1 / 0

    assert in_threads(4, fail) == []
    with transaction.atomic():
        assert Workspace.objects.get(pk=counter.pk).name == "0"


def test_a_connection_closed_inside_its_transaction_gives_its_turn_back(counter: Workspace):
    def vanish() -> None:
        connection.ensure_connection()
        connection.set_autocommit(False, force_begin_transaction_with_broken_autocommit=True)
        Workspace.objects.update(name="9")
        connection.close()

    assert in_threads(3, vanish) == []
    with transaction.atomic():
        assert Workspace.objects.get(pk=counter.pk).name == "0"


def test_savepoints_stay_within_one_turn(counter: Workspace):
    with transaction.atomic(), transaction.atomic():
        Workspace.objects.filter(pk=counter.pk).update(name=models.Value("inner"))

    def update() -> None:
        Workspace.objects.update(name="after")

    assert in_threads(2, update) == []


def test_waiting_too_long_is_an_error_that_says_so(counter: Workspace, monkeypatch: pytest.MonkeyPatch):
    holding, let_go = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            Workspace.objects.update(name="held")
            holding.set()
            let_go.wait(10)

    holder = threading.Thread(target=lambda: in_threads(1, hold))
    holder.start()
    assert holding.wait(5)
    monkeypatch.setitem(connection.settings_dict["OPTIONS"], "timeout", 0.1)
    began = time.monotonic()
    with pytest.raises(OperationalError, match="locked"), transaction.atomic():
        pass
    let_go.set()
    holder.join(10)
    assert time.monotonic() - began < 5
