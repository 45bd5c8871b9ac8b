"""Malformed messages of every kind, as they may lie in a queue."""

from __future__ import annotations

import base64
import copy
import json
from collections.abc import Callable
from typing import Any, Final

#: A sound message; its task would end at once.
SOUND: Final[dict[str, Any]] = {
    "body": base64.b64encode(b"[[0], {}, {}]").decode(),
    "content-encoding": "utf-8",
    "content-type": "application/json",
    "headers": {"id": "a", "task": "io.sleep", "lang": "py"},
    "properties": {
        "delivery_tag": "a",
        "delivery_info": {"exchange": "", "routing_key": "work"},
        "priority": 0,
        "body_encoding": "base64",
    },
}


def _edited(edit: Callable[[dict[str, Any]], object]) -> bytes:
    message = copy.deepcopy(SOUND)
    edit(message)
    return json.dumps(message).encode()


def _header(**headers: Any) -> bytes:
    return _edited(lambda message: message["headers"].update(headers))


def _property(**properties: Any) -> bytes:
    return _edited(lambda message: message["properties"].update(properties))


def _body(value: Any) -> bytes:
    text = base64.b64encode(json.dumps(value).encode()).decode()
    return _edited(lambda message: message.update(body=text))


def _first_protocol(value: Any) -> bytes:
    text = base64.b64encode(json.dumps(value).encode()).decode()
    return _edited(lambda message: message.update(headers={}, body=text))


#: By a description: the message, and words of the reason for which it is kept.
MALFORMED: Final[dict[str, tuple[bytes, str]]] = {
    "not text": (b"\xff\x00hello", "not a Celery message"),
    "not JSON": (b"hello", "not a Celery message"),
    "a number": (b"5", "not a Celery message"),
    "null": (b"null", "not a Celery message"),
    "a list": (b"[1, 2]", "not a Celery message"),
    "an empty object": (b"{}", "'properties'"),
    "no delivery tag": (
        _edited(lambda message: message["properties"].pop("delivery_tag")),
        "'delivery_tag'",
    ),
    "a delivery tag that is a number": (_property(delivery_tag=5), "delivery_tag is not a string"),
    "a delivery tag with half a character": (
        _property(delivery_tag="\ud800"),
        "delivery_tag contains half a character",
    ),
    "no delivery info": (_property(delivery_info=None), "'exchange'"),
    "properties that are a list": (
        _edited(lambda message: message.update(properties=[1])),
        "not a Celery message",
    ),
    "headers that are a list": (
        _edited(lambda message: message.update(headers=[1])),
        "not a Celery message",
    ),
    "no headers": (_edited(lambda message: message.update(headers=None)), "names no task"),
    "an unknown body encoding": (_property(body_encoding="rot13"), "not a Celery message"),
    "a body that is not base64": (_edited(lambda message: message.update(body="%%%")), "invalid"),
    "no body": (_edited(lambda message: message.update(body=None)), "invalid"),
    "a broken compression": (_header(compression="application/x-gzip"), "cannot be decoded"),
    "an unknown task": (_header(task="no.such"), "'no.such' is not registered"),
    "a task name that is a list": (_header(task=["a"]), "unhashable"),
    "no task name": (_edited(lambda message: message["headers"].pop("task")), "names no task"),
    "no id": (_edited(lambda message: message["headers"].pop("id")), "'id'"),
    "an id that is a list": (_header(id=[1]), "id is not a string"),
    "an id with half a character": (_header(id="\ud800"), "id contains half a character"),
    "an unknown content type": (
        _edited(lambda message: message.update({"content-type": "application/x-foo"})),
        "application/x-foo",
    ),
    "a content type with half a character": (
        _edited(lambda message: message.update({"content-type": "x/\ud800"})),
        "untrusted content",
    ),
    "pickle": (
        _edited(lambda message: message.update({"content-type": "application/x-python-serialize"})),
        "pickle",
    ),
    "a body that is not JSON": (
        _edited(lambda message: message.update(body=base64.b64encode(b"{no").decode())),
        "cannot be decoded",
    ),
    "a body that is a number": (_body(5), "invalid"),
    "a body that is an object": (_body({"a": 1}), "invalid"),
    "a body that is too short": (_body([[]]), "invalid"),
    "args that are text": (_body(["ab", {}, {}]), "args are not a list"),
    "kwargs that are a list": (_body([[], [1], {}]), "kwargs are not an object"),
    "callbacks that are a list": (_body([[], {}, [1]]), "third part"),
    "a time limit that is text": (_header(timelimit="abc"), "timelimit is not a pair"),
    "an ETA that is no time": (_header(eta="never"), "invalid ETA"),
    "an expiry that is no time": (_header(expires={"a": 1}), "invalid expires"),
    "retries that are text": (_header(retries="x"), "retries is not a whole number"),
    "stamped headers that are a number": (_header(stamped_headers=5), "stamped_headers is not"),
    "stamps that are a number": (
        _header(stamped_headers=["a"], stamps=5),
        "stamps is not an object",
    ),
    "protocol 1 without an id": (
        _first_protocol({"task": "io.sleep", "args": [], "kwargs": {}}),
        "id is not a string",
    ),
    "protocol 1 with an id with half a character": (
        _first_protocol({"task": "io.sleep", "id": "\ud800", "args": [], "kwargs": {}}),
        "id contains half a character",
    ),
    "protocol 1 with kwargs that are a list": (
        _first_protocol({"task": "io.sleep", "id": "p", "args": [], "kwargs": [1]}),
        "must be a mapping",
    ),
    "protocol 1 that is a number": (_first_protocol(5), "names no task"),
}
