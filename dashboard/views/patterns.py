"""/patterns: every component in every state, with long text and with nothing. Shown with DEBUG or PATTERNS_PAGE only."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from dashboard.templatetags.display import ASPECTS

LONG = "Refund order 991 to the customer who wrote on Tuesday that the parcel arrived open, wet and without the second item"
UNBROKEN = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft" * 2
PROSE = """## Q4 in one paragraph

Growth was **18 %**, carried by `EMEA`; see [the report](https://example.org/q4).

1. Renewals held.
2. New business came late in the quarter:
   - three deals above the forecast
   - one lost to price

> The agent quotes its source here.

| Region | Revenue | Change |
| --- | --- | --- |
| EMEA | 1,204,000 | +18 % |
| APAC | 640,500 | −2 % |

```python
def total(rows: list[dict[str, float]]) -> float:
    return sum(row["revenue"] for row in rows if row["region"] in {"EMEA", "APAC"} and row["closed"])
```
"""
SCRIPT = '// gold customers only\nreturn record.metadata.tier === "gold" && inputs.amount > 100;'
CURL = "curl -N http://127.0.0.1:8000/v1/dispatch \\\n  -H 'Authorization: Bearer af_live_…' \\\n  -d @payload.json"
PAYLOAD = {
    "flow": {
        "name": "Sales Analysis",
        "steps": [{"id": "step_1", "type": "prompt", "name": "Analyse", "config": {}}],
    },
    "record": {
        "name": "Q4 Sales Report",
        "type": "report",
        "metadata": {
            "quarter": "Q4",
            "growth_rate": 0.18,
            "closed": True,
            "note": None,
            "team": ["Ana", "Ben"],
        },
    },
    "messages": [],
}


class PatternForm(forms.Form):
    """One field of each kind; posted empty, so that every error shows."""

    name = forms.CharField(help_text="Shown in lists and in the run's title.")
    model = forms.ChoiceField(
        choices=[("", "Choose a model"), ("gpt-5.4-mini", "gpt-5.4-mini"), ("demo", "demo")]
    )
    prompt = forms.CharField(widget=forms.Textarea(attrs={"rows": 3}), help_text="What the model is asked.")
    attempts = forms.IntegerField(min_value=0, max_value=5, initial=2)
    when_failed = forms.ChoiceField(
        widget=forms.RadioSelect, choices=[("stop", "Stop the run"), ("next", "Go on with the next step")]
    )
    stream = forms.BooleanField(
        label="Stream the answer", help_text="People see the text while it is written."
    )


def _runs() -> list[dict[str, Any]]:
    now = timezone.now()
    rows = [
        ("waiting", "Refund desk", "v7", "ana@example.org", 128, 4.1, 1204, Decimal("0.0123")),
        ("running", "Sales Analysis", "v3", "API key ci", 3, 2.24, 640, None),
        ("completed", "Sales Analysis", "draft", "ana@example.org", 320, 0.048, 12, Decimal(0)),
        (
            "partial",
            LONG,
            "v12",
            "somebody-with-a-very-long-name@department.example.org",
            4000,
            125,
            1_204_000,
            Decimal("12.3"),
        ),
        ("failed", "Web digest", "v1", "schedule", 3900, 0.3, None, None),
        ("cancelled", UNBROKEN, "v2", "ben@example.org", 86_000, 11_520, 90, Decimal("0.00001")),
        ("attention", "Nightly import", "v4", "schedule", 260_000, 270_000, 0, Decimal("0.5")),
        ("queued", "Web digest", "v1", "ben@example.org", 1, None, None, None),
    ]
    names = ("state", "flow", "version", "who", "ago", "seconds", "tokens", "cost")
    return [
        dict(zip(names, row, strict=True)) | {"at": now - timedelta(seconds=float(row[4] or 0))}
        for row in rows
    ]


def _tree() -> list[dict[str, Any]]:
    """Rows of the step tree; x and width in thousandths of the run."""
    rows = [
        ("completed", 0, "classify", "prompt", 0, 210, "model", 0.9),
        ("completed", 0, "if gold customer", "conditional", 210, 4, "tool", 0.012),
        (
            "running",
            1,
            "draft an answer in the words of the customer, however long they are",
            "prompt",
            214,
            420,
            "running",
            1.8,
        ),
        ("waiting", 1, "refund", "tool", 640, 300, "human", 7200),
        ("failed", 2, "POST /refunds", "fetch-url", 940, 40, "failed", 0.3),
        ("skipped", 0, "send mail", "send-email", 0, 0, "queue", None),
    ]
    names = ("state", "depth", "name", "kind", "x", "width", "bar", "seconds")
    return [dict(zip(names, row, strict=True)) for row in rows]


@require_safe
@login_not_required
def show(request: HttpRequest) -> HttpResponse:
    """Draw the page; 404 where the setting is off."""
    if not settings.PATTERNS_PAGE:
        raise Http404
    now = timezone.now()
    return render(
        request,
        "patterns/show.html",
        {
            "aspects": list(ASPECTS.values()),
            "blank_form": PatternForm(auto_id="blank_%s", initial={"when_failed": "stop"}),
            "wrong_form": PatternForm({"attempts": "9"}, auto_id="wrong_%s"),
            "runs": _runs(),
            "tree": _tree(),
            "payload": PAYLOAD,
            "many": {"items": [{"index": index, "name": f"row {index}"} for index in range(450)]},
            "script": SCRIPT,
            "curl": CURL,
            "prose": PROSE,
            "long": LONG,
            "unbroken": UNBROKEN,
            "page_obj": Paginator(range(1204), 50).page(3),
            "variables": ["_record.metadata.quarter", "_record.metadata.region", "inputs.tone"],
            "choices": [("gpt-5.4-mini", "gpt-5.4-mini"), ("demo", "demo")],
            "durations": [0.048, 4.1, 59.96, 125, 11_520, 270_000, None],
            "costs": [Decimal("0.0123"), Decimal(0), Decimal("0.00001"), Decimal("1204.5"), None],
            "moments": [
                now,
                now - timedelta(minutes=2),
                now - timedelta(days=5),
                now + timedelta(hours=2),
                now - timedelta(90),
            ],
            "run_id": "exec_01JQ8Z4N6T3V9XK2C5W7HYB0MD",
        },
    )
