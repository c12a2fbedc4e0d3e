"""The table of operations as an OpenAPI 3.1 document: `GET /openapi.json` answers it, `docs/openapi.json` holds it."""

from collections.abc import Iterator, Sequence
from http import HTTPStatus
from typing import Any

import msgspec

from ivr.web.operations import JSON, Operation
from ivr.web.rights import Role
from ivr.web.switchboard import Failure

VERSION = "1"
"""Of the API: another number when what a client relies on has changed."""

_TEMPLATE = "#/components/schemas/{name}"
_SECURITY = "token"
_INTRODUCTION = (
    "Everything that can be asked of a hotline's controller, for the command line, desks and wallboards. A GET is "
    "given its parameters in the query, all else in a JSON body. What is refused is answered with one sentence. "
    "`x-roles` may do an operation to everybody, `x-own` only to their own: to themselves, or to a call of theirs."
)


def document(operations: Sequence[Operation]) -> dict[str, Any]:
    """The whole document, ready for JSON."""
    types = list(dict.fromkeys(each for operation in operations for each in _types(operation)))
    schemas, components = msgspec.json.schema_components(types, ref_template=_TEMPLATE)
    known = list(zip(types, schemas, strict=True))

    def schema(wanted: Any) -> dict[str, Any]:
        return next(made for type_, made in known if type_ == wanted)

    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _described(operation, schema)
    return {
        "openapi": "3.1.0",
        "info": {"title": "hotline", "version": VERSION, "description": _INTRODUCTION},
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {_SECURITY: {"type": "http", "scheme": "bearer"}},
            "responses": {"refused": _answer("Refused, with the reason", schema(Failure))},
        },
    }


def encode(made: dict[str, Any]) -> str:
    """As it lies in a file."""
    return msgspec.json.format(msgspec.json.encode(made), indent=1).decode() + "\n"


def _types(operation: Operation) -> Iterator[Any]:
    yield Failure
    if operation.produces == JSON:
        yield operation.answer
    yield from operation.parameters.values()
    yield from (field.type for field in msgspec.structs.fields(operation.query))
    if operation.body is not None:
        yield operation.body


def _described(operation: Operation, schema: Any) -> dict[str, Any]:
    made: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.does,
        "tags": [operation.tag],
        "x-roles": _roles(operation.roles),
        "x-own": _roles(operation.own),
        "security": [] if operation.is_open else [{_SECURITY: []}],
        "parameters": [*_places(operation, schema), *_query(operation, schema)],
        "responses": {str(HTTPStatus.OK.value): _done(operation, schema)}
        | {status: {"$ref": "#/components/responses/refused"} for status in ("4XX", "503")},
    }
    if operation.body is not None:
        is_needed = any(field.required for field in msgspec.structs.fields(operation.body))
        made["requestBody"] = {"required": is_needed, "content": {JSON: {"schema": schema(operation.body)}}}
    return made


def _places(operation: Operation, schema: Any) -> Iterator[dict[str, Any]]:
    for name, type_ in operation.parameters.items():
        yield {"name": name, "in": "path", "required": True, "schema": schema(type_)}


def _query(operation: Operation, schema: Any) -> Iterator[dict[str, Any]]:
    for field in msgspec.structs.fields(operation.query):
        made = {"name": field.encode_name, "in": "query", "required": field.required, "schema": schema(field.type)}
        if not field.required and field.default is not None:
            made["schema"] = {**made["schema"], "default": field.default}
        yield made


def _done(operation: Operation, schema: Any) -> dict[str, Any]:
    made = schema(operation.answer) if operation.produces == JSON else {}  # as it is
    return _answer("Done", made, operation.produces)


def _answer(what: str, schema: dict[str, Any], produces: str = JSON) -> dict[str, Any]:
    return {"description": what, "content": {produces: {"schema": schema}}}


def _roles(roles: frozenset[Role]) -> list[str]:
    return [str(role) for role in Role if role in roles]
