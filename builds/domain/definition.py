"""What a run keeps of its build, and the steps of both: edits of the build touch later runs only."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final, Self

from builds.domain.states import StepType
from builds.domain.tags import AutoTagSeqType, TagRule


@dataclass(frozen=True, slots=True)
class Step:
    """A step as it is written, checked, stored with a build and copied into a run; `use` False takes it out of the run.

    No secret stands in `config`: `secrets_encrypted` are those that are stored, `kept` their names (None: not looked
    at), and `given` those that a body gave and that are not stored yet.
    """

    step_type: StepType
    order: int
    use: bool = True
    config: Mapping[str, Any] = field(default_factory=dict)
    kept: frozenset[str] | None = None
    given: Mapping[str, Any] = field(default_factory=dict, repr=False)
    secrets_encrypted: str = field(default="", repr=False)
    build_step_seq: int | None = None
    path: str = ""

    @classmethod
    def of(cls, row: Any, *, seq: int | None) -> Self:
        """Return the step that a row of a build or a run holds; `seq` is that of the build's step."""
        step_type = StepType(row.step_type)
        return cls(
            step_type, row.order, row.use, row.config, secrets_encrypted=row.secrets_encrypted, build_step_seq=seq
        )

    @property
    def written(self) -> Mapping[str, Any]:
        """Return the config with the secrets that were given for it: what the rules look at."""
        return {**self.config, **self.given}


@dataclass(frozen=True, slots=True)
class Parameters:
    """What one press added to the definition; empty: nothing was given."""

    branch_name: str = ""
    no_cache: bool = False
    build_args: tuple[tuple[str, str], ...] = ()

    def __bool__(self) -> bool:
        return self != Parameters()

    def with_newer(self, newer: "Parameters") -> "Parameters":
        """Return these parameters where `newer` gives nothing else."""
        return Parameters(
            newer.branch_name or self.branch_name,
            newer.no_cache or self.no_cache,
            newer.build_args or self.build_args,
        )

    def to_json(self) -> dict[str, Any]:
        """Return the stored form, in which stands only what was given."""
        build_args = [{"key": key, "value": value} for key, value in self.build_args]
        stored = {"branch_name": self.branch_name, "no_cache": self.no_cache, "build_args": build_args}
        return {name: value for name, value in stored.items() if value}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """Return what `to_json` stored."""
        build_args = tuple((pair["key"], pair["value"]) for pair in stored.get("build_args", ()))
        return cls(stored.get("branch_name", ""), stored.get("no_cache", False), build_args)


@dataclass(frozen=True, slots=True)
class Definition:
    """A build as it was when a run was accepted, without its steps, which are rows of the run.

    All fields but the last three are copied from the build's fields of the same names, and stored under them.
    `push_of` is the number of the run whose image is pushed again, None for a run that builds.
    `context_id` is the uploaded context that is built from; it stays here when that has gone.
    """

    name: str = ""
    description: str = ""
    project: str = ""
    image_name: str = ""
    registry_project_id: int = 0
    auto_tag: bool = False
    auto_tag_prefix: str = ""
    auto_tag_sequence: str = ""
    tag_name: str = ""
    server_host: str = ""
    server_tls_verify: bool = False
    server_ca_cert: str = ""
    server_client_cert: str = ""
    time_limit_seconds: int = 3600
    queue_limit_seconds: int = 86_400
    max_attempts: int = 3
    parameters: Parameters = field(default_factory=Parameters)
    push_of: int | None = None
    context_id: int | None = None

    @classmethod
    def of(cls, build: object) -> Self:
        """Return the definition of a build as it is now."""
        return cls(**{name: getattr(build, name) for name in COPIED})

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """Return what `to_json` stored; what an older version did not store has its default."""
        known = {name: value for name in COPIED if (value := stored.get(name)) is not None}
        return cls(
            **known,
            parameters=Parameters.from_json(stored.get("parameters") or {}),
            push_of=stored.get("push_of"),
            context_id=stored.get("context_id"),
        )

    def to_json(self) -> dict[str, Any]:
        """Return the stored form; what is not copied stands in it only where there is some."""
        added = {"parameters": self.parameters.to_json(), "push_of": self.push_of, "context_id": self.context_id}
        copied = {name: getattr(self, name) for name in COPIED}
        return copied | {name: value for name, value in added.items() if value}

    @property
    def tag_rule(self) -> TagRule:
        """Return the rule that names a run's tag."""
        sequence = AutoTagSeqType(self.auto_tag_sequence) if self.auto_tag_sequence else None
        return TagRule(automatic=self.auto_tag, prefix=self.auto_tag_prefix, sequence=sequence, tag=self.tag_name)


COPIED: Final = tuple(one.name for one in fields(Definition) if one.name not in ("parameters", "push_of", "context_id"))
