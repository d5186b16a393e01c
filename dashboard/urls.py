"""Every address of the product. Pages come from `views`, `/v1` from `api`."""

from django.urls import URLPattern, URLResolver

urlpatterns: list[URLPattern | URLResolver] = []
