"""Every value that there is, set once: what it renders is valid, and what looks like a number stays a string."""

import kubernetes_validate
import pytest
import yaml

import chart
import custom_resources
from test_examples import NEWEST, OLDEST

WHOLE = chart.values_of(chart.CHARTS / "tests" / "everything.yaml")
# Values that exclude one that is set there, by name, and what goes with them.
INSTEAD = {
    "serviceAccount.roleArn": {"serviceAccount": {"roleArn": "arn:aws:iam::123456789012:role/log"},
                               "objectStore": {"credentialsSecret": {"name": ""}}},
    "backup.serviceAccount.roleArn": {"backup": {"serviceAccount": {"roleArn": "arn:aws:iam::123456789012:role/backup"},
                                                 "credentialsSecret": {"name": ""}},
                                      "objectStore": {"credentialsSecret": {"name": ""}}},
    "readers.serviceAccount.roleArn": {"readers": {"serviceAccount": {"roleArn": "arn:aws:iam::123456789012:role/readers"},
                                                   "credentialsSecret": {"name": ""}},
                                       "objectStore": {"credentialsSecret": {"name": ""}}},
    "readers.autoscaling": {"readers": {"replicas": 0, "autoscaling": {"enabled": True, "targetLagSeconds": 5}}},
    "readers.writerCertificateAuthority": {"readers": {"writerCertificateAuthority": {"configMap": ""}}},
    "readers.podDisruptionBudget": {"readers": {"podDisruptionBudget": {"enabled": False}, "cache": {"type": "none"}}},
    "backup.existingClaim": {"backup": {"to": "", "existingClaim": "123", "keep": 0, "verify": False}},
    "cache.existingClaim": {"cache": {"existingClaim": "123"}},
    "httpRoute": {"httpRoute": {"enabled": True, "annotations": {"a": "1"}, "parentRefs": [{"name": "123"}], "hostnames": ["a.example"]},
                  "tls": {"enabled": False, "existingSecret": "", "certManager": {"enabled": False}}},
    "cluster": {"cluster": {"enabled": True, "zoneFromPodLabel": True, "token": {"existingSecret": "123"},
                            "certificateAuthority": {"configMap": "123"}}, "cache": {"type": "none"}, "topologySpreadConstraints": [], "readers": {"replicas": 0}},
    "cluster.autoscaling": {"cluster": {"enabled": True, "autoscaling": {"enabled": True}, "podDisruptionBudget": {"enabled": False}},
                            "cache": {"type": "none"}, "readers": {"replicas": 0}, "backup": {"enabled": False}},
    "admin.enabled": {"admin": {"enabled": True}},
    "podMonitor.enabled": {"podMonitor": {"enabled": True}, "serviceMonitor": {"enabled": False}},
    "the names that are given": {"nameOverride": "", "fullnameOverride": "", "tls": {"existingSecret": ""}},
}
# Not optional: what it is for is that it is false.
SAFER = {".containerSecurityContext.allowPrivilegeEscalation"}
VARIANTS = {"everything": {}} | INSTEAD


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
@pytest.mark.parametrize("more", VARIANTS.values(), ids=VARIANTS.keys())
def test_everything_that_can_be_set_renders_what_is_valid(more, version):
    values = chart.with_values(WHOLE, more)
    for document in chart.documents(values, release="123"):
        if custom_resources.is_custom(document):
            custom_resources.validate(document)
        else:
            kubernetes_validate.validate(document, version, strict=True)
        words = [document["metadata"]["name"], document["metadata"]["namespace"],
                 *document["metadata"].get("labels", {}).values(), *document["metadata"].get("annotations", {}).values()]
        assert all(isinstance(word, str) for word in words), words


def test_no_value_that_is_empty_by_default_is_left_out_here():
    every = [WHOLE, *INSTEAD.values()]

    def unset(default, given: list, path: str) -> list[str]:
        if isinstance(default, dict) and default:
            sections = [each for each in given if isinstance(each, dict)]
            return [name for key in default
                    for name in unset(default[key], [each[key] for each in sections if key in each], f"{path}.{key}")]
        return [] if default not in ("", None, False, [], {}) or path in SAFER or any(given) else [path]

    assert unset(yaml.safe_load((chart.CHART / "values.yaml").read_text()), every, "") == []


def test_what_only_everything_sets_arrives():
    assert chart.find("Service", WHOLE)["spec"]["ports"][0]["nodePort"] == 30080
    assert chart.pod(WHOLE)["runtimeClassName"] == "true" and chart.pod(WHOLE)["priorityClassName"] == "123"
    assert {"name": "AWS_VIRTUAL_HOSTED_STYLE_REQUEST", "value": "true"} in chart.container(WHOLE)["env"]


@pytest.mark.parametrize(("time", "longer_than"), [
    ("2min", 120), ("90sec", 90), ("90 s", 90), ("1m 30s", 90), ("1h", 3600), ("1500ms", 1), ("2m", 120)])
def test_a_time_is_compared_in_every_unit_that_the_server_takes(time, longer_than):
    values = chart.with_values(chart.example("default"), {"config": {"shutdown": {"timeout": time}}})
    with pytest.raises(Exception, match="must be more than config.shutdown.timeout"):
        chart.render(chart.with_values(values, {"terminationGracePeriodSeconds": longer_than}))
    chart.render(chart.with_values(values, {"terminationGracePeriodSeconds": longer_than + 1}))


@pytest.mark.parametrize("time", ["2 fortnights", "soon"])
def test_a_time_in_no_unit_is_refused(time):
    with pytest.raises(Exception, match="/config/shutdown/timeout"):
        chart.render(chart.with_values(chart.example("default"), {"config": {"shutdown": {"timeout": time}}}))
