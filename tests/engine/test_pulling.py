"""Pulls by digest: the image comes back under the id that it had, or the failure says why it does not."""

import threading

import pytest

from builds.engine.errors import PullFailed, PullStopped
from builds.engine.types import RegistryLogin
from tests.engine.registries import OwnRegistry, htpasswd_settings
from tests.engine.support import SOON, Told, mark, request
from tests.support.waiting import free_port


@pytest.fixture
def pushed(engine, base_image, never):
    """Push an image to a repository and take it off the engine; return its id and digest."""

    def pushed(repository, *, login=None):
        image = engine.build(request(f"FROM {base_image}\nRUN echo {mark()} > /file\n"), Told(), never)
        engine.tag_image(image, repository, "1")
        digest = engine.push(repository, "1", login=login, on_update=lambda _: None, stopping=never)
        engine.remove_image(f"{repository}:1")
        assert not engine.image_exists(image)
        return image, digest

    return pushed


@pytest.fixture
def pull(engine, never):
    def pull(repository, digest, *, login=None, stopping=never):
        return engine.pull(repository, digest, login=login, on_update=lambda _: None, stopping=stopping)

    return pull


def test_a_pulled_image_has_the_id_that_it_was_built_with(engine, pushed, pull, registry_host):
    repository = f"{registry_host}/tests/{mark()}"
    image, digest = pushed(repository)
    assert pull(repository, digest) == image
    assert pull(repository, digest) == image  # again is no error
    engine.remove_image(f"{repository}@{digest}")
    assert not engine.image_exists(image)


def test_what_the_registry_does_not_have_is_missing(pushed, pull, registry_host):
    repository = f"{registry_host}/tests/{mark()}"
    pushed(repository)
    for name in (repository, f"{registry_host}/tests/{mark()}"):
        with pytest.raises(PullFailed) as caught:
            pull(name, "sha256:" + "0" * 64)
        assert caught.value.missing


def test_a_registry_with_a_password_gives_it_to_who_has_it(engine, pushed, pull, tmp_path):
    login = RegistryLogin("tester", "hush-hush")
    with OwnRegistry(tmp_path, **htpasswd_settings(tmp_path)) as own:
        repository = f"{own.host}/closed/image"
        image, digest = pushed(repository, login=login)
        with pytest.raises(PullFailed) as caught:
            pull(repository, digest, login=RegistryLogin("tester", "guessed-it"))
        assert not caught.value.missing
        assert "guessed-it" not in str(caught.value)
        assert pull(repository, digest, login=login) == image
    engine.remove_image(f"{repository}@{digest}")


def test_a_registry_that_is_away_is_unreachable(pull):
    with pytest.raises(PullFailed) as caught:
        pull(f"127.0.0.1:{free_port()}/tests/image", "sha256:" + "0" * 64)
    assert not caught.value.missing


def test_a_stop_breaks_a_pull_off_that_a_registry_holds_up(pushed, pull, tmp_path):
    with OwnRegistry(tmp_path) as own:
        repository = f"{own.host}/tests/image"
        _, digest = pushed(repository)
        own.freeze()
        stopping, ended = threading.Event(), threading.Event()

        def run():
            with pytest.raises(PullStopped):
                pull(repository, digest, stopping=stopping)
            ended.set()

        thread = threading.Thread(target=run)
        thread.start()
        stopping.set()
        assert ended.wait(SOON)
        thread.join()


def test_a_newer_engines_words_for_a_missing_image_are_understood():
    words = "manifest for h/x@sha256:0 not found: manifest unknown: manifest unknown"
    assert PullFailed(words).missing
