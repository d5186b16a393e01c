"""Going from one workspace to another, for people who are members of several."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from dashboard.views.access import WORKSPACE, memberships_of


@require_POST
def switch(request: HttpRequest) -> HttpResponse:
    """Work in another of one's own workspaces from now on, in this session."""
    wanted = request.POST.get("workspace", "")
    for member in memberships_of(request):
        if str(member.workspace_id) == wanted:
            request.session[WORKSPACE] = member.workspace_id
            return redirect("home")
    raise Http404("You are not a member of that workspace.")
