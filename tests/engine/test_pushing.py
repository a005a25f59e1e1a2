"""Pushes from a real engine to real registries, and every way to fail."""

import threading

import pytest

from builds.engine.docker import Engine
from builds.engine.errors import ConnectionLost, PushFailed, PushStopped
from builds.engine.registry import RegistryClient
from builds.engine.transfers import TransferStream
from builds.engine.types import RegistryLogin
from tests.engine.registries import OwnRegistry, htpasswd_settings
from tests.engine.relay import Relay
from tests.engine.support import SOON, Told, mark, request
from tests.support.waiting import free_port


@pytest.fixture
def image(engine, base_image, never):
    """The id of an image with a layer of its own."""
    return engine.build(request(f"FROM {base_image}\nRUN echo {mark()} > /file\n"), Told(), never)


@pytest.fixture
def push(engine, image, never):
    """Tag the image for a repository and push it there."""

    def push(repository, *, login=None, on_update=lambda _: None, stopping=never):
        engine.tag_image(image, repository, "1")
        return engine.push(repository, "1", login=login, on_update=on_update, stopping=stopping)

    return push


def test_the_digest_of_a_push_is_the_one_that_the_registry_gives_back(push, registry_host):
    name, updates = f"tests/{mark()}", []
    digest = push(f"{registry_host}/{name}", on_update=updates.append)
    with RegistryClient(registry_host, plain_http=True) as registry:
        assert registry.digest(name, "1") == digest
        assert registry.manifest(name, "1").size_bytes > 500_000
    assert {update.status for update in updates} >= {"Pushed"}
    assert all(update.layer for update in updates)


def test_pushing_again_gives_the_same_digest(push, registry_host):
    repository = f"{registry_host}/tests/{mark()}"
    assert push(repository) == push(repository)


def test_the_digest_is_read_from_either_form_of_the_last_word():
    digest, said = f"sha256:{'0a' * 32}", []
    for last in ({"aux": {"Tag": "1", "Digest": digest, "Size": 696}}, {"status": f"1: digest: {digest} size: 696"}):
        stream = TransferStream(said.append)
        stream.take({"status": "The push refers to repository [127.0.0.1:5000/tests/image]"})
        stream.take({"status": f"digest: {digest}", "id": "layer"})
        assert stream.digest == ""
        stream.take(last)
        assert stream.digest == digest
    assert [update.layer for update in said] == ["layer", "layer"]


def test_a_layer_that_the_engine_has_begun_anew_is_remembered():
    stream = TransferStream(lambda _: None)
    stream.take({"id": "layer", "status": "Pushing"})
    assert not stream.retried
    stream.take({"id": "layer", "status": "Retrying in 5 seconds"})
    stream.take({"id": "layer", "status": "Pushing"})
    assert stream.retried


def test_an_answer_that_ends_without_its_last_word_is_a_lost_connection(
    engine, engine_socket, image, registry_host, never
):
    name = f"tests/{mark()}"
    engine.tag_image(image, f"{registry_host}/{name}", "1")
    with (
        Relay(engine_socket, cut_before=b"digest: sha256:") as relay,
        RegistryClient(registry_host, plain_http=True) as registry,
    ):
        behind = Engine(relay.endpoint)
        with pytest.raises(ConnectionLost, match="neither a digest nor an error"):
            behind.push(f"{registry_host}/{name}", "1", login=None, on_update=lambda _: None, stopping=never)
        behind.close()
        assert registry.manifest(name, "1").is_of(image)
        assert not registry.manifest(name, "1").is_of(f"sha256:{'0' * 64}")


def test_a_registry_with_a_password_takes_the_push_with_it_and_refuses_without(push, tmp_path):
    with OwnRegistry(tmp_path, **htpasswd_settings(tmp_path)) as own:
        repository = f"{own.host}/closed/image"
        for login in (None, RegistryLogin("tester", "guessed-it")):
            with pytest.raises(PushFailed) as caught:
                push(repository, login=login)
            assert (caught.value.kind.id, caught.value.retryable) == ("registry.unauthorized", False)
            assert "guessed-it" not in str(caught.value)
        assert push(repository, login=RegistryLogin("tester", "hush-hush")).startswith("sha256:")


def test_a_port_where_nothing_listens_may_be_tried_again(push):
    with pytest.raises(PushFailed, match="connection refused") as caught:
        push(f"127.0.0.1:{free_port()}/tests/image")
    assert (caught.value.kind.id, caught.value.retryable) == ("registry.unreachable", True)


def test_a_host_that_nobody_knows_is_named_so(push):
    with pytest.raises(PushFailed) as caught:
        push("registry.invalid:5000/tests/image")
    # The latter where even the name server is missing.
    assert caught.value.kind.id in {"registry.unknown_host", "registry.unreachable"}
    assert "registry.invalid" in caught.value.message


def test_an_image_that_the_engine_has_not_is_missing(engine, registry_host, never):
    with pytest.raises(PushFailed) as caught:
        engine.push(f"{registry_host}/{mark()}", "1", login=None, on_update=lambda _: None, stopping=never)
    assert (caught.value.kind.id, caught.value.retryable) == ("image.taken", False)


def test_a_registry_that_dies_between_two_pushes_fails_the_second(push, tmp_path):
    with OwnRegistry(tmp_path) as own:
        repository = f"{own.host}/tests/image"
        push(repository)
        own.kill()
        with pytest.raises(PushFailed) as caught:
            push(repository)
    assert caught.value.kind.id == "registry.unreachable"


def test_a_stop_breaks_a_push_off_that_a_registry_holds_up(push, tmp_path):
    with OwnRegistry(tmp_path) as own:
        own.freeze()
        stopping, ended = threading.Event(), threading.Event()

        def run():
            with pytest.raises(PushStopped):
                push(f"{own.host}/tests/image", stopping=stopping)
            ended.set()

        thread = threading.Thread(target=run)
        thread.start()
        stopping.set()
        assert ended.wait(SOON)
        thread.join()


def test_a_stop_in_the_middle_of_the_upload_leaves_no_tag(engine, base_image, registry_host, never):
    stopping, name, updates = threading.Event(), f"tests/{mark()}", []
    large = f"FROM {base_image}\nRUN : {name}; dd if=/dev/urandom of=/large bs=1M count=40\n"
    engine.build(request(large, tags=(f"{registry_host}/{name}:1",)), Told(), never)

    def stop_in_upload(update):
        updates.append(update)
        if update.status == "Pushing" and update.current:
            stopping.set()

    with pytest.raises(PushStopped):
        engine.push(f"{registry_host}/{name}", "1", login=None, on_update=stop_in_upload, stopping=stopping)
    with RegistryClient(registry_host, plain_http=True) as registry:
        assert registry.digest(name, "1") is None


@pytest.mark.parametrize(
    ("message", "kind", "retryable"),
    [
        ("denied: requested access to the resource is denied", "registry.denied", False),
        ("unauthorized: authentication required", "registry.unauthorized", False),
        ("no basic auth credentials", "registry.unauthorized", False),
        ("received unexpected HTTP status: 503 Service Unavailable", "registry.failed", True),
        ("toomanyrequests: You have reached your limit", "registry.busy", True),
        ("dial tcp: lookup nowhere.test: no such host", "registry.unknown_host", False),
        ('Get "https://h/v2/": net/http: TLS handshake timeout', "registry.unreachable", True),
        ('Get "https://h/v2/": x509: certificate signed by unknown authority', "registry.certificate", False),
        ("http: server gave HTTP response to HTTPS client", "registry.certificate", False),
        ("write tcp 127.0.0.1:1->127.0.0.1:2: write: connection reset by peer", "registry.unreachable", True),
        ("An image does not exist locally with the tag: x", "image.taken", False),
        ("write /var/lib/docker/tmp/x: no space left on device", "build.disk_full", False),
        ("something that nobody has seen", "registry.failed", True),
    ],
)
def test_the_words_of_an_engine_are_understood(message, kind, retryable):
    error = PushFailed(message)
    assert (error.kind.id, error.retryable, error.message) == (kind, retryable, message)
    assert not PushFailed(message, retried=True).retryable
