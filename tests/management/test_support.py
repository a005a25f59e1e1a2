"""The services that the tests stand on do what is said of them."""

import os

import docker
import psycopg
import requests


def test_the_database_named_in_the_environment_answers():
    with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
        assert connection.execute("SELECT current_database()").fetchone() == ("buildhub",)


def test_the_engine_builds_and_pushes_to_the_registry(engine_url, registry_host, base_image):
    client = docker.DockerClient(base_url=engine_url)
    client.api.trust_env = False
    reference = f"{registry_host}/support/tried"
    client.images.get(base_image).tag(reference, tag="1")
    pushed = list(client.api.push(reference, tag="1", stream=True, decode=True, auth_config={}))
    client.close()
    assert any("aux" in record for record in pushed), pushed
    tags = requests.get(f"http://{registry_host}/v2/support/tried/tags/list", timeout=5, proxies={"http": ""}).json()
    assert tags == {"name": "support/tried", "tags": ["1"]}
