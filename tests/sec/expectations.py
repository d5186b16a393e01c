"""Who may do what at which address: one line per route. `test_access_matrix` walks them all, and every route needs a line.

    "flow_page": Route(get=READERS, post=AUTHORS, made=flow),

`get` and `post` name the roles that get through; NOBODY means that the method is refused with 405. `made` makes the object
the address is about in a given workspace and gives the address's arguments: roles that get through reach the one in their
own workspace, and get 404 for the one in another. `sent` gives what a POST carries, for routes that name their object in
the form. `shared` is for objects of the whole server, which every workspace's people see alike.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from dashboard.models import AllowedHost, ApiKey, Member, Role, User, Workspace

NOBODY: frozenset[str] = frozenset()
READERS = frozenset(Role.values)
AUTHORS = frozenset({Role.AUTHOR, Role.ADMIN})
APPROVERS = frozenset({Role.APPROVER, Role.ADMIN})
ADMINS = frozenset({Role.ADMIN})
ANYONE = READERS | {"anonymous"}

Made = Callable[[Workspace, Member | None], dict[str, Any]]


@dataclass(frozen=True)
class Route:
    """What one address answers to whom. `hidden`: the address may also be switched off, and is 404 then."""

    get: frozenset[str] = NOBODY
    post: frozenset[str] = NOBODY
    made: Made | None = None
    sent: Made | None = None
    shared: bool = False
    hidden: bool = False
    fixed: dict[str, Any] = field(default_factory=dict)


def member(workspace: Workspace, asking: Member | None) -> dict[str, Any]:
    user = User.objects.create(email=f"somebody@{workspace.pk}.example.org", password="!")
    return {"pk": Member.objects.create(workspace=workspace, user=user).pk}


def key_of_the_asking(workspace: Workspace, asking: Member | None) -> dict[str, Any]:
    key, _ = ApiKey.make(
        workspace=workspace, name="Key", scopes=[], created_by=asking.user if asking else None
    )
    return {"pk": key.pk}


def key_of_somebody(workspace: Workspace, asking: Member | None) -> dict[str, Any]:
    return {"pk": ApiKey.make(workspace=workspace, name="Key", scopes=[])[0].pk}


def allowed_host(workspace: Workspace, asking: Member | None) -> dict[str, Any]:
    return {"pk": AllowedHost.objects.create(host="build.lan", port=8080).pk}


def workspace_in_form(workspace: Workspace, asking: Member | None) -> dict[str, Any]:
    return {"workspace": workspace.pk}


ROUTES: dict[str, Route] = {
    # --- without an account
    "sign_in": Route(get=ANYONE, post=ANYONE),
    "setup": Route(get=ANYONE, post=ANYONE),
    "welcome": Route(get=ANYONE, post=ANYONE, fixed={"uid": "MQ", "token": "x"}),
    "patterns": Route(get=ANYONE, hidden=True),
    # --- one's own account
    "sign_out": Route(post=READERS),
    "switch_workspace": Route(post=READERS, sent=workspace_in_form),
    "settings": Route(get=READERS),
    "settings_profile": Route(get=READERS, post=READERS),
    "settings_password": Route(post=READERS),
    # --- API keys
    "settings_keys": Route(get=AUTHORS),
    "settings_key_new": Route(get=AUTHORS, post=AUTHORS),
    "settings_key_revocation": Route(post=AUTHORS, made=key_of_the_asking),
    # --- the workspace and the server
    "settings_members": Route(get=ADMINS, post=ADMINS),
    "settings_member_role": Route(post=ADMINS, made=member),
    "settings_member_removal": Route(post=ADMINS, made=member),
    "settings_member_link": Route(post=ADMINS, made=member),
    "settings_models": Route(get=ADMINS),
    "settings_model": Route(post=ADMINS, fixed={"vendor": "openai"}),
    "settings_model_removal": Route(post=ADMINS, fixed={"vendor": "openai"}),
    "settings_model_test": Route(post=ADMINS, fixed={"vendor": "openai"}),
    "settings_addresses": Route(get=ADMINS, post=ADMINS),
    "settings_address_removal": Route(post=ADMINS, made=allowed_host, shared=True),
}

# Addresses of /v1 that answer without a key: its description, and a root that has nothing. All others are 401 without one.
OPEN_API = frozenset({"openapi-json", "api_docs", "api-root"})
