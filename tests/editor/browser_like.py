"""What a browser would send back for a form, so that round trips are tried the way they happen."""

from html.parser import HTMLParser
from typing import Any

from django.http import QueryDict


class FormReader(HTMLParser):
    """Reads the successful controls of one form, by its id; line ends become CRLF as the HTML standard says."""

    def __init__(self, form_id: str) -> None:
        super().__init__()
        self.form_id, self.inside = form_id, False
        self.pairs: list[tuple[str, str]] = []
        self._area: tuple[str, list[str]] | None = None
        self._select: str | None = None
        self._options: list[tuple[str, bool]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag == "form":
            self.inside = found.get("id") == self.form_id
        if not self.inside or "disabled" in found:
            return
        name, value = found.get("name"), found.get("value")
        if tag == "input" and name:
            if found.get("type") in ("checkbox", "radio"):
                if "checked" in found:
                    self.pairs.append((name, value or "on"))
            elif found.get("type") != "submit":
                self.pairs.append((name, (value or "").replace("\n", "").replace("\r", "")))
        elif tag == "textarea" and name:
            self._area = (name, [])
        elif tag == "select" and name:
            self._select, self._options = name, []
        elif tag == "option" and self._select is not None:
            self._options.append((value or "", "selected" in found))

    def handle_data(self, data: str) -> None:
        if self._area is not None:
            self._area[1].append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea" and self._area is not None:
            name, pieces = self._area
            text = "".join(pieces).replace("\r\n", "\n").replace("\r", "\n").removeprefix("\n")
            self.pairs.append((name, text.replace("\n", "\r\n")))
            self._area = None
        elif tag == "select" and self._select is not None:
            chosen = [value for value, selected in self._options if selected] or [
                v for v, _ in self._options[:1]
            ]
            self.pairs += [(self._select, value) for value in chosen]
            self._select = None
        elif tag == "form":
            self.inside = False


def posted(html: str, form_id: str = "form") -> dict[str, str]:
    """The fields that a browser would post for the form with this id, unchanged."""
    reader = FormReader(form_id)
    reader.feed(html)
    return dict(reader.pairs)


def post_of(form: Any, **changes: str) -> QueryDict:
    """What a browser would post for a Django form, with some fields (by Python name, `field_1` for parts) changed."""
    data = QueryDict(mutable=True)
    data.update(posted(f'<form id="form">{form.as_div()}</form>'))
    for name, value in changes.items():
        data[f"{form.prefix}-{name}"] = value
    return data
