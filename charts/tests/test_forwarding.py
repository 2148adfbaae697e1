"""Read-only servers that know the writer (`readers.forwardToWriter`): where it is, and what they need to be let in by it."""

import pytest

import chart
from test_readers import config, with_readers

OWN_URL = {"config": {"reader": {"writer_url": "https://log.example.com"}}}
TLS = {"tls": {"enabled": True, "existingSecret": "my-tls"}}
POLICY = {"networkPolicy": {"enabled": True, "restrictEgress": True}}


def forwarding(example: str = "default", /, readers: dict | None = None, **more) -> dict:
    return with_readers(example, readers=chart.with_values({"forwardToWriter": True}, readers or {}), **more)


def sources(values: dict, readers: bool = True) -> list:
    """What the volume with the configuration consists of: kind, name, key and path."""
    found = chart.pod(values, readers)["volumes"][0]["projected"]["sources"]
    return [(kind, of["name"], item["key"], item["path"]) for source in found for kind, of in source.items() for item in of["items"]]


def variables(values: dict, readers: bool = True) -> dict:
    return {variable["name"]: variable.get("value") for variable in chart.container(values, readers).get("env", [])}


def policy(values: dict, readers: bool) -> dict:
    return chart.find("NetworkPolicy", values, ending="-readers" if readers else "opendata-log", readers=readers)["spec"]


@pytest.mark.parametrize(("values", "url"), [
    ({}, "http://demo-opendata-log.logs.svc:8080"),
    (TLS, "https://demo-opendata-log.logs.svc:8080"),
    ({"service": {"port": 80}, "fullnameOverride": "my-opendata-log"}, "http://my-opendata-log.logs.svc:80")], ids=str)
def test_they_reach_the_writer_by_its_service(values, url):
    values = forwarding(**values)
    assert config(values)["reader"] == {"writer_url": url}
    service = chart.find("Service", values)
    assert url.split("://")[1] == f"{service['metadata']['name']}.logs.svc:{service['spec']['ports'][0]['port']}"
    assert "reader" not in config(values, readers=False), "the writer would not start"


def test_what_the_operator_says_of_the_writer_wins():
    own = {"writer_url": "https://log.example.com", "writer_token_file": "/mine/token", "poll_interval": "5s"}
    values = forwarding(readers={"writerToken": {"existingSecret": "token"}, "config": {"reader": own}}, **TLS)
    assert config(values)["reader"] == own
    # Its certificate may be of a public authority, and there may be no `ca.crt` in the Secret.
    assert "SSL_CERT_DIR" not in variables(values) and not [path for *_, path in sources(values) if path.startswith("writer-ca/")]


def test_without_it_they_know_nothing_of_the_writer():
    with_and_without = with_readers("tls-tokens"), forwarding("tls-tokens")
    assert "reader" not in config(with_and_without[0]) and "SSL_CERT_DIR" not in variables(with_and_without[0])
    assert sources(with_and_without[0]) == [each for each in sources(with_and_without[1]) if not each[3].startswith("writer")]


def test_the_writer_is_the_same_but_for_whom_it_lets_in():
    with_and_without = [[d for d in chart.documents(values) if "-readers" not in d["metadata"]["name"] and d["kind"] != "NetworkPolicy"]
                        for values in (with_readers("tls-tokens"), forwarding("tls-tokens", readers={"writerToken": {"existingSecret": "token"}}))]
    assert with_and_without[0] == with_and_without[1]


def test_the_token_to_ask_the_writer_with_is_a_file_that_they_alone_have():
    values = forwarding("tls-tokens", readers={"writerToken": {"existingSecret": "reader", "key": "bearer"}})
    assert config(values)["reader"]["writer_token_file"] == "/etc/opendata-log/writer/token"
    assert ("secret", "reader", "bearer", "writer/token") in sources(values) and "reader" not in str(sources(values, readers=False))
    # A server with a token file that is not there would not ask.
    without = forwarding("tls-tokens")
    assert "writer_token_file" not in config(without)["reader"] and not [path for *_, path in sources(without) if path == "writer/token"]


@pytest.mark.parametrize(("readers", "source"), [
    ({}, ("secret", "my-tls", "ca.crt", "writer-ca/ca.crt")),
    ({"writerCertificateAuthority": {"configMap": "company", "key": "root.pem"}}, ("configMap", "company", "root.pem", "writer-ca/ca.crt")),
    ({**OWN_URL, "writerCertificateAuthority": {"configMap": "company"}}, ("configMap", "company", "ca.crt", "writer-ca/ca.crt"))], ids=str)
@pytest.mark.parametrize(("store", "trusted"), [
    ({}, {"SSL_CERT_DIR": "/etc/ssl/certs:/etc/opendata-log/writer-ca"}),
    ({"configMap": "of-the-store"}, {"SSL_CERT_DIR": "/etc/opendata-log/writer-ca", "SSL_CERT_FILE": "/etc/opendata-log/ca/ca.crt"})], ids=str)
def test_they_trust_the_authority_of_the_writer_beside_that_of_the_store(readers, source, store, trusted):
    values = forwarding(readers=readers, objectStore={"certificateAuthority": store}, **TLS)
    assert source in sources(values) and len([path for *_, path in sources(values) if path.startswith("writer-ca/")]) == 1
    assert {name: value for name, value in variables(values).items() if name.startswith("SSL_")} == trusted
    assert not [path for *_, path in sources(values, readers=False) if path.startswith("writer")] and "SSL_CERT_DIR" not in variables(values, readers=False)


def test_without_tls_there_is_nothing_to_trust():
    assert "SSL_CERT_DIR" not in variables(forwarding()) and not [path for *_, path in sources(forwarding()) if path.startswith("writer")]


def test_the_writer_lets_them_in_and_they_may_go_there():
    values = forwarding(**POLICY)
    labels = {readers: chart.find("Deployment", values, readers=readers)["spec"]["template"]["metadata"]["labels"] for readers in (True, False)}

    def by(rules: list, key: str, readers: bool) -> list:
        """The ports of the rules that name the pods of these servers and no others."""
        peers = [(rule["ports"], peer["podSelector"]["matchLabels"].items()) for rule in rules for peer in rule.get(key, []) if "podSelector" in peer]
        return [ports for ports, selected in peers if selected <= labels[readers].items() and not selected <= labels[not readers].items()]

    assert by(policy(values, readers=False)["ingress"], "from", readers=True) == [[{"port": "http", "protocol": "TCP"}]]
    port, = [port["containerPort"] for port in chart.container(values)["ports"] if port["name"] == "http"]
    assert by(policy(values, readers=True)["egress"], "to", readers=False) == [[{"port": port, "protocol": "TCP"}]]
    # Nor the other way round.
    assert not by(policy(values, readers=True)["ingress"], "from", readers=False) and not by(policy(values, readers=False)["egress"], "to", readers=True)


@pytest.mark.parametrize("values", [with_readers(**POLICY), forwarding(readers={"replicas": 0}, **POLICY)], ids=["off", "no readers"])
def test_whom_a_policy_names_only_if_they_forward(values):
    assert "opendata-log-reader" not in str(policy(values, readers=False))
    assert values["readers"]["replicas"] == 0 or policy(values, readers=True)["egress"] == policy(values, readers=False)["egress"]


def test_who_may_go_anywhere_needs_no_rule():
    of_readers = [policy(values, readers=True) for values in (forwarding(networkPolicy={"enabled": True}), with_readers(networkPolicy={"enabled": True}))]
    assert of_readers[0] == of_readers[1] and "egress" not in of_readers[0]


@pytest.mark.parametrize("hosts", ["*", "demo-opendata-log.logs.svc", "log.example.com, demo-opendata-log.logs.svc:8080",
                                   ["log.example.com", "demo-opendata-log.logs.svc"], []], ids=str)
def test_a_writer_that_answers_to_the_name_of_its_service_is_not_refused(hosts):
    chart.render(forwarding(config={"http": {"allowed_hosts": hosts}}))


def test_to_a_url_of_their_own_they_forward_whatever_names_the_service_has():
    chart.render(forwarding(readers=OWN_URL, config={"http": {"allowed_hosts": "log.example.com"}}))


@pytest.mark.parametrize(("values", "says_so"), [
    (forwarding("tls-tokens"), True), (forwarding("tls-tokens", readers={"writerToken": {"existingSecret": "token"}}), False),
    (forwarding("tls-tokens", readers={"config": {"reader": {"writer_token_file": "/mine/token"}}}), False),
    (forwarding(), False), (with_readers("tls-tokens"), False)], ids=["no token", "token", "a file", "no tokens at all", "off"])
def test_the_notes_say_what_is_lost_without_a_token(values, says_so):
    assert ("find new records by polls alone" in chart.render(values)["NOTES.txt"]) == says_so


@pytest.mark.parametrize(("values", "says_so"), [
    (forwarding(**TLS), True), (forwarding("tls-tokens"), False), (forwarding(), False), (with_readers(**TLS), False),
    (forwarding(readers=OWN_URL, **TLS), False), (forwarding(readers={"replicas": 0}, **TLS), False),
    (forwarding(readers={"writerCertificateAuthority": {"configMap": "company"}}, **TLS), False)],
    ids=["own certificate", "cert-manager", "no TLS", "off", "own URL", "no readers", "authority"])
def test_the_notes_say_that_the_authority_must_be_in_the_secret(values, says_so):
    notes = chart.render(values)["NOTES.txt"]
    assert ("the key `ca.crt` of the Secret my-tls, and do not start without" in notes) == ("and do not start without" in notes) == says_so


def test_the_notes_say_what_they_are_for():
    notes = [chart.render(values)["NOTES.txt"] for values in (forwarding(), with_readers())]
    assert "Read-only servers, which forward changes to it: " in notes[0] and "Read-only servers, for reads alone: " in notes[1]
