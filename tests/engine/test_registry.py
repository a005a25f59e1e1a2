"""A real registry: what a tag points to, sizes, lists, and taking one tag away."""

import pytest

from builds.engine.errors import RegistryRefused, RegistryUnreachable
from builds.engine.registry import RegistryClient
from builds.engine.registry_session import is_local
from builds.engine.registry_untag import NO_MANIFEST
from builds.engine.types import DeletedTag
from tests.engine.registries import OwnRegistry, put_image
from tests.engine.support import mark
from tests.support.waiting import free_port


@pytest.fixture
def registry(registry_host):
    with RegistryClient(registry_host, plain_http=True) as registry:
        yield registry


@pytest.fixture
def name():
    """A repository of this test's own."""
    return f"tests/{mark()}"


def test_a_manifest_tells_digest_kind_and_compressed_size(registry, name):
    digest = put_image(registry, name, "1", layers=(b"x" * 1000, b"y" * 500), content="c")
    facts = registry.manifest(name, "1")
    assert facts.digest == digest == registry.digest(name, "1")
    assert facts.size_bytes == 1500 + len('{"content": "c"}')
    assert registry.manifest(name, digest) == facts


def test_what_is_not_there_is_none(registry, name):
    assert registry.manifest(name, "1") is None
    assert registry.digest(name, "1") is None
    assert registry.tags(name) == []
    assert registry.delete_manifest(name, f"sha256:{'1' * 64}") is False


def test_tags_are_listed_over_several_pages(registry, name, monkeypatch):
    monkeypatch.setattr("builds.engine.registry.TAGS_A_PAGE", 2)
    wanted = [f"v{number}" for number in range(5)]
    for tag in wanted:
        put_image(registry, name, tag)
    assert sorted(registry.tags(name)) == wanted


def test_a_tag_with_a_digest_of_its_own_goes_with_its_manifest(registry, name):
    digest = put_image(registry, name, "1", content="one")
    put_image(registry, name, "2", content="two")
    assert registry.delete_tag(name, "1", digest=digest) == DeletedTag(deleted=True)
    assert registry.tags(name) == ["2"]
    assert registry.manifest(name, digest) is None


def test_siblings_of_the_same_digest_stay(registry, name):
    digest = put_image(registry, name, "1")
    assert put_image(registry, name, "2") == digest
    assert registry.delete_tag(name, "1", digest=digest) == DeletedTag(deleted=True)
    assert registry.digest(name, "1") is None
    assert registry.digest(name, "2") == digest
    assert registry.tags(name) == ["2"]


def test_the_same_digest_in_another_repository_stays(registry, name):
    digest = put_image(registry, name, "1")
    put_image(registry, f"{name}/other", "1")
    registry.delete_tag(name, "1", digest=digest)
    assert registry.digest(f"{name}/other", "1") == digest


def test_a_tag_that_has_moved_on_is_left_alone(registry, name):
    before = put_image(registry, name, "1", content="before")
    after = put_image(registry, name, "1", content="after")
    assert registry.delete_tag(name, "1", digest=before) == DeletedTag(deleted=False, now_points_to=after)
    assert registry.digest(name, "1") == after


def test_a_tag_that_is_gone_already_is_no_error(registry, name):
    digest = put_image(registry, name, "1")
    registry.delete_tag(name, "1", digest=digest)
    assert registry.delete_tag(name, "1", digest=digest) == DeletedTag(deleted=False, now_points_to=None)


@pytest.mark.parametrize("siblings", [0, 1])
def test_a_registry_without_deletion_refuses_and_keeps_every_tag(tmp_path, name, siblings):
    with OwnRegistry(tmp_path, delete=False) as own, RegistryClient(own.host, plain_http=True) as registry:
        tags = [f"v{number}" for number in range(siblings + 1)]
        (digest,) = {put_image(registry, name, tag) for tag in tags}
        with pytest.raises(RegistryRefused, match="UNSUPPORTED") as caught:
            registry.delete_tag(name, "v0", digest=digest)
        assert caught.value.status == 405
        assert [registry.digest(name, tag) for tag in tags] == [digest] * len(tags)


def test_a_stand_in_that_cannot_be_deleted_gives_the_tag_back(registry, name, monkeypatch):
    digest = put_image(registry, name, "1")
    put_image(registry, name, "2")
    delete = registry.delete_manifest

    def refuse_what_is_there(name, digest):
        if delete(name, NO_MANIFEST) is False and digest == NO_MANIFEST:
            return False
        raise RegistryRefused("delete", "no deletion today", status=500)

    monkeypatch.setattr(registry, "delete_manifest", refuse_what_is_there)
    with pytest.raises(RegistryRefused, match="no deletion today"):
        registry.delete_tag(name, "1", digest=digest)
    assert registry.digest(name, "1") == digest
    assert registry.digest(name, "2") == digest


def test_a_registry_that_does_not_listen_is_unreachable():
    with pytest.raises(RegistryUnreachable, match="Connection refused"):
        RegistryClient(f"127.0.0.1:{free_port()}", plain_http=True).ping()


def test_a_registry_that_hangs_is_unreachable_within_the_time_given(tmp_path):
    with OwnRegistry(tmp_path) as own:
        own.freeze()
        with pytest.raises(RegistryUnreachable, match="timed out"):
            RegistryClient(own.host, plain_http=True, timeout=0.3).ping()


def test_a_proxy_of_the_environment_does_not_matter(registry_host, monkeypatch):
    for variable in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(variable, "http://127.0.0.1:9")
    assert RegistryClient(registry_host, plain_http=True).manifest("nobody/nothing", "never") is None


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("127.0.0.1:5000", True),
        ("127.9.9.9", True),
        ("localhost:1", True),
        ("[::1]:5000", True),
        ("registry.test", False),
        ("10.0.0.1:5000", False),
        ("localhost.test", False),
    ],
)
def test_plain_http_is_for_registries_of_this_machine(host, local):
    assert is_local(host) is local
