"""Starting a run once more, exactly once however often its form is sent."""

from django.core.signing import BadSignature, Signer
from django.db import IntegrityError, transaction

from dashboard.models import Member, Run, Source
from dashboard.runs import control
from dashboard.runs.control import Order
from dashboard.views.access import get_or_404
from dashboard.wire.ids import EXECUTION, is_id


def start_again(member: Member, run: Run, signed: str) -> Run:
    """Start a run with what `run` was started with; a form that was sent before leads to the run it started.

    Secrets of a request are not kept, so the new run has none. `signed` is the mark of `flow_page.run_form_id`.
    """
    order = Order(
        definition=run.definition.body,
        flow_name=run.flow_name,
        flow=run.flow,
        record=run.record,
        record_snapshot=run.record_snapshot,
        inputs=run.inputs,
        messages=run.messages,
        options=run.options,
        public_id=_chosen(member, signed),
    )
    try:
        with transaction.atomic():
            return control.start(member, order, Source.DASHBOARD)
    except IntegrityError:
        return get_or_404(Run.objects.visible_to(member), public_id=order.public_id)


def _chosen(member: Member, signed: str) -> str:
    try:
        found = Signer(salt=f"run-form:{member.pk}").unsign(signed)
    except BadSignature:
        return ""
    return found if is_id(found, EXECUTION) else ""
