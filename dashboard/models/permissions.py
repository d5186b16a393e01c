"""The one authorisation table: which role, and which API key scope, may do what.

Pages, the API, streams and exports all ask `may`. What an actor may see at all is the querysets' `visible_to`.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from dashboard.models.roles import Role


class Action(StrEnum):
    """Everything the product lets somebody do."""

    READ_FLOWS = "flows:read"
    EDIT_FLOWS = "flows:write"
    READ_RUNS = "runs:read"
    START_RUNS = "runs:start"
    START_INLINE = "flows:inline"
    CANCEL_RUNS = "runs:cancel"
    READ_RECORDS = "records:read"
    EDIT_RECORDS = "records:write"
    DECIDE_APPROVALS = "approvals:decide"
    MANAGE_KEYS = "keys:manage"
    MANAGE_MEMBERS = "members:manage"
    MANAGE_SETTINGS = "settings:manage"


@dataclass(frozen=True)
class Rule:
    """Who passes: the roles of members, and whether an API key may carry the action as a scope."""

    roles: frozenset[str]
    scope: bool
    says: str


_READERS = frozenset({Role.VIEWER, Role.APPROVER, Role.AUTHOR, Role.ADMIN})
_AUTHORS = frozenset({Role.AUTHOR, Role.ADMIN})
_ADMINS = frozenset({Role.ADMIN})

TABLE: dict[Action, Rule] = {
    Action.READ_FLOWS: Rule(_READERS, True, "read flows"),
    Action.EDIT_FLOWS: Rule(_AUTHORS, True, "create and edit flows"),
    Action.READ_RUNS: Rule(_READERS, True, "read runs, their events and exports"),
    Action.START_RUNS: Rule(_AUTHORS, True, "start stored flows"),
    Action.START_INLINE: Rule(_AUTHORS, True, "start flows whose definition is in the request"),
    Action.CANCEL_RUNS: Rule(_AUTHORS, True, "cancel runs"),
    Action.READ_RECORDS: Rule(_READERS, True, "read records"),
    Action.EDIT_RECORDS: Rule(_AUTHORS, True, "create and edit records"),
    Action.DECIDE_APPROVALS: Rule(
        frozenset({Role.APPROVER, Role.ADMIN}), True, "approve and deny tool calls"
    ),
    Action.MANAGE_KEYS: Rule(_AUTHORS, False, "create and revoke their own API keys"),
    Action.MANAGE_MEMBERS: Rule(_ADMINS, False, "manage members and every key"),
    Action.MANAGE_SETTINGS: Rule(_ADMINS, False, "manage model vendors and allowed addresses"),
}

SCOPES: tuple[Action, ...] = tuple(action for action, rule in TABLE.items() if rule.scope)


class Actor(Protocol):
    """Who acts: a Member (with a role) or an ApiKey (with scopes), always within one workspace."""

    workspace_id: int


def may(actor: Actor, action: Action) -> bool:
    """Whether the actor may do this at all, in their workspace. Anything the table does not grant is denied."""
    rule = TABLE[action]
    role = getattr(actor, "role", None)
    if role is not None:
        return role in rule.roles
    return rule.scope and action in getattr(actor, "scopes", ())
