"""Names of images, base images without pulling, and what is left under a label."""

import pytest

from builds.engine.base_image import busybox_files
from builds.engine.client import EngineClient
from builds.engine.errors import EngineRefused
from builds.engine.types import Leftover, Link
from tests.engine.support import Told, mark, request


@pytest.fixture
def client(engine, engine_endpoint):
    with EngineClient(engine_endpoint, timeout=10, version=engine.api_spoken) as client:
        yield client


def test_a_name_can_be_given_and_taken_and_taken_again(engine, base_image, never):
    image_id = engine.build(request(f"FROM {base_image}\nRUN echo {mark()}\n"), Told(), never)
    name = f"tests/{mark()}"
    engine.tag_image(image_id, name, "1")
    assert engine.image_facts(f"{name}:1").id == image_id
    engine.remove_image(f"{name}:1")
    assert not engine.image_exists(f"{name}:1")
    engine.remove_image(f"{name}:1")


def test_a_name_for_an_image_that_is_not_there_is_refused(engine):
    with pytest.raises(EngineRefused) as caught:
        engine.tag_image(f"sha256:{'1' * 64}", "tests/image", "1")
    assert caught.value.status == 404


def test_a_base_image_is_made_of_given_files_and_runs(engine, never):
    reference, told = f"tests/{mark()}:1", Told()
    files = {**busybox_files(), "etc/motto": b"build it\n", "etc/other": Link("motto")}
    engine.load_base_image(reference, files)
    dockerfile = f"FROM {reference}\nRUN cat /etc/other; id -un; touch /tmp/x && ls -ld /tmp\n"
    engine.build(request(dockerfile), told, never)
    motto, user, folder = told.stdout().decode().splitlines()
    assert (motto, user, folder.split()[0]) == ("build it", "root", "drwxrwxrwt")


def test_what_is_left_under_labels_is_found_and_removed_and_nothing_else(engine, client, base_image):
    word = mark()
    ours, others = {"buildhub.run": word, "buildhub.attempt": "1"}, {"buildhub.run": word, "buildhub.attempt": "2"}
    for number, labels in enumerate((ours, others)):
        client.create_volume(f"{word}-{number}", labels=labels)
    container = client.create_container(base_image, ["sleep", "300"], name=f"c-{word}", labels=ours)["Id"]
    client.start(container)
    found = set(engine.leftovers(ours))
    assert found == {Leftover("container", container, f"c-{word}"), Leftover("volume", f"{word}-0", f"{word}-0")}
    engine.remove_leftovers(ours)
    assert engine.leftovers(ours) == ()
    assert [left.name for left in engine.leftovers({"buildhub.run": word})] == [f"{word}-1"]
    engine.remove_leftovers({"buildhub.run": word})
    engine.remove_leftovers({"buildhub.run": word})


def test_no_label_is_never_taken_for_everything(engine):
    with pytest.raises(ValueError, match="no label"):
        engine.remove_leftovers({})
