"""DynamoDB: tables and indexes, one or many to a request (Service Authorization Reference, Amazon DynamoDB).

`dynamodb:LeadingKeys` is told where the request gives the partition key; `dynamodb:Attributes` never is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from daypass.localaws.needs import partiql
from daypass.localaws.needs.model import TAG_KEYS, Keys, Need, Unreadable, of, tag_keys, text_keys, texts

if TYPE_CHECKING:
    from daypass.localaws.needs.model import Body, Found, Here

_WITHOUT_TABLE: Final = frozenset(
    {
        *("ListTables", "DescribeLimits", "DescribeEndpoints", "ListBackups", "ListImports", "ListGlobalTables"),
        "ListStreams",
    }
)
_ON_ITEMS: Final = {"GetItem": "Key", "DeleteItem": "Key", "UpdateItem": "Key", "PutItem": "Item"}
_IN_TRANSACTION: Final = {
    "Get": "GetItem",
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "ConditionCheck": "ConditionCheckItem",
}
_IN_BATCH: Final = {"PutRequest": "Item", "DeleteRequest": "Key"}
_STATEMENTS: Final = {
    "ExecuteStatement": None,
    "BatchExecuteStatement": "Statements",
    "ExecuteTransaction": "TransactStatements",
}
# Members that name a table or another resource; each that is there is needed.
_NAMES: Final = ("TableName", "TableArn", "ResourceArn", "SourceTableName", "SourceTableArn", "TargetTableName")
_ARNS: Final = ("BackupArn", "ExportArn", "ImportArn", "StreamArn")
_MEMBERS: Final = {
    "dynamodb:Select": "Select",
    "dynamodb:ReturnValues": "ReturnValues",
    "dynamodb:ReturnConsumedCapacity": "ReturnConsumedCapacity",
}
_TABLE: Final = re.compile(r"[A-Za-z0-9_.-]{1,255}")
_BELOW: Final = re.compile(
    r"table/([A-Za-z0-9_.-]{1,255})(/(?:index|stream|backup|export|import)/[A-Za-z0-9_.:-]{1,255})?"
)
_EQUALS: Final = re.compile(r"\s*(#?[A-Za-z0-9_.-]+)\s*=\s*(:[A-Za-z0-9_]+)\s*(?:AND\s+(.*))?", re.I | re.S)
_ATTRIBUTE: Final = re.compile(r"(?<![:#\w.-])#?[A-Za-z0-9_.-]+")
_MULTIVALUED: Final = TAG_KEYS | {"dynamodb:LeadingKeys", "dynamodb:Attributes"}
_UNKNOWN: Final = frozenset({"dynamodb:attributes", "dynamodb:enclosingoperation", "dynamodb:fulltablescan"})
_WITHOUT_LEADING_KEYS: Final = _UNKNOWN | {"dynamodb:leadingkeys"}


@dataclass(frozen=True, slots=True)
class _Place:
    """A table of here, or what is below it: `below` is `/index/…` or the like."""

    table: str
    below: str = ""


def needs(operation: str, body: Body, here: Here) -> tuple[Need, ...] | Unreadable:
    """The permissions for an operation."""
    reading = _Reading(here, {**text_keys(body, _MEMBERS), **_tags(body)})
    if operation in _STATEMENTS:
        return reading.statements(operation, body)
    if operation in {"BatchGetItem", "BatchWriteItem"}:
        return reading.batch(operation, body.get("RequestItems"))
    if operation in {"TransactGetItems", "TransactWriteItems"}:
        return reading.transaction(body.get("TransactItems"))
    if operation in _ON_ITEMS:
        return reading.item(operation, body.get("TableName"), [body.get(_ON_ITEMS[operation])])
    if operation in {"Query", "Scan"}:
        return reading.search(operation, body)
    if operation in _WITHOUT_TABLE:
        return (Need(f"dynamodb:{operation}", "*", here.arn("dynamodb", "table/*"), reading.keys, _MULTIVALUED),)
    return reading.others(operation, body)


class _Reading:
    def __init__(self, here: Here, keys: Keys) -> None:
        self.here = here
        self.keys = keys

    def others(self, operation: str, body: Body) -> tuple[Need, ...] | Unreadable:
        imported = body.get("TableCreationParameters")
        names = [body[member] for member in (*_NAMES, *_ARNS) if member in body]
        names += [imported.get("TableName")] if isinstance(imported, dict) else []
        if not names:
            return (Need(f"dynamodb:{operation}", None, "*", self.keys, _MULTIVALUED, unknown=_WITHOUT_LEADING_KEYS),)
        needed: list[Need] = []
        for name in names:
            place = self._place(name)
            if place is None:
                return _elsewhere()
            actions = [operation]
            if operation == "CreateTable" and "aws:TagKeys" in self.keys:
                actions.append("TagResource")
            needed += [self._need(action, place) for action in actions]
        return tuple(needed)

    def item(self, operation: str, table: object, items: list[object]) -> tuple[Need, ...] | Unreadable:
        """One operation on items of one table, of which each gives its key."""
        place = self._place(table)
        if place is None:
            return _elsewhere()
        found = self.here.find(place.table)
        name = None if found is None else found.partition_keys.get("")
        values = [_scalar(item.get(name)) if isinstance(item, dict) and name is not None else None for item in items]
        return (self._need(operation, place, found, [value for value in values if value is not None], len(values)),)

    def batch(self, operation: str, requested: object) -> tuple[Need, ...] | Unreadable:
        if not isinstance(requested, dict) or not requested:
            return Unreadable("`RequestItems` names no table")
        needed: list[Need] = []
        for table, asked in requested.items():
            if operation == "BatchGetItem":
                items = asked.get("Keys") if isinstance(asked, dict) else None
            else:
                items = [_written(one) for one in asked] if isinstance(asked, list) else None
            one = self.item(operation, table, items if isinstance(items, list) else [None])
            if isinstance(one, Unreadable):
                return one
            needed += one
        return tuple(needed)

    def transaction(self, items: object) -> tuple[Need, ...] | Unreadable:
        needed: list[Need] = []
        for item in items if isinstance(items, list) else [None]:
            if not isinstance(item, dict) or not item or not item.keys() <= _IN_TRANSACTION.keys():
                return Unreadable("an item of the transaction is not one of the known kinds")
            for kind, given in item.items():
                if not isinstance(given, dict):
                    return Unreadable("an item of the transaction is not an object")
                one = self.item(
                    _IN_TRANSACTION[kind], given.get("TableName"), [given.get("Item" if kind == "Put" else "Key")]
                )
                if isinstance(one, Unreadable):
                    return one
                needed += one
        return tuple(needed) or Unreadable("the transaction has no item")

    def search(self, operation: str, body: Body) -> tuple[Need, ...] | Unreadable:
        """Of an index, the index alone is the resource."""
        place = self._place(body.get("TableName"))
        index = body.get("IndexName")
        if place is None or not (index is None or (isinstance(index, str) and _TABLE.fullmatch(index))):
            return _elsewhere()
        found = self.here.find(place.table)
        of_index = place if index is None else _Place(place.table, f"/index/{index}")
        name = None if found is None else found.partition_keys.get(index or "")
        value = _queried(body, name) if operation == "Query" and name is not None else None
        return (self._need(operation, of_index, found, [] if value is None else [value], 1),)

    def statements(self, operation: str, body: Body) -> tuple[Need, ...] | Unreadable:
        member = _STATEMENTS[operation]
        listed: Any = [body] if member is None else body.get(member)
        if not isinstance(listed, list) or not listed:
            return Unreadable("there is no statement")
        needed: list[Need] = []
        for one in listed:
            text = one.get("Statement") if isinstance(one, dict) else None
            read = partiql.read(text) if isinstance(text, str) else None
            if read is None:
                return Unreadable("a PartiQL statement is not of a form whose table is told here")
            action, table, index = read
            needed.append(
                self._need(action, _Place(table, f"/index/{index}" if index else ""), self.here.find(table), [], 1)
            )
        return tuple(needed)

    def _need(
        self,
        operation: str,
        place: _Place,
        found: Found | None = None,
        leading: list[str] | None = None,
        items: int = 0,
    ) -> Need:
        arn = self.here.arn("dynamodb", f"table/{place.table}{place.below}")
        told = leading is not None and len(leading) == items
        keys = {
            **self.keys,
            **({"dynamodb:LeadingKeys": tuple(dict.fromkeys(leading or ()))} if told and leading else {}),
        }
        unknown = _UNKNOWN if told else _WITHOUT_LEADING_KEYS
        need = Need(f"dynamodb:{operation}", arn, arn, keys, _MULTIVALUED, unknown=unknown)
        return of(need, found if found is not None else self.here.find(place.table), "")

    def _place(self, name: object) -> _Place | None:
        if not isinstance(name, str):
            return None
        if not name.startswith("arn:"):
            return _Place(name) if _TABLE.fullmatch(name) else None
        below = _BELOW.fullmatch(self.here.local("dynamodb", name) or "")
        return None if below is None else _Place(below[1], below[2] or "")


def _elsewhere() -> Unreadable:
    return Unreadable("the request names no table of this account and region")


def _written(request: object) -> object:
    """The item or key of one request of a batch."""
    if not isinstance(request, dict) or len(request) != 1:
        return None
    kind, given = next(iter(request.items()))
    return given.get(_IN_BATCH[kind]) if kind in _IN_BATCH and isinstance(given, dict) else None


def _scalar(value: object) -> str | None:
    """The text of a key's value, `{"S": …}` or the like."""
    if not isinstance(value, dict) or len(value) != 1:
        return None
    kind, text = next(iter(value.items()))
    return text if kind in {"S", "N", "B"} and isinstance(text, str) else None


def _queried(body: Body, name: str) -> str | None:
    """The value that a query wants of the partition key; None when its condition is not of the plainest form."""
    condition, values = body.get("KeyConditionExpression"), body.get("ExpressionAttributeValues")
    written = _EQUALS.fullmatch(condition) if isinstance(condition, str) else None
    if written is None or not isinstance(values, dict):
        return None
    given = body.get("ExpressionAttributeNames")
    names = given if isinstance(given, dict) else {}
    attributes = [names.get(one, one) for one in (written[1], *_ATTRIBUTE.findall(written[3] or ""))]
    if attributes[0] != name or name in attributes[1:]:
        return None
    return _scalar(values.get(written[2]))


def _tags(body: Body) -> Keys:
    removed = texts(body.get("TagKeys")) or ()
    return {**tag_keys(body.get("Tags")), **({"aws:TagKeys": removed} if removed else {})}
