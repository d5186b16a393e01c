"""Starting a run from a form, exactly once however often the form is sent.

A page signs the id of the run that its form may start (`run_form_id`); sent twice, it leads to the same run.
"""

from dataclasses import replace

from django.core.signing import BadSignature, Signer
from django.db import IntegrityError, transaction

from dashboard.models import Member, Run, Source
from dashboard.runs import control
from dashboard.runs.control import Order
from dashboard.views.access import get_or_404
from dashboard.wire.ids import EXECUTION, is_id, new_id


def run_form_id(member: Member) -> str:
    """The signed id of the run that one rendering of the page may start: sent twice, it is still one run."""
    return _signer(member).sign(new_id(EXECUTION))


def start_once(member: Member, order: Order, signed: str) -> Run:
    """Start a run under the id its form carries; a form that was sent before leads to the run it started."""
    public_id = _chosen(member, signed)
    try:
        with transaction.atomic():
            return control.start(member, replace(order, public_id=public_id), Source.DASHBOARD)
    except IntegrityError:
        return get_or_404(Run.objects.visible_to(member), public_id=public_id)


def start_again(member: Member, run: Run, signed: str) -> Run:
    """Start a run with what `run` was started with. Secrets of a request are not kept, so the new run has none."""
    order = Order(
        definition=run.definition.body,
        flow_name=run.flow_name,
        flow=run.flow,
        record=run.record,
        record_snapshot=run.record_snapshot,
        inputs=run.inputs,
        messages=run.messages,
        options=run.options,
    )
    return start_once(member, order, signed)


def _signer(member: Member) -> Signer:
    return Signer(salt=f"run-form:{member.pk}")


def _chosen(member: Member, signed: str) -> str:
    """The id that the form carries for its run; empty for a form that brings none or a forged one."""
    try:
        found = _signer(member).unsign(signed)
    except BadSignature:
        return ""
    return found if is_id(found, EXECUTION) else ""
