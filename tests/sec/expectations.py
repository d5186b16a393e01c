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

from dashboard.models import (
    AllowedHost,
    ApiKey,
    Definition,
    Flow,
    Member,
    Record,
    Role,
    Run,
    Source,
    User,
    Workspace,
)

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


def allowed_host(workspace: Workspace, asking: Member | None) -> dict[str, Any]:
    return {"pk": AllowedHost.objects.create(host="build.lan", port=8080).pk}


DRAFT: dict[str, Any] = {
    "flow": {
        "name": "Flow",
        "steps": [{"id": "one", "type": "send-stream", "name": "Say", "config": {"message": "Hello"}}],
    }
}


def flow(workspace: Workspace, asking: Member | None) -> dict[str, Any]:
    return {"flow_id": Flow.objects.create(workspace=workspace, name="Flow", draft=DRAFT, step_count=1).pk}


def record(workspace: Workspace, asking: Member | None) -> dict[str, Any]:
    return {"record_id": Record.objects.create(workspace=workspace, type="report", name="Q4", metadata={}).pk}


def run(workspace: Workspace, asking: Member | None) -> dict[str, Any]:
    definition = Definition.objects.keep(workspace.pk, DRAFT["flow"])
    made = Run.objects.create(
        workspace=workspace,
        source=Source.DASHBOARD,
        flow_name="Flow",
        definition=definition,
        inputs={},
        messages=[],
        options={},
    )
    return {"public_id": made.public_id}


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
    # --- runs
    "home": Route(get=READERS),
    "live": Route(get=READERS),
    "runs": Route(get=READERS),
    "run_rows": Route(get=READERS),
    "run": Route(get=READERS, made=run),
    "run_parts": Route(get=READERS, made=run),
    "run_inspector": Route(get=READERS, made=run),
    "run_events": Route(get=READERS, made=run),
    "run_export_events": Route(get=READERS, made=run),
    "run_export_transcript": Route(get=READERS, made=run),
    "run_cancel": Route(post=AUTHORS, made=run),
    "run_again": Route(post=AUTHORS, made=run),
    # --- flows
    "flows": Route(get=READERS),
    "flow_new": Route(get=AUTHORS, post=AUTHORS),
    "flow_import": Route(get=AUTHORS, post=AUTHORS),
    "flow": Route(get=READERS, made=flow),
    "flow_copy": Route(post=AUTHORS, made=flow),
    "flow_archive": Route(post=AUTHORS, made=flow),
    "flow_unarchive": Route(post=AUTHORS, made=flow),
    "flow_export": Route(get=READERS, made=flow),
    "flow_details": Route(post=AUTHORS, made=flow),
    "flow_sample": Route(post=AUTHORS, made=flow),
    "flow_payload": Route(post=AUTHORS, made=flow),
    "flow_step_add": Route(post=AUTHORS, made=flow),
    "flow_step": Route(post=AUTHORS, made=flow),
    "flow_step_mine": Route(post=AUTHORS, made=flow),
    "flow_step_move": Route(post=AUTHORS, made=flow),
    "flow_step_copy": Route(post=AUTHORS, made=flow),
    "flow_step_enable": Route(post=AUTHORS, made=flow),
    "flow_step_delete": Route(post=AUTHORS, made=flow),
    "flow_step_restore": Route(post=AUTHORS, made=flow),
    "run_flow": Route(post=AUTHORS, made=flow),
    # --- records
    "records": Route(get=READERS),
    "record_new": Route(get=AUTHORS, post=AUTHORS),
    "record": Route(get=READERS, made=record),
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
