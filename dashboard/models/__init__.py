"""The tables, one file per noun.

Querysets offer `visible_to(actor)` and compare-and-set moves; models hold no workflow. It may import `engine` and `wire`
for words they share. It never imports a room above it, and no other room writes SQL.
"""

from dashboard.models.allowed_host import AllowedHost
from dashboard.models.api_key import ApiKey
from dashboard.models.definition import Definition
from dashboard.models.event import RunEvent
from dashboard.models.flow import Flow
from dashboard.models.memory import StepMemory
from dashboard.models.people import Member, User, Workspace
from dashboard.models.permissions import SCOPES, TABLE, Action, Actor, may
from dashboard.models.record import Record
from dashboard.models.roles import Role
from dashboard.models.run import MOVING, OVER, Run, RunState, Source
from dashboard.models.vendor import VendorConnection
from dashboard.models.worker import Worker

__all__ = [
    "MOVING",
    "OVER",
    "SCOPES",
    "TABLE",
    "Action",
    "Actor",
    "AllowedHost",
    "ApiKey",
    "Definition",
    "Flow",
    "Member",
    "Record",
    "Role",
    "Run",
    "RunEvent",
    "RunState",
    "Source",
    "StepMemory",
    "User",
    "VendorConnection",
    "Worker",
    "Workspace",
    "may",
]
