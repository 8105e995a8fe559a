"""AWS's own description of STS, IAM and CloudFormation, as botocore ships it: operations, shapes, limits, names."""

from __future__ import annotations

import re
from functools import cache
from typing import Final

from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel

# Java's Unicode classes in the terms of Python's `\w`, which is letters, numbers and the underscore.
_SEPARATORS: Final = r"\u0020\u00A0\u1680\u2000-\u200A\u2028\u2029\u202F\u205F\u3000"
_UNICODE_CLASSES: Final = {r"\p{L}": r"\w", r"\p{N}": "", r"\p{Z}": _SEPARATORS}


@cache
def service(name: str) -> ServiceModel:
    """The model of `sts`, `iam` or `cloudformation`."""
    return ServiceModel(Loader().load_service_model(name, "service-2"), name)


def operation(service_name: str, action: str) -> OperationModel | None:
    """The model of an operation, or None when AWS has no such operation."""
    model = service(service_name)
    return model.operation_model(action) if action in model.operation_names else None


def version(service_name: str) -> str:
    """The API version that a call names, such as `2011-06-15`."""
    return str(service(service_name).metadata["apiVersion"])


def namespace(service_name: str) -> str:
    """The XML namespace of answers."""
    return str(service(service_name).metadata["xmlNamespace"])


@cache
def pattern(text: str) -> re.Pattern[str]:
    r"""A pattern of the model, which is Java's, for `fullmatch`. Java's plain `\w` is ASCII; `\p{…}` is not."""
    translated = text
    for java, python in _UNICODE_CLASSES.items():
        translated = translated.replace(java, python)
    return re.compile(translated, 0 if translated != text else re.ASCII)
