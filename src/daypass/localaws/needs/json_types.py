"""Whether the members of a JSON request are what the service's model says they are.

AWS looks at that before anything else. Here it also keeps values of other types from all that reads them afterwards.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from botocore.model import ListShape, MapShape, StructureShape

if TYPE_CHECKING:
    from collections.abc import Iterator

    from botocore.model import OperationModel, Shape

_SCALARS: Final[dict[str, tuple[type, ...]]] = {
    "string": (str,),
    "character": (str,),
    "blob": (str,),
    "timestamp": (int, float, str),
    "integer": (int, float),
    "long": (int, float),
    "float": (int, float, str),
    "double": (int, float, str),
}


def misfit(operation: OperationModel, body: dict[str, object]) -> tuple[str, str] | None:
    """Code and text of the refusal, None when every member fits; null is as if it were not there.

    A value of another type is refused before what is missing, as where a request is read before it is looked at.
    """
    shape = operation.input_shape
    if shape is None:
        return None
    missing: list[str] = []
    for path in _wrong(shape, body, "", missing):
        return "SerializationException", f"the value at '{path}' is not of the type that {operation.name} takes"
    if not missing:
        return None
    faults = [
        f"Value null at '{path}' failed to satisfy constraint: Member must not be null" for path in sorted(missing)
    ]
    count = f"{len(faults)} validation error{'s' if len(faults) > 1 else ''} detected"
    return "ValidationException", f"{count}: {'; '.join(faults)}"


def _wrong(shape: Shape, value: object, path: str, missing: list[str]) -> Iterator[str]:
    """The paths of values of another type; paths without a value go to `missing`."""
    if isinstance(shape, StructureShape):
        if getattr(shape, "is_document_type", False):
            return
        if not isinstance(value, dict):
            yield path
            return
        for name, member in shape.members.items():
            below = f"{path}.{name[:1].lower()}{name[1:]}".removeprefix(".")
            given = value.get(member.serialization.get("name", name))
            if given is not None:
                yield from _wrong(member, given, below, missing)
            elif name in shape.required_members:
                missing.append(below)
    elif isinstance(shape, ListShape | MapShape):
        kind = list if isinstance(shape, ListShape) else dict
        if not isinstance(value, kind):
            yield path
            return
        inner = shape.member if isinstance(shape, ListShape) else shape.value
        items = enumerate(value, 1) if isinstance(value, list) else value.items()
        for index, item in items:
            if item is None:
                continue
            yield from _wrong(inner, item, f"{path}.{index}.member", missing)
    elif shape.type_name == "boolean":
        if not isinstance(value, bool):
            yield path
    elif isinstance(value, bool) or not isinstance(value, _SCALARS.get(shape.type_name, (object,))):
        yield path
