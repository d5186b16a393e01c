"""What an answer cost, from the price list that comes with the product. Nothing is fetched."""

from dataclasses import dataclass
from decimal import Decimal

from genai_prices import Usage, calc_price
from pydantic_ai.usage import RequestUsage

from dashboard.models_ai.table import Vendor

# A vendor that reports more has a broken counter.
_MOST = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Used:
    """Token counts, and the price in US dollars; None means unknown."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cost: Decimal | None = None


def used(vendor: Vendor, model: str, usage: RequestUsage) -> Used:
    """What the vendor reported, and its price if the list has one. Never 0 for unknown."""
    counts = (usage.input_tokens, usage.output_tokens)
    if usage.unmeasured_requests and not any(counts):
        return Used()
    if not all(0 <= count <= _MOST for count in counts) or not any(counts):
        return Used()
    return Used(*counts, cost=_price(vendor, model, usage) if vendor.priced else None)


def _price(vendor: Vendor, model: str, usage: RequestUsage) -> Decimal | None:
    counted = Usage(
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cache_read_tokens=usage.cache_read_tokens,
        cache_write_tokens=usage.cache_write_tokens,
    )
    try:
        return calc_price(counted, model, provider_id=vendor.name).total_price
    except (LookupError, ValueError):
        return None
