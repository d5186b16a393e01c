"""Django's handle on the one app."""

from importlib import import_module

from django.apps import AppConfig


class DashboardConfig(AppConfig):
    name = "dashboard"
    verbose_name = "Signalbox"

    def ready(self) -> None:
        import_module("dashboard.checks")
