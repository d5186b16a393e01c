"""The product's addresses with a stand-in home page, for tests that must not depend on what home shows."""

from django.http import HttpResponse
from django.urls import path

from dashboard.urls import urlpatterns as product

urlpatterns = [path("", lambda request: HttpResponse("home"), name="home"), *product]
