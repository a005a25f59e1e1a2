"""Problems, deliveries, build servers and registries."""

from typing import Final

from builds.api.schema.words import (
    Schema,
    answer_model,
    body_model,
    flag,
    iso_time,
    items,
    maybe,
    null,
    number,
    one_of,
    plain_time,
    ref,
    text,
    word,
    yes_no,
)
from builds.domain.callbacks import Told
from builds.domain.error_codes import ErrorCode
from builds.models.callback import CallbackEvent, DeliveryState

CODE: Final = one_of("ErrorCode", "Stable code", example=ErrorCode.INVALID_PARAMETER)
PROBLEM_FIELDS: Final[dict[str, Schema]] = {
    "type": {"type": "string", "format": "uri-reference", "description": "Page about this code"},
    "title": text("Short name of the code", example="Invalid parameter"),
    "status": number("The HTTP status", least=400, most=599, example=400),
    "detail": text("A sentence with the remedy"),
    "code": CODE,
    "errors": items(ref("FieldProblem"), "All fields that are wrong, at once"),
    "requestId": maybe(text("Name of the request in the server's log")),
}
FIELD_PROBLEM_FIELDS: Final[dict[str, Schema]] = {
    "field": text("Path of the field", example="buildSteps[1].buildStepConfig.repositoryUrl"),
    "message": text("A sentence with the remedy"),
    "code": CODE,
}
DELIVERY_FIELDS: Final[dict[str, Schema]] = {
    "number": number("Counts the deliveries of the run", least=1, example=1),
    "event": word(CallbackEvent, example="BUILD_RUN_STATE"),
    "what": text(f"What happened: {', '.join(Told)}", example="ended"),
    "url": text("Where it goes", example="http://dashboard:3000/callback"),
    "state": word(DeliveryState, example="DELIVERED"),
    "webhookId": text("Header webhook-id: the same for every attempt"),
    "attemptCount": number(example=1),
    "dueAt": maybe(iso_time("When the next attempt is due; null when none is to come")),
    "deliveredAt": maybe(iso_time("When the receiver answered 2xx")),
    "created": plain_time("When the event happened"),
    "attempts": items(ref("DeliveryAttempt")),
}
DELIVERY_ATTEMPT_FIELDS: Final[dict[str, Schema]] = {
    "number": number(least=1, example=1),
    "beginTime": iso_time("When it began"),
    "endTime": maybe(iso_time("When it ended; null while it is under way")),
    "status": maybe(number("HTTP status; null: nothing was answered", example=200)),
    "answer": maybe(text("First 4 KB of the answer")),
    "error": maybe(text("What went wrong")),
    "askedBy": maybe(text("User name of who sent it again")),
}
SERVER_FIELDS: Final[dict[str, Schema]] = {
    "buildServerSeq": number(example=1),
    "buildServerName": text(example="default"),
    "buildServerHost": text("`tcp://host:port`, `topic:NAME`, or the default one's own address", example="topic:arm"),
    "buildServerTlsVerify": yes_no("Whether TLS is used", example="N"),
    "buildServerCacrt": maybe(text("PEM; for instance admins only")),
    "buildServerClientCert": maybe(text("PEM; for instance admins only")),
    "buildServerClientKey": null("Write-only"),
    "capacity": number("Builds at the same time", least=1, most=256, example=2),
    "useYn": yes_no("Whether it takes runs"),
    "isDefault": flag("Whether builds without buildServerHost go here"),
    "allowedHostPaths": items(text(), "Host paths that user tasks may mount"),
    "accountSeqs": items(
        number(least=1),
        "Accounts that may use it; the default one is for all. Of yours alone, but for instance admins",
    ),
    "runningCount": number(example=0),
    "waitingCount": number(example=0),
    "servedBy": items(text(), "Live worker hosts"),
    "created": plain_time("When it was created"),
    "updated": plain_time("When it changed last"),
}
READ_ONLY: Final = ("buildServerSeq", "isDefault", "runningCount", "waitingCount", "servedBy", "created", "updated")
REGISTRY_FIELDS: Final[dict[str, Schema]] = {
    "externalRegistrySeq": number(example=1),
    "registryName": text("Label of the registry", example="release"),
    "registryUrl": text("host[:port], without scheme", example="registry.internal:5000"),
    "registryPrefix": maybe(text("Path before the project")),
    "plainHttp": flag("True: without TLS"),
    "loginId": null("Write-only"),
    "password": null("Write-only"),
    "hasLogin": flag("Whether a login is stored"),
    "caCertificate": maybe(text("PEM; null: the system's authorities")),
    "accountSeq": maybe(number("Who may use it; null: every account", least=1)),
    "useYn": yes_no("Whether it takes images"),
    "isDefault": flag("Whether externalRegistrySeq 0 means this one"),
    "created": plain_time("When it was created"),
    "updated": plain_time("When it changed last"),
}
TEST_FIELDS: Final[dict[str, Schema]] = {
    "ok": flag("Whether it answered"),
    "message": text("What happened, in a sentence"),
    "warnings": items(text(), "What to know about it"),
}
SERVER_TEST_FIELDS: Final[dict[str, Schema]] = {
    "ok": TEST_FIELDS["ok"],
    "message": TEST_FIELDS["message"],
    "version": maybe(text("Version of the engine", example="20.10.24")),
    "apiVersion": maybe(text(example="1.41")),
    "storageDriver": maybe(text(example="overlay2")),
    "warnings": TEST_FIELDS["warnings"],
}

OTHER_MODELS: Final[dict[str, Schema]] = {
    "Problem": answer_model(PROBLEM_FIELDS, "What is wrong (RFC 9457)."),
    "FieldProblem": answer_model(FIELD_PROBLEM_FIELDS, "What is wrong with one field."),
    "Delivery": answer_model(DELIVERY_FIELDS, "A callback and what became of it."),
    "DeliveryAttempt": answer_model(DELIVERY_ATTEMPT_FIELDS, "One attempt to deliver a callback."),
    "BuildServer": answer_model(SERVER_FIELDS, "A Docker Engine that builds."),
    "BuildServerAdd": body_model(
        {
            **{name: one for name, one in SERVER_FIELDS.items() if name not in READ_ONLY},
            "buildServerClientKey": text("PEM; blank keeps the stored one unless the host changed"),
        },
        "A build server to be stored; what is absent keeps its value.",
    ),
    "ServerTest": answer_model(SERVER_TEST_FIELDS, "What a build server answered."),
    "Registry": answer_model(REGISTRY_FIELDS, "A place for images."),
    "RegistryAdd": body_model(
        {
            **{name: one for name, one in REGISTRY_FIELDS.items() if name not in (*READ_ONLY, "externalRegistrySeq")},
            "loginId": text("Blank keeps the stored one unless the address changed"),
            "password": text("Blank keeps the stored one unless the address changed"),
        },
        "A registry to be stored; what is absent keeps its value.",
    ),
    "RegistryTest": answer_model(TEST_FIELDS, "What a registry answered."),
}
