"""Every address x every role x own and foreign objects x every method, from one table."""

import re
from collections.abc import Iterator

import pytest
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from dashboard.models import Member, Role, User, Workspace
from tests.sec.expectations import NOBODY, OPEN_API, ROUTES, Route

API = "v1/"
BODY_METHODS = ("put", "patch", "delete")
INLINE = re.compile(
    rb"<script(?![^>]*\ssrc=)|<style|<[^>]+\s(?:style|on[a-z]+|hx-on[:-][^=]*)\s*=", re.IGNORECASE
)
STRANGER = "admin of another workspace"


def walk(patterns: list[URLPattern | URLResolver], prefix: str = "") -> Iterator[tuple[str, str | None]]:
    """Every address of the product: its pattern and its name."""
    for pattern in patterns:
        address = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from walk(pattern.url_patterns, address)
        else:
            yield address, pattern.name


PAGES = sorted(
    (address, name) for address, name in walk(get_resolver().url_patterns) if not address.startswith(API)
)
OPERATIONS = sorted(
    (address, name) for address, name in walk(get_resolver().url_patterns) if address.startswith(API)
)


def test_every_page_has_a_name_and_a_line_in_the_table():
    assert {address for address, name in PAGES if name not in ROUTES} == set(), (
        "add a line to tests/sec/expectations.py"
    )


def test_the_table_names_only_pages_that_exist():
    assert set(ROUTES) - {name for _, name in PAGES} == set()


class World:
    """Two teams with one person per role in the first, and an admin of the second."""

    def __init__(self) -> None:
        self.own = Workspace.objects.create(name="Harbour")
        self.foreign = Workspace.objects.create(name="Lighthouse")
        self.actors: dict[str, Member | None] = {"anonymous": None}
        for role in Role.values:
            self.actors[role] = self._person(role, self.own, role)
        # A second admin, so that nobody in the matrix is the last.
        self._person("second", self.own, Role.ADMIN)
        self.actors[STRANGER] = self._person("stranger", self.foreign, Role.ADMIN)

    def _person(self, name: str, workspace: Workspace, role: str) -> Member:
        user = User.objects.create(email=f"{name}@example.org", password="!")
        return Member.objects.create(user=user, workspace=workspace, role=role)


def expected(route: Route, allowed: frozenset[str], actor: str, own: bool) -> set[str]:
    """What the answer may be: passed, to-sign-in, denied, missing or no-such-method."""
    role = Role.ADMIN if actor == STRANGER else actor
    if role == "anonymous" and "anonymous" not in route.get | route.post:
        return {"to-sign-in"}
    if allowed == NOBODY:
        return {"no-such-method"}
    if role not in allowed:
        return {"denied"}
    has_object = (route.made or route.sent) and not route.shared
    if has_object and own == (actor == STRANGER):
        return {"missing"}
    return {"passed", "missing"} if route.hidden else {"passed"}


def outcome(response, actor: str) -> str:
    to_sign_in = response.status_code == 302 and response.headers["Location"].startswith(reverse("sign_in"))
    if to_sign_in and actor == "anonymous":
        return "to-sign-in"
    words = {401: "unauthorised", 403: "denied", 404: "missing", 405: "no-such-method"}
    return words.get(response.status_code, "passed" if response.status_code < 500 else "broken")


def ask(world: World, name: str, route: Route, method: str, actor: str, own: bool):
    """One request in a transaction that leaves nothing behind."""
    person = world.actors[actor]
    client = Client(raise_request_exception=False)
    with transaction.atomic():
        workspace = world.own if own else world.foreign
        args = route.fixed | (route.made(workspace, person) if route.made else {})
        if person:
            client.force_login(person.user, backend="django.contrib.auth.backends.ModelBackend")
        sent = route.sent(workspace, person) if route.sent and method == "post" else {}
        response = getattr(client, method)(reverse(name, kwargs=args), sent)
        transaction.set_rollback(True)
    return response


@pytest.mark.parametrize("name", [name for _, name in PAGES if name in ROUTES])
def test_each_role_gets_what_the_table_says(db, name):
    world, route, wrong = World(), ROUTES[name], []
    has_object = bool(route.made or route.sent)
    for method in ("get", "post", *BODY_METHODS):
        allowed = {"get": route.get, "post": route.post}.get(method, NOBODY)
        for actor in world.actors:
            for own in (True, False) if has_object else (True,):
                response = ask(world, name, route, method, actor, own)
                got, fits = outcome(response, actor), expected(route, allowed, actor, own)
                if got not in fits:
                    wrong.append(f"{method} as {actor}, {'own' if own else 'foreign'}: {got}, not {fits}")
                wrong += [f"{method} as {actor}: {problem}" for problem in unsafe(response)]
    assert wrong == []


def unsafe(response) -> list[str]:
    """What an answer lacks or carries that no answer may."""
    problems = []
    policy = response.headers.get("Content-Security-Policy", "")
    if "script-src 'self';" not in policy + ";" or "default-src 'none'" not in policy or "unsafe" in policy:
        problems.append(f"the content security policy is {policy!r}")
    if "html" in response.headers.get("Content-Type", ""):
        problems += [f"inline code: {found[0]!r}" for found in INLINE.finditer(response.content)]
    if "no-store" not in response.headers.get("Cache-Control", ""):
        problems.append("it may be cached")
    for header in (
        "Permissions-Policy",
        "Cross-Origin-Resource-Policy",
        "X-Content-Type-Options",
        "X-Request-Id",
    ):
        if header not in response.headers:
            problems.append(f"no {header}")
    return problems


@pytest.mark.parametrize("name", [name for name, route in ROUTES.items() if route.post])
def test_a_post_without_its_token_is_refused_to_everybody(db, name):
    world, route = World(), ROUTES[name]
    args = route.fixed | (route.made(world.own, world.actors[Role.ADMIN]) if route.made else {})
    for actor, person in world.actors.items():
        client = Client(enforce_csrf_checks=True)
        if person:
            client.force_login(person.user, backend="django.contrib.auth.backends.ModelBackend")
        response = client.post(reverse(name, kwargs=args), {})
        assert (actor, response.status_code) == (actor, 403)
        assert b"out of date" in response.content


def _filled(address: str) -> str:
    address = re.sub(r"<int:[^>]+>", "1", address)
    return "/" + re.sub(r"<[^>]+>", "x", address)


def test_the_api_answers_without_a_key_only_where_the_table_says():
    assert {name for _, name in OPERATIONS} >= OPEN_API


@pytest.mark.parametrize(("address", "name"), [pair for pair in OPERATIONS if pair[1] not in OPEN_API])
def test_the_session_cookie_opens_nothing_on_the_api(signed_in_client, address, name):
    client = signed_in_client(Role.ADMIN)
    for method in ("get", "post", *BODY_METHODS):
        sent = {} if method == "get" else {"content_type": "application/json"}
        response = getattr(client, method)(_filled(address), **sent)
        assert response.status_code in {401, 405}, f"{method} {address}: {response.status_code}"
        assert response.headers["Content-Type"].startswith("application/json")


@pytest.mark.parametrize("method", ["head", "options", "trace"])
def test_odd_methods_never_reach_a_members_page(client, db, method):
    for address, name in PAGES:
        route = ROUTES[name or ""]
        if "anonymous" not in route.get | route.post:
            response = getattr(client, method)(_filled(address))
            assert response.status_code in {302, 405}, f"{method} {address}: {response.status_code}"


def test_a_method_override_is_ignored(signed_in_client):
    client = signed_in_client(Role.ADMIN)
    response = client.get(
        reverse("sign_out"), {"_method": "POST"}, headers={"X-HTTP-Method-Override": "POST"}
    )
    assert response.status_code == 405
    assert "_auth_user_id" in client.session
