"""The engine's own words for an image that was taken away while a build of the same content ended."""

from builds.engine.errors import BuildFailed

CAPTURED = (  # Docker 20.10.24, two builds of the same content and one `docker rmi` at the same moment
    "failed to get digest sha256:8df488004b80f1ef7d10c9265fa712a0f54b47020509e99ec1314c6901a8280a: open"
    " /var/lib/docker/image/overlay2/imagedb/content/sha256/8df488004b80f1ef7d10c9265fa712a0f54b47020509e99ec1314c69"
    ": no such file or directory"
)


def test_a_lost_image_is_told_apart_from_a_file_that_the_build_misses():
    assert BuildFailed(CAPTURED).lost_its_image
    assert not BuildFailed("failed to compute cache key: open /x/app.py: no such file or directory").lost_its_image
