"""The images of a build: what its runs have pushed and a registry has confirmed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from django.db.models import F, OrderBy

from builds.domain.references import ImageReference
from builds.domain.states import RunState, RunType
from builds.models import Build, BuildRun, Caller, Registry
from builds.queries.builds import image_of

COLUMNS: Final = {"TAG": "tag_name", "IMAGE_SIZE": "image_size", "END_TIME": "end_time"}
ORDERS: Final = ("DESC", "ASC")


@dataclass(frozen=True, slots=True)
class BuildImages:
    """Where the images of a build are, and the runs that made them."""

    build: Build
    image: ImageReference
    runs: Sequence[BuildRun]


def build_images(build: Build, caller: Caller, *, column: str = "END_TIME", order: str = "DESC") -> BuildImages:
    """Return the DONE runs of `build` whose image is there, ordered by one of `COLUMNS`."""
    done = build.runs.visible_to(caller).filter(run_type=RunType.BUILD, run_state=RunState.DONE)
    by = [OrderBy(F(name), descending=order == "DESC") for name in (COLUMNS[column], "pk")]
    image = image_of(build, build.registry or Registry.objects.default())
    return BuildImages(build, image, list(done.exclude(image_digest="").order_by(*by)))
