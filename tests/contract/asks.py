"""One request for each operation of the API, on a world in which all of them answer with something to look at."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

from builds.models import Build, BuildRun, Registry
from builds.services.accounts.access import caller_for
from builds.services.runs.parameters import RunAsk
from builds.services.runs.start import start_run
from tests.api.making import begin, build_add, end, image_step, say
from tests.support.archives import tar_of


@dataclass
class Scene:
    """A build with a done run that has a log and callbacks, and one that waits; an instance admin's client."""

    client: APIClient
    prefix: str
    build: Build
    done: BuildRun
    waiting: BuildRun

    @property
    def step(self) -> int:
        """Return the number of the done run's image step."""
        return int(self.done.steps.get(order=1).pk)

    def call(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        """Send a request; `query` becomes its query."""
        data = query if method == "get" else body
        address = f"{self.prefix}{path}"
        if method != "get" and query:
            address += "?" + "&".join(f"{name}={value}" for name, value in query.items())
        if body is not None and "dataFile" in body:
            return self.client.post(address, body, format="multipart")
        return getattr(self.client, method)(address, data, **({} if method == "get" else {"format": "json"}))


def make_scene(prefix: str, client: APIClient, admin: User, build: Build) -> Scene:
    """Make builds and runs through the services; `build` queues further presses."""
    Build.objects.filter(pk=build.pk).update(when_running="QUEUE")
    caller = caller_for(admin)
    ask = RunAsk(description="first", callback_url="https://ci.example.com/hook?key=1")
    done = start_run(build_id=build.pk, caller=caller, ask=ask)
    lease = begin(done)
    say(lease, b"hello\n", step=done.steps.get(order=1).pk)
    end(lease)
    waiting = start_run(build_id=build.pk, caller=caller)
    done.refresh_from_db()
    return Scene(client, prefix, build, done, waiting)


def _import(scene: Scene) -> Any:
    archive = scene.call("get", f"/build/run/{scene.done.pk}/export")
    file = SimpleUploadedFile("build.zip", archive.content, content_type="application/zip")
    return scene.call("post", "/build/import", {"dataFile": file})


def _upload(scene: Scene) -> Any:
    file = SimpleUploadedFile("context.tar", tar_of(Dockerfile=b"FROM scratch"))
    return scene.call("post", f"/build/{scene.build.pk}/context", {"dataFile": file})


def _remove_build(scene: Scene) -> Any:
    scene.client.post("/v1/build", build_add(imageName="empty"), format="json")
    return scene.call("delete", f"/build/{Build.objects.get(image_name='empty').pk}")


def _server(scene: Scene) -> int:
    body = {"buildServerName": "arm", "buildServerHost": "topic:arm"}
    return int(scene.client.post("/v1/build/server", body, format="json").json()["buildServerSeq"])


def _registry(scene: Scene) -> int:
    body = {"registryName": "mine", "registryUrl": "127.0.0.1:1", "plainHttp": True}
    return int(scene.client.post("/v1/build/registry", body, format="json").json()["externalRegistrySeq"])


def _edited(scene: Scene) -> dict[str, Any]:
    """Return what a client that sends an answer back would send."""
    return {**scene.client.get(f"/v1/build/{scene.build.pk}").json(), "editType": "U"}


ASKS: dict[str, Callable[[Scene], Any]] = {
    "listBuilds": lambda to: to.call("get", "/build"),
    "createBuild": lambda to: to.call("post", "/build", build_add(imageName="new")),
    "listBuildNames": lambda to: to.call("get", "/build/names"),
    "countBuilds": lambda to: to.call("get", f"/build/count/{to.build.account_id}"),
    "importBuild": _import,
    "testSource": lambda to: to.call(
        "post", "/build/source/test", {"repositoryUrl": "http://127.0.0.1:1/team/app.git"}
    ),
    "getBuild": lambda to: to.call("get", f"/build/{to.build.pk}"),
    "editBuild": lambda to: to.call("put", f"/build/{to.build.pk}", _edited(to)),
    "uploadContext": _upload,
    "removeBuild": _remove_build,
    "listImages": lambda to: to.call("get", f"/build/{to.build.pk}/images"),
    "listRuns": lambda to: to.call("get", "/build/run", buildSeq=to.build.pk),
    "listLatestRuns": lambda to: to.call("get", "/build/run/latest"),
    "findRun": lambda to: to.call("get", "/build/run/search", imageUrl=f"127.0.0.1:5000/ops/hello:{to.done.tag_name}"),
    "startRun": lambda to: to.call("post", f"/build/run/{to.build.pk}"),
    "getRun": lambda to: to.call("get", f"/build/run/{to.done.pk}"),
    "removeRun": lambda to: to.call("delete", f"/build/run/{to.done.pk}"),
    "repeatRun": lambda to: to.call(
        "post", f"/build/run/{to.build.pk}/{to.done.pk}", {"editType": "N", "buildSteps": [image_step()]}
    ),
    "cancelRun": lambda to: to.call("put", f"/build/run/cancel/{to.waiting.pk}"),
    "listRunsOfSameImage": lambda to: to.call("get", f"/build/run/{to.done.pk}/otherremoveruns"),
    "removeRuns": lambda to: to.call("delete", f"/build/run/{to.build.pk}/tag", buildRunSeqs=to.done.pk),
    "exportRun": lambda to: to.call("get", f"/build/run/{to.done.pk}/export"),
    "pushAgain": lambda to: to.call("post", f"/build/run/{to.done.pk}/push", tagName="again"),
    "getRunLog": lambda to: to.call("get", f"/build/run/log/{to.done.pk}"),
    "getStepLog": lambda to: to.call("get", f"/build/run/log/step/{to.step}"),
    "getRunHits": lambda to: to.call("get", f"/build/run/{to.done.pk}/hits?search=hello"),
    "getRunSections": lambda to: to.call("get", f"/build/run/{to.done.pk}/sections"),
    "getRunLines": lambda to: to.call("get", f"/build/run/{to.done.pk}/lines"),
    "getRunText": lambda to: to.call("get", f"/build/run/{to.done.pk}/log.txt"),
    "getQueue": lambda to: to.call("get", "/build/queue"),
    "moveToFront": lambda to: to.call("post", f"/build/queue/{to.waiting.pk}/front"),
    "listCallbacks": lambda to: to.call("get", f"/build/run/{to.done.pk}/callbacks"),
    "resendCallback": lambda to: to.call("post", f"/build/run/{to.done.pk}/callbacks/1/resend"),
    "listServers": lambda to: to.call("get", "/build/server"),
    "createServer": lambda to: to.call(
        "post", "/build/server", {"buildServerName": "arm", "buildServerHost": "topic:arm"}
    ),
    "getServer": lambda to: to.call("get", f"/build/server/{_server(to)}"),
    "editServer": lambda to: to.call("put", f"/build/server/{_server(to)}", {"capacity": 4}),
    "removeServer": lambda to: to.call("delete", f"/build/server/{_server(to)}"),
    "testServer": lambda to: to.call("post", f"/build/server/{_server(to)}/test"),
    "listRegistries": lambda to: to.call("get", "/build/registry"),
    "createRegistry": lambda to: to.call(
        "post", "/build/registry", {"registryName": "mine", "registryUrl": "registry.internal:5000"}
    ),
    "getRegistry": lambda to: to.call("get", f"/build/registry/{Registry.objects.get(is_default=True).pk}"),
    "editRegistry": lambda to: to.call("put", f"/build/registry/{_registry(to)}", {"registryName": "ours"}),
    "removeRegistry": lambda to: to.call("delete", f"/build/registry/{_registry(to)}"),
    "testRegistry": lambda to: to.call("post", f"/build/registry/{_registry(to)}/test"),
}
