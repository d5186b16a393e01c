"""The server's front: what stands before Django (limits, lifespan) and behind it (streams)."""

import os
import warnings
from typing import Any

from django.core.asgi import get_asgi_application

# WhiteNoise hands out static files as ordinary iterators; Django reads them in a thread, which is what is wanted here.
warnings.filterwarnings("ignore", message="StreamingHttpResponse must consume synchronous iterators")
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")
_django: Any = get_asgi_application()

from dashboard.api.limits import LimitBody  # noqa: E402 - Django has to be set up before our rooms are imported
from dashboard.lifespan import Lifespan  # noqa: E402
from dashboard.relay.handoff import Handoff  # noqa: E402

application = Lifespan(LimitBody(Handoff(_django)))
