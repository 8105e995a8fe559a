"""What a request names, looked up where the service behind keeps it.

Everything is a copy made in one step: other threads write to it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

from daypass.localaws.needs.model import Found

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def find(model: str, account: str, region: str, name: str) -> Found | None:
    """A resource by the name its service gives it; None when it is not there, or the service is none of these."""
    look = _LOOKS.get(model)
    return None if look is None else look(account, region, name)


def bucket_owner(bucket: str) -> str | None:
    """The account that a bucket is in, None without such a bucket."""
    from moto.s3.models import s3_backends  # noqa: PLC0415 - an optional part, and slow to import

    kept: Any = s3_backends.bucket_accounts.get(bucket)
    return None if kept is None else str(kept[1])


def _secret(account: str, region: str, name: str) -> Found | None:
    from moto.secretsmanager.models import (  # noqa: PLC0415 - an optional part, and slow to import
        SecretsStore,
        secretsmanager_backends,
    )

    kept: Any = secretsmanager_backends[account][region].secrets
    secret: Any = cast("Any", SecretsStore)(dict.copy(kept)).get(name)
    return None if secret is None else Found(secret.arn, _listed(secret.tags))


def _parameter(account: str, region: str, name: str) -> Found | None:
    from moto.ssm.models import ssm_backends  # noqa: PLC0415 - an optional part, and slow to import

    kept: dict[str, Any] = vars(ssm_backends[account][region])
    bare = name.removeprefix("/")
    # moto takes `/name` and `name` for one parameter, and keeps it, and its tags, under either.
    written = (name,) if "/" in bare else (bare, f"/{bare}")
    if not any(dict.copy(kept["_parameters"]).get(one) for one in written):
        return None
    tagged = kept["_resource_tags"].get("Parameter", {})
    tags = {key: value for one in written for key, value in dict(tagged.get(one, {})).items()}
    return Found(f"arn:aws:ssm:{region}:{account}:parameter/{name.removeprefix('/')}", tuple(tags.items()))


def _key(account: str, region: str, name: str) -> Found | None:
    from moto.kms.models import kms_backends  # noqa: PLC0415 - an optional part, and slow to import

    backend: Any = kms_backends[account][region]
    key_id = backend.get_key_id_from_alias(name) if name.startswith("alias/") else name
    key: Any = dict(backend.keys).get(key_id)
    if key is None:
        return None
    tags = tuple((str(one), str(value)) for one, value in backend.tagger.get_tag_dict_for_resource(key.id).items())
    return Found(
        key.arn,
        tags,
        {
            "kms:KeySpec": (key.key_spec,),
            "kms:KeyUsage": (key.key_usage,),
            "kms:KeyOrigin": (key.origin,),
            "kms:MultiRegion": ("true" if key.multi_region else "false",),
            "kms:ResourceAliases": tuple(dict(key.aliases)),
        },
    )


def _table(account: str, region: str, name: str) -> Found | None:
    from moto.dynamodb.models import dynamodb_backends  # noqa: PLC0415 - an optional part, and slow to import

    table: Any = dict(dynamodb_backends[account][region].tables).get(name)
    if table is None:
        return None
    partitions = {"": str(table.hash_key_attr)}
    for index in table.all_indexes():
        partitions[index.name] = next(one["AttributeName"] for one in index.schema if one["KeyType"] == "HASH")
    return Found(table.table_arn, _listed(table.tags), partition_keys=partitions)


def _queue(account: str, region: str, name: str) -> Found | None:
    from moto.sqs.models import sqs_backends  # noqa: PLC0415 - an optional part, and slow to import

    queue: Any = dict(sqs_backends[account][region].queues).get(name)
    return None if queue is None else Found(queue.queue_arn, tuple(dict(queue.tags or {}).items()))


def _listed(tags: list[Mapping[str, str]] | None) -> tuple[tuple[str, str], ...]:
    return tuple((tag["Key"], tag["Value"]) for tag in tuple(tags or ()))


_LOOKS: Final[Mapping[str, Callable[[str, str, str], Found | None]]] = {
    "secretsmanager": _secret,
    "ssm": _parameter,
    "kms": _key,
    "dynamodb": _table,
    "dynamodbstreams": _table,
    "sqs": _queue,
}
