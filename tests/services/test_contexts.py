"""What is stored of contexts: within a limit, as long as something needs it."""

import io

import pytest

from builds.domain.access import Role
from builds.domain.errors import Invalid, NotPossible
from builds.domain.states import EndReason
from builds.models import BuildRun, ContextChunk, UploadedContext
from builds.services.accounts.access import caller_for
from builds.services.builds.contexts import current_context, store_context
from builds.services.runs.cancel_and_remove import request_build_removal
from builds.services.runs.parameters import RunAsk
from builds.services.runs.removals import finish
from builds.services.runs.start import push_again, start_run
from builds.services.runs.transitions import End, take
from tests.api.making import begin, end
from tests.support.archives import tar_of
from tests.support.people import make_build, make_person

TAR = tar_of(Dockerfile=b"FROM scratch\n")  # 10 KiB


@pytest.fixture
def upload(caller, build):
    def store(to=build):
        return store_context(build_id=to.pk, caller=caller, file=io.BytesIO(TAR))

    return store


@pytest.fixture
def room(settings):
    """Let the store hold so many contexts."""

    def hold(count):
        settings.CONTEXT_STORE_BYTES = count * len(TAR)

    return hold


@pytest.fixture
def other(caller):
    return make_build(caller, "FROM scratch\n", name="other")


def press(build, caller, **ask):
    return start_run(build_id=build.pk, caller=caller, ask=RunAsk(**ask))


def test_runs_use_the_newest_until_another_one_comes(upload, build, caller):
    assert current_context(build) is None
    none = press(build, caller, tag_name="1")
    end(begin(none))
    first = upload()
    one = press(build, caller, tag_name="2")
    end(begin(one))
    second = upload()
    two = press(build, caller, tag_name="3")
    build.refresh_from_db()
    assert current_context(build) == second
    assert [run.context for run in (none, one, two)] == [None, first, second]


def test_a_context_is_named_for_one_run(upload, build, caller):
    first, second = upload(), upload()
    run = press(build, caller, tag_name="1", context_id=first.pk)
    end(begin(run))
    assert (run.context, run.definition.context_id) == (first, first.pk)
    assert press(build, caller, tag_name="2").context == second


def test_a_context_of_another_build_is_refused(upload, build, other, caller):
    foreign = upload(other)
    with pytest.raises(Invalid) as refused:
        press(build, caller, context_id=foreign.pk)
    assert [error.field for error in refused.value.errors] == ["contextSeq"]
    assert not BuildRun.objects.exists()


def test_a_run_again_uses_the_context_of_the_run(upload, build, caller):
    first = upload()
    run = press(build, caller, tag_name="1")
    end(begin(run))
    second = upload()
    again = start_run(build_id=build.pk, caller=caller, ask=RunAsk(tag_name="2"), again=run.pk)
    end(begin(again))
    named = start_run(build_id=build.pk, caller=caller, ask=RunAsk(tag_name="3", context_id=second.pk), again=run.pk)
    assert (again.context, named.context) == (first, second)


def test_a_run_again_whose_context_has_gone_is_refused(upload, room, build, caller):
    upload()
    run = press(build, caller, tag_name="1")
    end(begin(run))
    room(1)
    upload()
    run.refresh_from_db()
    assert run.context is None
    with pytest.raises(NotPossible, match=f"context {run.definition.context_id} .* has gone"):
        start_run(build_id=build.pk, caller=caller, ask=RunAsk(tag_name="2"), again=run.pk)


def test_a_push_again_uses_none(upload, build, caller):
    upload()
    run = press(build, caller, tag_name="1")
    end(begin(run))
    pushed = push_again(run_id=run.pk, caller=caller, tag_name="2")
    assert (pushed.context, pushed.definition.context_id) == (None, None)


def test_the_oldest_that_nothing_needs_gives_way(upload, room, build):
    room(2)
    contexts = [upload(), upload(), upload()]
    assert list(UploadedContext.objects.order_by("pk")) == contexts[1:]
    assert set(ContextChunk.objects.values_list("context", flat=True)) == {one.pk for one in contexts[1:]}


def test_what_a_run_uses_and_the_newest_of_other_builds_stay(upload, room, build, other, caller):
    used = upload()
    press(build, caller)
    kept = upload(other)
    room(3)
    gives_way, newest = upload(), upload()
    assert set(UploadedContext.objects.all()) == {used, kept, newest}
    assert gives_way.pk not in {used.pk, kept.pk, newest.pk}


def test_what_does_not_fit_beside_them_is_refused_and_nothing_changes(upload, room, build, other):
    upload(other)
    mine = upload()
    room(1)
    with pytest.raises(NotPossible, match=r"0 of its 10,240 bytes \(BUILDHUB_CONTEXT_STORE_MB\)"):
        upload()
    build.refresh_from_db()
    assert current_context(build) == mine
    assert UploadedContext.objects.count() == 2


def test_a_removed_build_leaves_no_context(upload, build, caller):
    upload()
    run = press(build, caller)
    end(begin(run))
    owner = caller_for(make_person("owner", Role.ADMIN, build.account))
    removal = request_build_removal(build_id=build.pk, caller=owner)
    lease = take(removal.pk, claim=removal.claim, owner="worker")
    assert finish(removal, lease, End(EndReason.DONE))
    build.refresh_from_db()
    run.refresh_from_db()
    assert (build.context, run.context) == (None, None)
    assert not ContextChunk.objects.exists()
