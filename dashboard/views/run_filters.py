"""What a list of runs is narrowed to, read from the address: the address always says what the list shows."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from django.db.models import Q
from django.http import QueryDict
from django.utils import timezone

from dashboard.models import MOVING, ApiKey, Flow, Member, RunState, Source
from dashboard.models.run import RunQuerySet

NAMES: Final = ("state", "flow", "source", "who", "since")
MOST_CHOICES: Final = 100
MOST_TEXT: Final = 200

STATES: Final = {
    "active": ("Queued or running", Q(state__in=MOVING)),
    "attention": ("Waiting or needs attention", Q(state__in=[RunState.PAUSED, RunState.ATTENTION])),
    "completed": ("Completed", Q(state=RunState.COMPLETED, failed_steps=0)),
    "partial": ("Completed with failed steps", Q(state=RunState.COMPLETED, failed_steps__gt=0)),
    "failed": ("Failed", Q(state=RunState.FAILED)),
    "cancelled": ("Cancelled", Q(state=RunState.CANCELLED)),
}
SINCE: Final = {
    "hour": ("Last hour", timedelta(hours=1)),
    "day": ("Last 24 hours", timedelta(days=1)),
    "week": ("Last 7 days", timedelta(days=7)),
    "month": ("Last 30 days", timedelta(days=30)),
}


@dataclass(frozen=True, slots=True)
class Choice:
    """One value of a filter, and the address of the list with it."""

    word: str
    url: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class Filter:
    """One chip: its word, what is chosen (or empty), the address without it, and the choices."""

    name: str
    word: str
    chosen: str
    without: str
    choices: list[Choice]


class Filters:
    """The filters of one request. Values nobody offers find nothing; they are shown and can be taken out."""

    def __init__(self, asked: QueryDict, member: Member) -> None:
        self._asked = asked
        self._member = member
        self.values = {name: asked.get(name, "") for name in NAMES if asked.get(name)}
        self.text = asked.get("q", "").strip().replace("\x00", "")[:MOST_TEXT]

    @property
    def any(self) -> bool:
        return bool(self.values or self.text)

    def narrow(self, runs: RunQuerySet) -> RunQuerySet:
        """The runs that fit."""
        narrowed: dict[str, Callable[[str], Q | None]] = {
            "state": lambda value: STATES[value][1] if value in STATES else None,
            "flow": lambda value: Q(flow_id=value),
            "source": lambda value: Q(source=value) if value in Source.values else None,
            "who": self._who,
            "since": lambda value: (
                Q(created_at__gte=timezone.now() - SINCE[value][1]) if value in SINCE else None
            ),
        }
        for name, value in self.values.items():
            condition = narrowed[name](value) if "\x00" not in value else None
            runs = runs.none() if condition is None else runs.filter(condition)
        if self.text:
            runs = runs.filter(Q(flow_name__icontains=self.text) | Q(public_id__icontains=self.text))
        return runs

    def chips(self) -> list[Filter]:
        """Every filter with its choices; three queries."""
        flows = Flow.objects.visible_to(self._member).active().order_by("name").values_list("id", "name")
        return [
            self._chip("state", "State", [(value, word) for value, (word, _) in STATES.items()]),
            self._chip("flow", "Flow", list(flows[:MOST_CHOICES])),
            self._chip("who", "Who", self._people()),
            self._chip("source", "Source", list(Source.choices)),
            self._chip("since", "Started", [(value, word) for value, (word, _) in SINCE.items()]),
        ]

    def _people(self) -> list[tuple[str, str]]:
        members = Member.objects.visible_to(self._member).select_related("user").order_by("user__email")
        keys = ApiKey.objects.filter(workspace_id=self._member.workspace_id).order_by("name")
        people = [(f"user-{member.user_id}", str(member.user)) for member in members[:MOST_CHOICES]]
        people.sort(key=lambda person: person[0] != f"user-{self._member.user_id}")
        return people + [(f"key-{key.pk}", f"Key {key.name}") for key in keys[:MOST_CHOICES]]

    def _who(self, value: str) -> Q | None:
        kind, _, number = value.partition("-")
        if not number.isdecimal() or len(number) > 18:
            return None
        return {"user": Q(started_by_id=int(number)), "key": Q(api_key_id=int(number))}.get(kind)

    def _chip(self, name: str, word: str, offered: list[tuple[str, str]]) -> Filter:
        value = self.values.get(name, "")
        words = dict(offered)
        choices = [Choice(said, self._url(name, key), key == value) for key, said in offered]
        return Filter(name, word, words.get(value, value), self._url(name, ""), choices)

    def _url(self, name: str, value: str) -> str:
        """The list's address with one filter set to a value, or taken out; from its first page."""
        query = QueryDict(mutable=True)
        for key in ("q", *NAMES):
            kept = value if key == name else (self.text if key == "q" else self.values.get(key, ""))
            if kept:
                query[key] = kept
        return "?" + query.urlencode()
