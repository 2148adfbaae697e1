"""moto's STS behind TLS, for the tests of web identities.

The S3 client speaks to STS over HTTPS only and sends its parameters in the query; moto reads them from a form body. So
this makes an authority and a certificate, moves the query into a body, and passes it to moto, which runs in this
process too. It writes down what it was asked, and shortens the life of what moto gives.

    sts_front.py FOLDER PORT LIFETIME_SECONDS
"""

import datetime
import http.server
import ipaddress
import json
import pathlib
import re
import ssl
import sys
import urllib.parse
import urllib.request

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from moto.server import ThreadedMotoServer

folder, port, lifetime = pathlib.Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
REFUSAL = b"""<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type>
<Code>AccessDenied</Code><Message>Not authorized to perform sts:AssumeRoleWithWebIdentity</Message></Error>
<RequestId>1</RequestId></ErrorResponse>"""


def certificate(name, key, issuer, issuer_key, is_authority):
    now = datetime.datetime.now(datetime.timezone.utc)
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer or subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
    )
    if not is_authority:
        loopback = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
        builder = builder.add_extension(x509.SubjectAlternativeName([loopback]), critical=False)
        server = x509.ExtendedKeyUsage([x509.ExtendedKeyUsageOID.SERVER_AUTH])
        builder = builder.add_extension(server, critical=False)
    return builder.sign(issuer_key, hashes.SHA256())


def write_certificates():
    authority_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    authority = certificate("test authority", authority_key, None, authority_key, True)
    leaf = certificate("sts", key, authority.subject, authority_key, False)
    pem = serialization.Encoding.PEM
    (folder / "ca.pem").write_bytes(authority.public_bytes(pem))
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "sts.pem").write_bytes(private + leaf.public_bytes(pem))


def between(text, tag):
    return re.search(f"<{tag}>(.*?)</{tag}>", text, re.DOTALL).group(1).strip()


class Front(http.server.BaseHTTPRequestHandler):
    """One exchange for each request."""

    def do_POST(self):
        query = urllib.parse.urlsplit(self.path).query
        self.rfile.read(int(self.headers.get("content-length", 0)))
        exchange = {"request": dict(urllib.parse.parse_qsl(query)), "given": None}
        if (folder / "refuse").exists():
            self.reply(403, REFUSAL)
        else:
            request = urllib.request.Request(moto, data=query.encode(), method="POST")
            request.add_header("content-type", "application/x-www-form-urlencoded")
            with urllib.request.urlopen(request) as answer:
                text = answer.read().decode()
            expires = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=lifetime)
            expiration = f"<Expiration>{expires.strftime('%Y-%m-%dT%H:%M:%SZ')}</Expiration>"
            text = re.sub("<Expiration>.*?</Expiration>", expiration, text)
            exchange["given"] = {tag: between(text, tag) for tag in ("AccessKeyId", "SessionToken")}
            self.reply(200, text.encode())
        with (folder / "exchanges").open("a") as file:
            file.write(json.dumps(exchange) + "\n")

    def reply(self, status, body):
        self.send_response(status)
        self.send_header("content-type", "text/xml")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


write_certificates()
engine = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
engine.start()
moto = "http://%s:%d/" % engine.get_host_and_port()
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(folder / "sts.pem")
server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Front)
server.socket = context.wrap_socket(server.socket, server_side=True)
(folder / "ready").write_text("")
server.serve_forever()
