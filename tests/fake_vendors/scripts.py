"""All scripts by name, and what they are made of."""

from tests.fake_vendors import answers, faults
from tests.fake_vendors.exchange import SCRIPTS, Exchange, Talk

__all__ = ["SCRIPTS", "Exchange", "Talk", "answers", "faults"]
