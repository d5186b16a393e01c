"""How queued runs reach a worker: one port, its adapters, one conformance suite.

`current()` is the adapter of this process, chosen by the setting DELIVERY.
"""

import importlib
from functools import lru_cache

from django.conf import settings

from dashboard.runs.delivery.port import Delivery

__all__ = ["Delivery", "current", "make"]


def make() -> Delivery:
    """A delivery of the kind the settings name, for a worker that shares its process with another one's."""
    module = importlib.import_module(f"dashboard.runs.delivery.{settings.DELIVERY}")
    made: Delivery = module.make()
    return made


@lru_cache(maxsize=1)
def current() -> Delivery:
    """This process's delivery, made at the first call."""
    return make()
