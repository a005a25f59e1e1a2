"""The images of a build: what its runs have pushed and a registry has confirmed."""

from typing import Final

from django.db.models import F, OrderBy

from builds.domain.states import RunState, RunType
from builds.models import Build, Caller, Registry
from builds.queries.shapes import Shape, image_of, iso_time

COLUMNS: Final = {"TAG": "tag_name", "IMAGE_SIZE": "image_size", "END_TIME": "end_time"}
ORDERS: Final = ("DESC", "ASC")


def build_images(build: Build, caller: Caller, *, column: str = "END_TIME", order: str = "DESC") -> Shape:
    """Return a BuildImage: the DONE runs of `build` whose image is there, ordered by one of `COLUMNS`."""
    done = build.runs.visible_to(caller).filter(run_type=RunType.BUILD, run_state=RunState.DONE)
    by = [OrderBy(F(name), descending=order == "DESC") for name in (COLUMNS[column], "pk")]
    registry = build.registry or Registry.objects.default()
    image = image_of(build, registry)
    return {
        "buildSeq": build.pk,
        "registryImagePath": image.image if image.host else None,
        "registryProjectId": build.registry_project_id,
        "registryName": build.project or None,
        "imageName": build.image_name,
        "externalRegistrySeq": build.registry_id or 0,
        "tags": [
            {
                "buildRunSeq": run.pk,
                "tag": run.tag_name or None,
                "runDesc": run.description or None,
                "imageUrl": run.image.image if run.registry_host else None,
                "imageSize": run.image_size,
                "imageDigest": run.image_digest,
                "beginTime": iso_time(run.begin_time),
                "endTime": iso_time(run.end_time),
            }
            for run in done.exclude(image_digest="").order_by(*by)
        ],
    }
