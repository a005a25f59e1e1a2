"""Steps that one run is given, and what this version cannot execute yet."""

from dataclasses import replace

import pytest

from builds.credentials import decrypt_fields, encrypt_fields
from builds.domain.definition import Step
from builds.domain.errors import Invalid, Refused
from builds.domain.states import StepType
from builds.models import BuildStep
from builds.services.builds.definitions import runnable_steps, steps_for_once, unexecutable
from builds.services.builds.edit import BuildDraft, StepDraft, create_build, edit_build
from builds.services.builds.steps import sealed, spread_orders
from tests.support.runs import press

IMAGE = StepDraft("CREATE_IMAGE", config={"docker_file": "FROM a\n"})
REPOSITORY = {"repository_url": "git.example/app.git", "common_type": "PRIVATE", "user_id": "robot"}


@pytest.fixture
def private(caller):
    """A build that downloads with a stored password."""
    steps = (StepDraft("CODE_DOWN", config={**REPOSITORY, "password": "stored"}), IMAGE)
    return create_build(caller=caller, draft=BuildDraft(image_name="private", tag_name="1", steps=steps))


@pytest.fixture
def seq(private):
    return private.steps.get(step_type="CODE_DOWN").pk


def fields(build, *drafts):
    with pytest.raises(Invalid) as refused:
        steps_for_once(build, drafts)
    return [(error.field, error.code) for error in refused.value.errors]


def test_the_given_steps_are_run_alone_with_init_first_and_the_build_stays(build):
    shell = StepDraft("SHELL", order=2, config={"command": "make"})
    steps = steps_for_once(build, (StepDraft("INIT"), IMAGE, shell))
    assert [(step.order, step.step_type, step.build_step_seq) for step in steps] == [
        (0, StepType.INIT, None),
        (1, StepType.CREATE_IMAGE, None),
        (2, StepType.SHELL, None),
    ]
    assert [step.step_type for step in build.steps.all()] == ["CREATE_IMAGE"]


def test_steps_of_one_run_come_in_their_order(build):
    drafts = (StepDraft("SHELL", order=5, config={"command": "a"}), StepDraft("CREATE_IMAGE", 1, config=IMAGE.config))
    assert [step.order for step in steps_for_once(build, drafts)] == [0, 1, 5]


def test_a_blank_secret_is_that_of_the_named_step(private, seq):
    draft = StepDraft("CODE_DOWN", config={**REPOSITORY, "branch_name": "next", "password": ""}, pk=seq)
    step = steps_for_once(private, (draft, IMAGE))[1]
    assert (step.build_step_seq, step.config["branch_name"]) == (seq, "next")
    assert decrypt_fields(step.secrets_encrypted) == {"password": "stored"}
    assert "password" not in step.config


def test_a_stored_secret_never_follows_to_another_address(private, seq):
    draft = StepDraft("CODE_DOWN", config={**REPOSITORY, "repository_url": "evil.example/app.git"}, pk=seq)
    assert fields(private, draft, IMAGE) == [("buildSteps[0].buildStepConfig.password", "CCCM1004000")]


def test_a_stored_secret_is_not_for_a_step_that_names_none(private):
    draft = StepDraft("CODE_DOWN", config=dict(REPOSITORY))
    assert fields(private, draft, IMAGE) == [("buildSteps[0].buildStepConfig.password", "CCCM1004000")]


def test_all_errors_of_the_given_steps_come_at_once_then_the_rule_of_one_image_step(build):
    bad = StepDraft("SHELL", config={"command": ""}, pk=4711)
    assert [field for field, _ in fields(build, IMAGE, bad)] == [
        "buildSteps[1].buildStepSeq",
        "buildSteps[1].buildStepConfig.command",
    ]
    assert fields(build, IMAGE, IMAGE) == [("buildSteps", "CCBD1011000")]
    assert [code for _, code in fields(build)] == ["CCCM1004000"]


def test_a_stored_step_is_named_once_and_only_where_there_is_one(private, seq, caller):
    code = StepDraft("CODE_DOWN", config=dict(REPOSITORY), pk=seq)
    for wrong, sentence in ((code, f"Step {seq} is given twice"), (replace(code, pk=4711), "has no step 4711")):
        with pytest.raises(Invalid, match=sentence) as once:
            steps_for_once(private, (code, wrong, IMAGE))
        with pytest.raises(Invalid, match=sentence) as stored:
            edit_build(build_id=private.pk, caller=caller, draft=BuildDraft(steps=(code, wrong)))
        assert [raised.value.errors[0].field for raised in (once, stored)] == [
            "buildSteps[1].buildStepSeq",
            "buildSteps[2].buildStepSeq",
        ]


def test_secrets_that_were_given_are_sealed_and_in_no_traceback():
    given = Step(
        StepType.CODE_DOWN, 1, given={"password": "new"}, secrets_encrypted=encrypt_fields({"private_key": "k"})
    )
    assert "new" not in repr(given)
    stored = sealed(given, None)
    assert (stored.given, stored.kept) == ({}, {"password", "private_key"})
    assert decrypt_fields(stored.secrets_encrypted) == {"password": "new", "private_key": "k"}


def test_the_rows_of_build_and_run_hold_the_same_step(private, seq, caller):
    run = press(private, caller)
    copied = run.steps.get(step_type="CODE_DOWN").step
    assert copied == private.steps.get(pk=seq).step
    assert (copied.build_step_seq, copied.config["user_id"], copied.kept) == (seq, "robot", None)


def test_a_run_copies_secrets_encrypted(private):
    copy = runnable_steps(private)[1]
    assert decrypt_fields(copy.secrets_encrypted) == {"password": "stored"}


def test_a_build_whose_secret_is_gone_cannot_run(private, seq):
    BuildStep.objects.filter(pk=seq).update(secrets_encrypted="")
    with pytest.raises(Invalid, match="password"):
        runnable_steps(private)


def test_stored_steps_of_one_order_run_one_after_another(build):
    first = build.steps.get()
    BuildStep.objects.create(build=build, step_type="SHELL", order=first.order, config={"command": "a"})
    assert [step.order for step in runnable_steps(build)] == [0, 1, 2]


@pytest.mark.parametrize(
    ("orders", "spread"), [([], []), ([1, 2], [1, 2]), ([5, 5, 1], [5, 6, 1]), ([3, 3, 4], [3, 4, 5]), ([0, 0], [1, 2])]
)
def test_orders_are_spread_until_they_differ(orders, spread):
    assert [step.order for step in spread_orders([Step(StepType.SHELL, order) for order in orders])] == spread


def test_the_snapshot_holds_certificates_and_no_key(build):
    build.server_ca_cert, build.server_client_cert, build.server_client_key_encrypted = "ca", "cert", "key"
    kept = build.definition
    assert (kept.server_ca_cert, kept.server_client_cert, "key" in kept.to_json().values()) == ("ca", "cert", False)


def image(secrets: str = "", **config: object) -> Step:
    return Step(StepType.CREATE_IMAGE, 1, config={"docker_file": "FROM a\n", **config}, secrets_encrypted=secrets)


@pytest.mark.parametrize(
    "config", [{"docker_file_type": "FILE_PATH", "docker_file_path": "a/Dockerfile"}, {"context_path": "a"}]
)
def test_files_of_the_workspace_need_a_step_that_brings_them(config):
    code = Step(StepType.CODE_DOWN, 1, config={"repository_url": "host/x.git"})
    assert "add a CODE_DOWN step" in (unexecutable([image(**config)]) or "")
    assert "add a CODE_DOWN step" in (unexecutable([replace(code, use=False), image(**config)]) or "")
    assert unexecutable([code, image(**config)]) is None
    assert unexecutable([image(**config)], has_context=True) is None


def test_an_inline_image_step_is_executed():
    assert unexecutable([image(context_path=".", secrets=[])]) is None
    assert unexecutable([image(encrypt_fields({"login_id": "a"}))]) is None


def test_an_edit_of_a_page_without_secrets_keeps_them(private, seq, caller):
    page = StepDraft("CODE_DOWN", config=private.steps.get(pk=seq).config, pk=seq)
    edit_build(build_id=private.pk, caller=caller, draft=BuildDraft(description="new", steps=(page,)))
    assert decrypt_fields(private.steps.get(pk=seq).secrets_encrypted) == {"password": "stored"}


def test_a_failed_edit_changes_nothing(private, seq, caller):
    bad = StepDraft("CODE_DOWN", config={"repository_url": "a.example/b", "password": "new"}, pk=seq)
    with pytest.raises(Refused):
        edit_build(build_id=private.pk, caller=caller, draft=BuildDraft(image_name="BAD", steps=(bad,)))
    assert decrypt_fields(private.steps.get(pk=seq).secrets_encrypted) == {"password": "stored"}
    private.refresh_from_db()
    assert private.image_name == "private"
