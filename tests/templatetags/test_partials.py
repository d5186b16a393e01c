"""The shared partials: fields, empty states, notices, JSON, copying, pages."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

import pytest
from django import forms
from django.core.paginator import Paginator
from django.template import RequestContext, Template
from django.template.loader import render_to_string
from django.test import RequestFactory

VOID = {"input", "br", "hr", "img", "link", "meta"}


class _Balanced(HTMLParser):
    """Fails where elements are not closed in order, and collects ids."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.ids += [value for name, value in attrs if name == "id" and value]
        if tag not in VOID and tag not in {"path", "circle", "rect"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in {"path", "circle", "rect"}:
            assert self.open.pop() == tag


def _check(html: str) -> _Balanced:
    parser = _Balanced()
    parser.feed(html)
    assert parser.open == []
    assert len(parser.ids) == len(set(parser.ids))
    return parser


class _Form(forms.Form):
    name = forms.CharField(label="Name", help_text="Shown in lists.")
    kind = forms.ChoiceField(choices=[("a", "A"), ("b", "B")], widget=forms.RadioSelect)
    keep = forms.BooleanField(label="Keep")
    secret = forms.CharField(widget=forms.HiddenInput)


def _field(**context: Any) -> str:
    html = render_to_string("_shared/_field.html", context)
    _check(html)
    return html


def test_a_bound_field_is_linked_to_its_label_help_and_error() -> None:
    html = _field(field=_Form({})["name"])
    assert '<label class="field__label" for="id_name">Name' in html
    assert 'id="id_name_helptext">Shown in lists.' in html
    assert 'id="id_name_error">' in html
    assert 'aria-invalid="true"' in html
    assert 'aria-describedby="id_name_helptext id_name_error"' in html
    assert "This field is required." in html


def test_a_field_without_error_shows_none() -> None:
    html = _field(field=_Form()["name"])
    assert "field__error" not in html
    assert "aria-invalid" not in html


def test_radio_buttons_are_a_group_with_a_legend() -> None:
    html = _field(field=_Form()["kind"])
    assert '<legend class="field__label">Kind' in html
    assert html.count('type="radio"') == 2


def test_a_checkbox_stands_before_its_label() -> None:
    html = _field(field=_Form()["keep"])
    assert html.index('type="checkbox"') < html.index('<label for="id_keep">Keep</label>')


def test_a_hidden_field_that_is_wrong_still_says_so() -> None:
    html = _field(field=_Form({})["secret"])
    assert "This field is required." in html
    assert "<label" not in html


@pytest.mark.parametrize("kind", ["text", "number", "textarea", "select", "checkbox"])
def test_a_field_by_hand_is_linked_and_escaped(kind: str) -> None:
    html = _field(
        name="x",
        label="<i>X",
        type=kind,
        value='"><script>',
        help="Help <b>",
        error="Wrong <b>",
        choices=[("v", "<u>")],
    )
    assert 'for="f-x"' in html
    assert 'id="f-x-error"' in html
    assert "<script>" not in html
    assert "<b>" not in html
    assert "<i>" not in html
    assert "<u>" not in html


def test_variables_are_offered_in_braces() -> None:
    html = _field(name="x", label="X", type="textarea", vars=["inputs.tone"])
    assert 'data-insert="{{inputs.tone}}" data-into="f-x"' in html


@pytest.mark.parametrize("kind", ["none", "filtered", "pruned", "failed"])
def test_the_four_kinds_of_nothing_look_different(kind: str) -> None:
    html = render_to_string(
        "_shared/_empty.html", {"kind": kind, "title": "T", "text": "Why", "url": "/x", "action": "Do"}
    )
    _check(html)
    assert f"empty--{kind}" in html
    assert ('role="alert"' in html) == (kind == "failed")
    assert ("btn--primary" in html) == (kind == "none")


@pytest.mark.parametrize(
    ("level", "role"), [("info", "status"), ("success", "status"), ("warning", "status"), ("error", "alert")]
)
def test_only_errors_interrupt(level: str, role: str) -> None:
    html = render_to_string(
        "_shared/_notice.html", {"level": level, "title": "T", "text": "<x>", "url": "/u", "action": "Do"}
    )
    _check(html)
    assert f'role="{role}"' in html
    assert "&lt;x&gt;" in html


def test_json_is_plain_text_that_can_be_copied_without_javascript() -> None:
    html = render_to_string(
        "_shared/_json.html", {"value": {"a": "<script>"}, "id": "payload", "title": "Payload"}
    )
    _check(html)
    assert "&lt;script&gt;" in html
    assert 'data-copy-from="payload"' in html
    assert 'id="payload"' in html


def test_copying_an_id_copies_all_of_it() -> None:
    html = render_to_string(
        "_shared/_id.html", {"value": "exec_01JQ8Z4N6T3V9XK2C5W7HYB0MD", "what": "run id"}
    )
    _check(html)
    assert 'data-copy="exec_01JQ8Z4N6T3V9XK2C5W7HYB0MD"' in html
    assert ">exec_…HYB0MD</code>" in html
    assert 'aria-label="Copy run id"' in html


def test_the_pager_keeps_the_filters_in_the_address() -> None:
    request = RequestFactory().get("/runs?status=failed&page=2")
    page = Paginator(range(120), 50).page(2)
    html = Template('{% include "_shared/_pagination.html" %}').render(
        RequestContext(request, {"page_obj": page})
    )
    _check(html)
    assert 'href="?status=failed&amp;page=1"' in html
    assert 'href="?status=failed&amp;page=3"' in html
    assert "51–100 of 120" in html


def test_a_single_page_offers_no_other() -> None:
    page = Paginator(range(3), 50).page(1)
    html = Template('{% include "_shared/_pagination.html" %}').render(
        RequestContext(RequestFactory().get("/"), {"page_obj": page})
    )
    assert "<a " not in html


def test_a_missing_time_says_what_that_means() -> None:
    assert "never" in render_to_string("_shared/_time.html", {"value": None, "none": "never"})
