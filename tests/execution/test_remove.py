"""Removing images and builds: tags go only when they are still ours, rows stay as tombstones."""

from builds.domain.access import Role
from builds.engine.registry import RegistryClient
from builds.models import Account, Build, BuildRun
from builds.services.accounts.access import caller_for
from builds.services.runs.cancel_and_remove import request_build_removal, request_remove
from tests.support.people import make_person
from tests.support.runs import ended, press


def tags_of(host: str, name: str) -> list[str]:
    """Return the tags that the registry has."""
    with RegistryClient(host, plain_http=True) as registry:
        return registry.tags(name)


def test_removing_a_run_takes_its_tag_and_leaves_a_tombstone(workers, caller, build_of, registry_host):
    run = ended(press(build_of("RUN echo remove-me > /r", name="remove-one"), caller))
    assert tags_of(registry_host, "remove-one") == ["1"]
    removal = ended(request_remove(run_id=run.pk, caller=caller))
    assert (removal.run_type, removal.run_state) == ("REMOVE", "DONE")
    assert tags_of(registry_host, "remove-one") == []
    run.refresh_from_db()
    assert run.removed_at is not None
    assert run.image_digest  # kept for Activity
    assert not BuildRun.objects.visible_to(caller).filter(pk=run.pk).exists()
    assert Build.objects.get(pk=run.build_id).last_run is None


def test_a_tag_that_a_newer_run_owns_stays(workers, caller, build_of, registry_host):
    build = build_of("RUN echo first > /r", name="remove-old")
    old = ended(press(build, caller))
    step = build.steps.get()
    step.config = {**step.config, "docker_file": step.config["docker_file"].replace("first", "second")}
    step.save()
    new = ended(press(build, caller))
    assert old.image_digest != new.image_digest
    removal = ended(request_remove(run_id=old.pk, caller=caller))
    assert removal.run_state == "DONE"
    assert f"run {new.pk}" in removal.end_message
    with RegistryClient(registry_host, plain_http=True) as registry:
        assert registry.digest("remove-old", "1") == new.image_digest


def test_removing_a_build_removes_its_images_and_hides_it(workers, caller, build_of, registry_host):
    build = build_of(
        "RUN echo all > /r", name="remove-all", auto_tag=True, auto_tag_prefix="v", auto_tag_sequence="SEQUENCE"
    )
    ended(press(build, caller))
    ended(press(build, caller))
    assert sorted(tags_of(registry_host, "remove-all")) == ["v-00001", "v-00002"]
    admin = caller_for(make_person("admin", Role.ADMIN, Account.objects.get()))
    removal = ended(request_build_removal(build_id=build.pk, caller=admin))
    assert removal.run_state == "DONE"
    assert tags_of(registry_host, "remove-all") == []
    assert not Build.objects.visible_to(admin).exists()
