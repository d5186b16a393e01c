"""How a vendor is reached: its address and key, from the environment or from a form."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from dashboard.models_ai.table import BY_NAME, VENDORS, Vendor


@dataclass(frozen=True, slots=True)
class Connection:
    """One vendor's address and key.

    `base_url` may be empty: the vendor's public address. `trusted` says that the operator set the address in the
    environment, so that it passes the address filter; an address typed into a form does not.
    """

    vendor: str
    base_url: str = ""
    api_key: str = field(default="", repr=False)
    trusted: bool = False

    @property
    def address(self) -> str:
        """The address that requests go to; empty when neither the connection nor the vendor has one."""
        base_url = self.base_url.strip() or BY_NAME[self.vendor].base_url
        # Ollama's own setting names the server without the path of its OpenAI protocol.
        if self.vendor == "ollama" and base_url and urlsplit(base_url).path in ("", "/"):
            return base_url.rstrip("/") + "/v1"
        return base_url

    @property
    def is_usable(self) -> bool:
        """Whether there is an address, and a key where the vendor's public address wants one."""
        row = BY_NAME[self.vendor]
        at_public_address = bool(row.base_url) and self.address.rstrip("/") == row.base_url.rstrip("/")
        return bool(self.address) and bool(self.api_key or not row.needs_key or not at_public_address)


def from_environment(values: Mapping[str, str]) -> dict[str, Connection]:
    """The connections that the environment names, by vendor. `values` maps variable names to what they hold."""
    found = {}
    for row in VENDORS:
        base_url = values.get(row.url_variable, "").strip() if row.url_variable else ""
        api_key = values.get(row.key_variable, "").strip() if row.key_variable else ""
        connection = Connection(row.name, base_url, api_key, trusted=bool(base_url))
        if (base_url or api_key) and connection.is_usable:
            found[row.name] = connection
    return found


def what_to_configure(row: Vendor) -> str:
    """A sentence that names what connects this vendor."""
    variable = row.key_variable if row.base_url else row.url_variable
    place = "add a connection under Settings → Models"
    return f"Set {variable} or {place}." if variable else f"{place[0].upper()}{place[1:]}."
