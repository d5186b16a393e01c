"""People, keys and a database that every test may ask for."""

from collections.abc import Callable, Iterator
from itertools import count

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client

from dashboard.models import ApiKey, Member, Role, User, Workspace

_numbers = count(1)


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings_parallel_suffix: None, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Each test process has its own SQLite file, so that two test runs on one machine never meet."""
    if connection.vendor == "sqlite":
        folder = tmp_path_factory.mktemp("database")
        connection.settings_dict["TEST"]["NAME"] = str(folder / "test.sqlite3")


@pytest.fixture(autouse=True)
def _empty_cache() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def workspace(db: None) -> Workspace:
    return Workspace.objects.create(name="Harbour")


@pytest.fixture
def other_workspace(db: None) -> Workspace:
    """A second team on the same server, whose things nobody of `workspace` may see."""
    return Workspace.objects.create(name="Lighthouse")


MakeMember = Callable[..., Member]
SignIn = Callable[..., Client]
MakeKey = Callable[..., tuple[ApiKey, str]]


@pytest.fixture
def member(workspace: Workspace) -> MakeMember:
    """`member("author")` makes a person with this role in `workspace`, or in the `workspace=` given."""

    def make(role: str = Role.AUTHOR, workspace: Workspace = workspace, email: str = "") -> Member:
        user = User.objects.create(email=email or f"{role}{next(_numbers)}@example.org", password="!")
        return Member.objects.create(user=user, workspace=workspace, role=role)

    return make


@pytest.fixture
def signed_in_client(member: MakeMember) -> SignIn:
    """`signed_in_client("author")` is a browser of a new member with this role; `.member` says who. A Member works too."""

    def sign_in(who: str | Member = Role.AUTHOR, *, enforce_csrf_checks: bool = False) -> Client:
        person = who if isinstance(who, Member) else member(who)
        client = Client(enforce_csrf_checks=enforce_csrf_checks)
        client.force_login(person.user, backend="django.contrib.auth.backends.ModelBackend")
        vars(client)["member"] = person
        return client

    return sign_in


@pytest.fixture
def api_key(workspace: Workspace) -> MakeKey:
    """`api_key("runs:start", "runs:read")` is a live key with these scopes, and its plain text."""

    def make(*scopes: str, workspace: Workspace = workspace, **fields: object) -> tuple[ApiKey, str]:
        return ApiKey.make(workspace=workspace, name=f"Key {next(_numbers)}", scopes=list(scopes), **fields)

    return make
