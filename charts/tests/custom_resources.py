"""Strict checks of the resources that Kubernetes does not know by itself.

Those of the Prometheus operator and of cert-manager are checked with models made from their own definitions. They keep what
they know, so a field that is gone afterwards was unknown. For the Gateway API there are none to be had: its fields that the
chart uses are written down here, from the reference of version 1 at gateway-api.sigs.k8s.io.
"""

import jsonschema
from cloudcoil.models.cert_manager import v1 as cert_manager
from cloudcoil.models.prometheus_operator import v1 as prometheus_operator

GATEWAY_NAME = {"type": "string", "minLength": 1, "maxLength": 253}
DURATION = {"type": "string", "pattern": "^([0-9]{1,5}(h|m|s|ms)){1,4}$"}
PORT = {"type": "integer", "minimum": 1, "maximum": 65535}
HTTP_ROUTE = {
    "type": "object", "additionalProperties": False, "required": ["apiVersion", "kind", "metadata", "spec"],
    "properties": {
        "apiVersion": {"const": "gateway.networking.k8s.io/v1"}, "kind": {"const": "HTTPRoute"}, "metadata": {"type": "object"},
        "spec": {"type": "object", "additionalProperties": False, "properties": {
            "parentRefs": {"type": "array", "maxItems": 32, "items": {
                "type": "object", "additionalProperties": False, "required": ["name"],
                "properties": {"group": {"type": "string"}, "kind": {"type": "string"}, "namespace": GATEWAY_NAME,
                               "name": GATEWAY_NAME, "sectionName": GATEWAY_NAME, "port": PORT}}},
            "hostnames": {"type": "array", "maxItems": 16, "items": GATEWAY_NAME},
            "rules": {"type": "array", "minItems": 1, "maxItems": 16, "items": {
                "type": "object", "additionalProperties": False, "properties": {
                    "matches": {"type": "array", "maxItems": 64, "items": {
                        "type": "object", "additionalProperties": False, "properties": {"path": {
                            "type": "object", "additionalProperties": False, "properties": {
                                "type": {"enum": ["Exact", "PathPrefix", "RegularExpression"]},
                                "value": {"type": "string", "maxLength": 1024}}}}}},
                    "timeouts": {"type": "object", "additionalProperties": False,
                                 "properties": {"request": DURATION, "backendRequest": DURATION}},
                    "backendRefs": {"type": "array", "maxItems": 16, "items": {
                        "type": "object", "additionalProperties": False, "required": ["name"],
                        "properties": {"name": GATEWAY_NAME, "namespace": GATEWAY_NAME, "port": PORT,
                                       "weight": {"type": "integer"}}}}}}}}}}}

MODELS = {
    ("monitoring.coreos.com/v1", "ServiceMonitor"): prometheus_operator.ServiceMonitor,
    ("monitoring.coreos.com/v1", "PodMonitor"): prometheus_operator.PodMonitor,
    ("monitoring.coreos.com/v1", "PrometheusRule"): prometheus_operator.PrometheusRule,
    ("cert-manager.io/v1", "Certificate"): cert_manager.Certificate,
}


def is_custom(document: dict) -> bool:
    return document["kind"] == "HTTPRoute" or kind_of(document) in MODELS


def kind_of(document: dict) -> tuple[str, str]:
    return document["apiVersion"], document["kind"]


def validate(document: dict):
    """Fails when a field is unknown, missing, or of the wrong type."""
    if document["kind"] == "HTTPRoute":
        jsonschema.validate(document, HTTP_ROUTE)
        return
    kept = MODELS[kind_of(document)].model_validate(document).model_dump(mode="json", by_alias=True, exclude_unset=True)
    assert kept == document, f"unknown to {document['kind']}: {difference(document, kept)}"


def difference(given, kept, path="") -> list[str]:
    """What of `given` is not in `kept`."""
    if isinstance(given, dict) and isinstance(kept, dict):
        return [line for key in given for line in difference(given[key], kept.get(key), f"{path}.{key}")]
    if isinstance(given, list) and isinstance(kept, list) and len(given) == len(kept):
        return [line for i, (a, b) in enumerate(zip(given, kept)) for line in difference(a, b, f"{path}[{i}]")]
    return [] if given == kept else [path]
