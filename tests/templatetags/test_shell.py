"""The frame around every page, the menu, the icons."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from django.http import HttpResponse
from django.template import Context, Template
from django.template.loader import render_to_string
from django.test import RequestFactory
from django.urls import path
from lucide import IconDoesNotExist

from dashboard.models import Member, Workspace
from dashboard.templatetags import icons, shell

urlpatterns = [
    path("", lambda request: HttpResponse(), name="home"),
    path("flows", lambda request: HttpResponse(), name="flows"),
    path("runs", lambda request: HttpResponse(), name="runs"),
    path("sign-in", lambda request: HttpResponse(), name="sign_in"),
]


@pytest.fixture(autouse=True)
def _urls(settings: Any) -> None:
    settings.ROOT_URLCONF = __name__


def _page(path: str = "/", cookies: dict[str, str] | None = None, **context: Any) -> str:
    request = RequestFactory().get(path)
    request.COOKIES.update(cookies or {})
    return render_to_string("base.html", context, request=request)


def test_the_rail_links_only_to_pages_that_exist() -> None:
    html = _page()
    assert re.findall(r'class="rail__link" href="([^"]+)"', html) == ["/", "/flows", "/runs"]


@pytest.mark.parametrize(
    ("path", "current"),
    [
        ("/", ["/"]),
        ("/flows", ["/flows"]),
        ("/flows/7/edit", ["/flows"]),
        ("/flowsy", []),
        ("/runs/1", ["/runs"]),
    ],
)
def test_the_rail_marks_the_page_one_is_on(path: str, current: list[str]) -> None:
    assert re.findall(r'href="([^"]+)"[^>]*aria-current="page"', _page(path)) == current


def test_the_rail_shows_what_waits_behind_an_entry() -> None:
    html = _page(rail_counts={"runs": 3})
    assert '<b class="rail__count" id="rail-count-runs">3</b>' in html
    assert '<b class="rail__count" id="rail-count-flows"></b>' in html


@pytest.mark.parametrize(
    ("cookie", "attribute"),
    [("dark", ' data-theme="dark"'), ("light", ' data-theme="light"'), ("", ""), ('"><script>', "")],
)
def test_the_chosen_theme_is_in_the_page_before_any_script_runs(cookie: str, attribute: str) -> None:
    assert f'<html lang="en"{attribute}>' in _page(cookies={"theme": cookie})


def test_people_of_several_workspaces_can_switch_without_javascript(settings: Any) -> None:
    settings.ROOT_URLCONF = "dashboard.urls"
    harbour, lighthouse = Workspace(pk=1, name="Harbour"), Workspace(pk=2, name="Lighthouse")
    both = [Member(workspace=harbour), Member(workspace=lighthouse)]
    html = _page(workspace=harbour, memberships=both)
    assert re.findall(r'name="workspace" value="(\d)" aria-pressed="(\w+)"', html) == [
        ("1", "true"),
        ("2", "false"),
    ]
    assert 'name="workspace"' not in _page(workspace=harbour, memberships=both[:1])


def test_every_request_of_htmx_carries_the_csrf_token() -> None:
    html = _page(csrf_token="token-of-this-page")
    header = re.search(r"hx-headers:inherited='([^']+)'", html)
    assert header
    assert json.loads(header[1]) == {"X-CSRFToken": "token-of-this-page"}


def test_htmx_keeps_to_this_origin_and_stores_no_pages() -> None:
    content = re.search(r"""name="htmx-config" content='([^']+)'""", _page())
    assert content
    config = json.loads(content[1])
    assert config["mode"] == "same-origin"
    assert config["history"] == "reload"
    assert config["includeIndicatorCSS"] is False
    assert config["extensions"] == "signalbox-guard"


def test_htmx_is_loaded_before_its_guard_and_neither_waits() -> None:
    scripts = re.findall(r"<script([^>]*)>", _page())
    assert re.findall(r"[\w.]+\.js", " ".join(scripts)) == [
        "htmx.min.js",
        "guard.js",
        "app.js",
    ]
    assert [("defer" in script, "async" in script) for script in scripts[:2]] == [(False, False)] * 2


def test_a_page_without_a_rail_has_none() -> None:
    bare = Template('{% extends "base.html" %}{% block rail %}{% endblock %}')
    html = bare.render(Context({"request": RequestFactory().get("/")}))
    assert "rail__link" not in html
    assert 'id="main"' in html


def test_a_menu_opens_without_javascript_and_says_what_it_is() -> None:
    html = Template(
        '{% load shell %}{% menu "More actions" %}<a href="{{ url }}">{{ name }}</a>{% endmenu %}'
    ).render(Context({"url": "/x", "name": "<b>"}))
    assert '<summary class="btn btn--icon btn--ghost" aria-label="More actions">' in html
    assert '<a href="/x">&lt;b&gt;</a>' in html


def test_a_menu_from_a_list_posts_what_changes_something() -> None:
    items = [{"label": "Rename", "url": "/r"}, {"label": "Delete", "post": "/d", "danger": True}]
    html = render_to_string("_shared/_menu.html", {"label": "More", "items": items})
    assert '<a class="menu__item" href="/r">Rename</a>' in html
    assert '<form method="post" action="/d">' in html
    assert "menu__item--danger" in html


def test_an_icon_is_decoration_unless_it_is_named() -> None:
    assert 'aria-hidden="true"' in icons.icon("play")
    assert 'role="img"' in icons.icon("play", label="Run")
    assert 'aria-label="Run"' in icons.icon("play", label="Run")
    assert "style=" not in icons.icon("play")


def test_a_label_cannot_leave_its_attribute() -> None:
    assert '"><script>' not in icons.icon("play", label='"><script>')


def test_a_misspelt_icon_is_noticed_at_once() -> None:
    with pytest.raises(IconDoesNotExist):
        icons.icon("no-such-icon")


def test_addresses_of_missing_pages_are_empty() -> None:
    assert shell.address("no_such_page") == ""
    assert shell.address("runs") == "/runs"
