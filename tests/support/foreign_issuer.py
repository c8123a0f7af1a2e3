"""An issuer of tokens outside this installation: a key of its own, which it publishes over https."""

from __future__ import annotations

import ipaddress
import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from jwt.algorithms import ECAlgorithm

from infra.keys import private_pem

ISSUER = "https://id.example"
DAY = timedelta(days=1)


class Foreign:
    """An issuer outside: a P-256 key of its own."""

    def __init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.jwks: dict[str, Any] = {
            "keys": [{**ECAlgorithm.to_jwk(self.key.public_key(), as_dict=True), "kid": "k1", "use": "sig"}]
        }

    def token(self, now: datetime, **changed: Any) -> str:
        """A token that holds for a day."""
        claims = {
            "iss": ISSUER,
            "aud": ["findprofile", "other"],
            "sub": "8472",
            "name": "Sam Example",
            "roles": ["operator"],
            "rocus": ["*"],
            "jti": "t1",
            "iat": now.timestamp(),
            "exp": (now + DAY).timestamp(),
            "email": "not asked for",
            **changed,
        }
        return jwt.encode(claims, self.key, algorithm="ES256", headers={"kid": "k1"})


def _certificate(folder: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "loopback")])
    today = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(today - DAY)
        .not_valid_after(today + DAY)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "key.pem").write_bytes(private_pem(key))
    (folder / "certificate.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    return folder / "certificate.pem", folder / "key.pem"


@contextmanager
def serving(foreign: Foreign, folder: Path) -> Iterator[tuple[str, Path]]:
    """Publish the issuer's keys on a real server: their https URL, and the server's certificate."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = self.path == "/jwks"
            self.send_response(200 if found else 500)
            self.end_headers()
            self.wfile.write(json.dumps(foreign.jwks).encode() if found else b"broken")

        def log_message(self, *_: object) -> None:
            return

    certificate, key = _certificate(folder)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"https://127.0.0.1:{server.server_port}/jwks", certificate
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
