"""Bodies that do not announce their length (`Transfer-Encoding: chunked`), over ASGI as the server runs it."""

import pytest
from asgiref.sync import sync_to_async
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connections
from django.test import AsyncClient

from builds.domain.access import Role, Scope
from builds.models import Build
from builds.services.accounts.tokens import issue_token
from tests.api.making import build_add, make_member
from tests.api.test_import_and_export import document, zipped

pytestmark = pytest.mark.django_db(transaction=True)


class ChunkedClient(AsyncClient):
    """Sends a token, and no Content-Length."""

    authorization = ""

    async def request(self, **request):
        kept = [(name, value) for name, value in request["headers"] if name != b"content-length"]
        request["headers"] = [*kept, (b"authorization", self.authorization.encode())]
        answer = await super().request(**request)
        await sync_to_async(connections.close_all)()  # the thread that answered keeps its connection else
        return answer


@pytest.fixture
def client(account) -> AsyncClient:
    owner = make_member("operator", account, Role.OPERATOR)
    token = issue_token(owner=owner, account=account, name="test", scopes=list(Scope))
    client = ChunkedClient()
    client.authorization = f"Bearer {token}"
    return client


async def test_json_is_read(client):
    answer = await client.post("/v1/build", build_add(), content_type="application/json")
    assert (answer.status_code, answer.json()["buildName"]) == (200, "hello")
    assert await Build.objects.acount() == 1


async def test_json_over_2_mib_is_413_and_stores_nothing(client):
    answer = await client.post("/v1/build", build_add(buildDesc="x" * 3_000_000), content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (413, "CKSY1400000")
    assert await Build.objects.acount() == 0


async def test_an_exported_file_is_read(client):
    file = SimpleUploadedFile("build.zip", zipped(**{"build.json": document()}))
    answer = await client.post("/v1/build/import", {"dataFile": file})
    assert (answer.status_code, answer.json()["editType"]) == (200, "N")
