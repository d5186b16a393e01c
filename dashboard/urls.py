"""Every address of the product. Pages come from `views`, `/v1` from `api`."""

from django.urls import URLPattern, URLResolver, include, path

from dashboard.views import (
    errors,
    patterns,
    settings_addresses,
    settings_keys,
    settings_members,
    settings_models,
    settings_profile,
    setup,
    sign_in,
    welcome,
    workspaces,
)

handler400 = errors.bad_request
handler403 = errors.denied
handler404 = errors.missing
handler500 = errors.broken

urlpatterns: list[URLPattern | URLResolver] = [
    path("v1/", include("dashboard.api.router")),
    path("patterns", patterns.show, name="patterns"),
    path("sign-in", sign_in.sign_in, name="sign_in"),
    path("sign-out", sign_in.sign_out, name="sign_out"),
    path("setup", setup.setup, name="setup"),
    path("welcome/<str:uid>/<str:token>", welcome.welcome, name="welcome"),
    path("workspace", workspaces.switch, name="switch_workspace"),
    path("settings", settings_profile.settings, name="settings"),
    path("settings/profile", settings_profile.profile, name="settings_profile"),
    path("settings/profile/password", settings_profile.password, name="settings_password"),
    path("settings/members", settings_members.members, name="settings_members"),
    path("settings/members/<int:pk>/role", settings_members.change_role, name="settings_member_role"),
    path("settings/members/<int:pk>/removal", settings_members.remove, name="settings_member_removal"),
    path("settings/members/<int:pk>/link", settings_members.new_link, name="settings_member_link"),
    path("settings/keys", settings_keys.keys, name="settings_keys"),
    path("settings/keys/new", settings_keys.new_key, name="settings_key_new"),
    path("settings/keys/<int:pk>/revocation", settings_keys.revoke, name="settings_key_revocation"),
    path("settings/models", settings_models.models, name="settings_models"),
    path("settings/models/<str:vendor>", settings_models.connect, name="settings_model"),
    path("settings/models/<str:vendor>/removal", settings_models.disconnect, name="settings_model_removal"),
    path("settings/models/<str:vendor>/test", settings_models.try_vendor, name="settings_model_test"),
    path("settings/addresses", settings_addresses.addresses, name="settings_addresses"),
    path("settings/addresses/<int:pk>/removal", settings_addresses.remove, name="settings_address_removal"),
]
