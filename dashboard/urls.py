"""Every address of the product. Pages come from `views`, `/v1` from `api`."""

from django.urls import URLPattern, URLResolver, path

from dashboard.views import sign_in

urlpatterns: list[URLPattern | URLResolver] = [
    path("sign-in", sign_in.sign_in, name="sign_in"),
    path("sign-out", sign_in.sign_out, name="sign_out"),
]
