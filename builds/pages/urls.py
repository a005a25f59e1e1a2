"""Addresses of the pages (docs/contract.md, "Pages")."""

from django.contrib.auth.views import LogoutView
from django.urls import path, register_converter
from django.urls.converters import IntConverter

from builds.pages.views import (
    account,
    actions,
    activity,
    builds,
    callbacks,
    docs,
    health,
    queue,
    registries,
    runs,
    servers,
    session,
    sources,
    steps,
    tokens,
)


class SeqConverter(IntConverter):
    """A number that fits a key: anything longer is no address."""

    regex = "[0-9]{1,18}"


register_converter(SeqConverter, "seq")

urlpatterns = [
    path("", builds.builds, name="builds"),
    path("builds/new", builds.new, name="new-build"),
    path("builds/import", builds.import_build, name="import-build"),
    path("builds/source/check", sources.check_source, name="check-source"),
    path("builds/<seq:build_seq>", builds.build, name="build"),
    path("builds/<seq:build_seq>/edit", builds.edit, name="edit-build"),
    path("builds/<seq:build_seq>/steps", steps.edit, name="build-steps"),
    path("builds/<seq:build_seq>/context", actions.upload_context, name="upload-context"),
    path("builds/<seq:build_seq>/run", actions.start_run, name="start-run"),
    path("builds/<seq:build_seq>/remove", actions.remove_build, name="remove-build"),
    path("runs/<seq:run_seq>", runs.run, name="run"),
    path("runs/<seq:run_seq>/plain", runs.plain, name="plain-run"),
    path("runs/<seq:run_seq>/log.txt", runs.raw_log, name="raw-log"),
    path("runs/<seq:run_seq>/cancel", actions.cancel_run, name="cancel-run"),
    path("runs/<seq:run_seq>/remove", actions.remove_run, name="remove-run"),
    path("runs/<seq:run_seq>/push", actions.push_again, name="push-again"),
    path("runs/<seq:run_seq>/instructions/<str:vertex>", runs.first_line, name="first-line"),
    path("runs/<seq:run_seq>/export", runs.export, name="export-run"),
    path("runs/<seq:run_seq>/callbacks", callbacks.callbacks, name="callbacks"),
    path("runs/<seq:run_seq>/callbacks/<seq:number>/resend", callbacks.resend, name="resend-callback"),
    path("queue", queue.queue, name="queue"),
    path("queue/front", queue.front, name="front-in-queue"),
    path("queue/cancel", queue.cancel, name="cancel-in-queue"),
    path("registries", registries.registries, name="registries"),
    path("registries/new", registries.new, name="new-registry"),
    path("registries/<seq:registry_seq>/edit", registries.edit, name="edit-registry"),
    path("registries/<seq:registry_seq>/test", registries.test, name="test-registry"),
    path("registries/<seq:registry_seq>/switch", registries.switch, name="switch-registry"),
    path("registries/<seq:registry_seq>/remove", registries.remove, name="remove-registry"),
    path("servers", servers.servers, name="servers"),
    path("servers/new", servers.new, name="new-server"),
    path("servers/<seq:server_seq>/edit", servers.edit, name="edit-server"),
    path("servers/<seq:server_seq>/test", servers.test, name="test-server"),
    path("servers/<seq:server_seq>/drain", servers.drain, name="drain-server"),
    path("servers/<seq:server_seq>/switch", servers.switch, name="switch-server"),
    path("servers/<seq:server_seq>/remove", servers.remove, name="remove-server"),
    path("activity", activity.activity, name="activity"),
    path("account", account.account, name="account"),
    path("account/webhook-secret", account.webhook_secret, name="webhook-secret"),
    path("account/members", account.members, name="members"),
    path("account/members/<seq:membership_seq>/role", account.change_role, name="change-role"),
    path("account/members/<seq:membership_seq>/remove", account.remove_member, name="remove-member"),
    path("account/tokens", tokens.tokens, name="tokens"),
    path("account/tokens/<seq:token_seq>/revoke", tokens.revoke, name="revoke-token"),
    path("docs/api", docs.api, name="api-docs"),
    path("docs/errors", docs.errors, name="errors"),
    path("docs/errors/<slug:code>", docs.error, name="error-page"),
    path("accounts/login/", session.SignIn.as_view(), name="login"),
    path("accounts/logout/", LogoutView.as_view(), name="logout"),
    path("favicon.ico", session.favicon, name="favicon"),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
]
