"""What a build may know and an image must not: mounted secrets, an SSH agent, logins of base images' registries."""

import json
import shutil
import subprocess
from functools import partial
from pathlib import Path

import docker
import pytest

from builds.engine.context import FILES
from builds.engine.docker import Engine
from builds.engine.errors import BuildFailed, KeyUnusable
from builds.engine.session_files import Entry, pieces
from builds.engine.ssh_agent import agent_with, ask_agent
from builds.engine.types import BuildSecrets, Endpoint, RegistryLogin
from tests.engine.certificates import Authority
from tests.engine.registries import OwnRegistry, htpasswd_settings, token_service
from tests.engine.support import Told, mark, request
from tests.support.git_servers import make_key
from tests.support.images import make_base_image
from tests.support.services import Services

MOUNT = "--mount=type=secret,id=token"
LIST_IDENTITIES = b"\0\0\0\x01\x0b"


class Programs:
    """A program of this machine with its libraries, as files of a build."""

    def __init__(self, name: str) -> None:
        self._path = Path(shutil.which(name) or "")
        linked = subprocess.run(["ldd", self._path], capture_output=True, text=True, check=True).stdout
        self._libraries = [Path(word) for line in linked.splitlines() for word in line.split() if word.startswith("/")]

    def entries(self, asked):
        """Return program and libraries, flat, and the loader where it is looked for."""
        for path in {one.name: one for one in (self._path, *self._libraries)}.values():
            data = path.read_bytes()
            yield Entry(path.name, len(data), partial(pieces, data), mode=0o755)


def history(engine_url: str, image: str) -> str:
    """Return all that an engine tells of an image: history, configuration, labels."""
    client = docker.APIClient(base_url=engine_url, version="auto")
    client.trust_env = False
    try:
        return json.dumps([client.history(image), client.inspect_image(image)])
    finally:
        client.close()


def test_a_mounted_secret_is_read_and_is_in_neither_history_nor_image(engine, engine_url, base_image, never):
    word, told = mark(), Told()
    image = engine.build(
        request(
            f"FROM {base_image}\nRUN {MOUNT} : {mark()}; wc -c < /run/secrets/token; cat /run/secrets/token\n"
            "RUN ls /run/secrets 2>&1 || true\n",
            secrets=BuildSecrets(mounted={"token": f"{word}\nä"}),
        ),
        told,
        never,
    )
    assert told.stdout() == f"{len(word) + 3}\n{word}\nä".encode()
    assert word not in history(engine_url, image)


@pytest.mark.parametrize(("required", "fails"), [("true", True), ("false", False)])
def test_a_secret_that_a_build_does_not_have_is_told_where_it_is_required(engine, base_image, never, required, fails):
    asked = request(f"FROM {base_image}\nRUN {MOUNT},required={required} : {mark()}; ls /run/secrets/token || true\n")
    if not fails:
        assert engine.build(asked, Told(), never)
        return
    with pytest.raises(BuildFailed) as caught:
        engine.build(asked, Told(), never)
    assert "secret token" in caught.value.message
    assert "not found" in caught.value.message


def test_an_agent_signs_for_a_build_that_never_sees_the_key(engine, engine_url, base_image, never, tmp_path):
    private, public = make_key(tmp_path / "key")
    told, programs = Told(), Programs("ssh-add")
    asked = request(
        f"FROM {base_image}\nCOPY . /lib/x86_64-linux-gnu/\n"
        "RUN mkdir -p /lib64; ln -s /lib/x86_64-linux-gnu/ld-linux-x86-64.so.2 /lib64/ld-linux-x86-64.so.2\n"
        f"RUN --mount=type=ssh : {mark()}; /lib/x86_64-linux-gnu/ssh-add -L; /lib/x86_64-linux-gnu/ssh-add -L\n"
    )
    asked.context = {**asked.context, FILES: programs}
    with agent_with(private, tmp_path) as agent:
        asked.secrets = BuildSecrets(ssh_agent=agent)
        image = engine.build(asked, told, never)
    key = public.split()[1]
    assert [line.split()[1] for line in told.stdout().decode().splitlines()] == [key, key]
    assert private.splitlines()[1] not in history(engine_url, image)


def test_an_agent_of_another_name_is_told_as_missing(engine, base_image, never, tmp_path):
    with agent_with(make_key(tmp_path / "key")[0], tmp_path) as agent:
        asked = request(
            f"FROM {base_image}\nRUN --mount=type=ssh,id=other,required=true : {mark()}\n",
            secrets=BuildSecrets(ssh_agent=agent),
        )
        with pytest.raises(BuildFailed) as caught:
            engine.build(asked, Told(), never)
    assert "this build has one SSH key, whose id is default" in caught.value.message


def test_an_agent_holds_a_key_for_its_block_only(tmp_path):
    with agent_with(make_key(tmp_path / "key")[0], tmp_path) as agent:
        assert ask_agent(agent, LIST_IDENTITIES)[4:9] == b"\x0c\0\0\0\x01"  # IDENTITIES_ANSWER of one key
    assert not Path(agent).exists()
    with pytest.raises(KeyUnusable, match="passphrase"), agent_with(make_key(tmp_path / "hers", "hush")[0], tmp_path):
        pass


def private_base(engine, engine_url, registry, login, never) -> str:
    """Push a base image to a registry that asks for a login, take it off the engine; return its name."""
    name = f"{registry.host}/closed/base"
    image = engine.build(request(f"FROM {make_base_image(engine_url)}\nRUN echo {mark()} > /file\n"), Told(), never)
    engine.tag_image(image, name, "1")
    engine.push(name, "1", login=login, on_update=lambda _: None, stopping=never)
    engine.remove_image(f"{name}:1")
    return f"{name}:1"


@pytest.fixture(params=["basic", "token"])
def closed(request, tmp_path):
    """A registry that asks for a login, by HTTP Basic or by a token service, and that login."""
    if request.param == "basic":
        with OwnRegistry(tmp_path, **htpasswd_settings(tmp_path)) as registry:
            yield registry, RegistryLogin("tester", "hush-hush")
        return
    with (
        token_service(Authority().issue("tests"), user="tester", password="hush-hush") as service,
        OwnRegistry(tmp_path, **service.settings(tmp_path)) as registry,
    ):
        yield registry, RegistryLogin("tester", "hush-hush")


def test_a_private_base_is_pulled_with_the_login_of_its_host_and_with_no_other(engine, engine_url, closed, never):
    registry, login = closed
    base = private_base(engine, engine_url, registry, login, never)
    for logins in ({}, {"127.0.0.1:1": login}, {registry.host: RegistryLogin("tester", "guessed-it")}):
        asked = request(f"FROM {base}\nRUN echo {mark()}\n", secrets=BuildSecrets(login_of=logins.get))
        with pytest.raises(BuildFailed) as caught:
            engine.build(asked, Told(), never)
        assert "guessed-it" not in caught.value.message
    asked = request(f"FROM {base}\nRUN echo {mark()}\n", secrets=BuildSecrets(login_of={registry.host: login}.get))
    assert "hush-hush" not in history(engine_url, engine.build(asked, Told(), never))


def test_a_cache_in_the_registry_is_taken_by_an_engine_that_has_none(engine, engine_url, registry_host, never):
    word, name = mark(), f"{registry_host}/cached/{mark()}"

    def push(image: str, tag: str) -> str:
        engine.tag_image(image, name, tag)
        engine.push(name, tag, login=None, on_update=lambda _: None, stopping=never)
        engine.remove_image(f"{name}:{tag}")
        return f"{name}:{tag}"

    base = push(engine.build(request(f"FROM {make_base_image(engine_url)}\nRUN : {word}\n"), Told(), never), "base")
    dockerfile = f"FROM {base}\nRUN echo {word} > /file\n"
    # There is nothing to take a cache from yet, which is no failure.
    image = engine.build(request(dockerfile, cache_from=(f"{name}:1",)), Told(), never)
    assert "BUILDKIT_INLINE_CACHE" not in history(engine_url, image)
    push(image, "1")
    services, told = Services(), Told()
    try:
        other = Engine(Endpoint(services.engine()))
        assert other.build(request(dockerfile, cache_from=(f"{name}:1",)), told, never)
        other.close()
    finally:
        services.stop()
    assert told.last(f"RUN echo {word}").cached
