"""Build, BuildStep, log and lines on the wire."""

import pytest

from builds.api.openapi import openapi_document
from builds.contract.configs import CONFIG_KEYS
from builds.domain.states import StepType
from builds.domain.steps.kinds import KINDS, api_name
from tests.api.making import begin, say, words

BUILD = words(
    "buildSeq buildNo buildName buildDesc accountSeq registryProjectId registryName imageName autotagUseYn "
    "autotagPrefix autotagSeqType tagName externalRegistrySeq buildServerHost buildServerTlsVerify "
    "buildServerCacrt buildServerClientCert buildServerClientKey useYn created updated"
)
COUNTERS = words(
    "hostUrl buildCount runningCount doneCount errorCount pipelineCount tagCount buildTimeAvg latestBuildTime "
    "imgSizeAvg latestImgSize"
)
ADDITIONS = words("possibleActions whenRunning timeLimitSec queueLimitSec maxAttempts lastRun")
CONFIGS = {
    StepType.CODE_DOWN: "repositoryType repositoryUrl commonType protocolType userId password branchName codeSaveDir "
    "httpSslVerifySkip privateKey knownHosts submodules lfs",
    StepType.USER_TASK: "cmd workingDir imageName imageTag dockerVolumeMountVOList envs",
    StepType.FTP: "url ftpType username password sourceFiles remoteDirectory ftpExecType",
    StepType.HTTP: "url httpMode customHeaders ignoreSslErrors username password timeout validResponseCodes "
    "validResponseContent outputFile consoleLogResponseBody requestBody",
    StepType.SHELL: "shellType command",
    StepType.CREATE_IMAGE: "dockerFileType dockerFile dockerFilePath registryId registryName imageName imageTag "
    "latestApply registryUrl loginId password privateCertificate imageUrl externalRegistrySeq severity exitCode "
    "contextPath buildArgs secrets sshKey cacheFrom extraTags target platform labels noCache pull",
    StepType.CANCEL: "refBuildRunSeq",
}


def test_a_listed_build_has_counters_and_no_steps(as_, operator, build):
    listed = as_(operator).get("/v1/build").json()[0]
    assert list(listed) == [*BUILD, *COUNTERS, *ADDITIONS]


def test_a_build_in_detail_has_its_steps(as_, operator, build):
    detail = as_(operator).get(f"/v1/build/{build.pk}").json()
    assert [name for name in detail if name not in COUNTERS] == [*BUILD, "buildSteps", *ADDITIONS]
    step = detail["buildSteps"][0]
    assert list(step) == ["buildStepSeq", "stepType", "stepOrder", "useFlag", "buildStepConfig"]


@pytest.mark.parametrize("kind", CONFIGS, ids=str)
def test_the_config_of_each_kind_of_step_has_the_contracts_fields(kind):
    names = [api_name(key) for key in CONFIG_KEYS[kind]]
    assert names == ["stepTitle", "stepDesc", *CONFIGS[kind].split()]


def test_every_kind_of_step_is_answered_and_published_with_the_same_fields():
    answered = {kind: [api_name(key) for key in keys] for kind, keys in CONFIG_KEYS.items()}
    models = openapi_document("/v1")["components"]["schemas"]
    names = {kind: f"{kind.value.title().replace('_', '')}Config" for kind in StepType}
    assert {kind: list(models[name]["properties"]) for kind, name in names.items()} == answered
    assert set(answered) == set(StepType)
    assert {kind for kind, name in names.items() if f"{name}Add" in models} == set(KINDS)


def test_an_image_step_is_filled_from_its_build(as_, operator, build):
    config = as_(operator).get(f"/v1/build/{build.pk}").json()["buildSteps"][0]["buildStepConfig"]
    assert config["stepTitle"] == "Build & Push"
    assert config["imageUrl"] == "127.0.0.1:5000/ops/hello"
    assert (config["registryName"], config["imageName"], config["externalRegistrySeq"]) == ("ops", "hello", 0)


def test_a_log_is_an_array_of_one_with_its_steps_under_both_names(as_, operator, run):
    say(begin(run), b"hello\n", step=run.steps.get(order=1).pk)
    answer = as_(operator).get(f"/v1/build/run/log/{run.pk}").json()
    log = answer[0]
    names = "buildRunSeq runState buildSeq registryProjectId externalRegistrySeq buildServerHost dbLog"
    assert len(answer) == 1
    assert list(log) == [*names.split(), "buildStepRuns", "buildRunLogs"]
    assert log["buildStepRuns"] == log["buildRunLogs"]
    assert [step["log"] for step in log["buildRunLogs"]] == ["", "hello\n"]


def test_a_line_has_its_six_fields(as_, operator, run):
    say(begin(run), b"hello\n", t=12)
    answer = as_(operator).get(f"/v1/build/run/{run.pk}/lines").json()
    assert list(answer) == ["lines", "last", "total", "complete", "inks", "open"]
    assert answer["lines"] == [{"n": 1, "t": 12, "step": None, "vertex": None, "stream": 1, "text": "hello"}]
