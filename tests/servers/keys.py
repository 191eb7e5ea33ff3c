"""Keys and certificates for a run of the rows, made by openssl."""

from __future__ import annotations

import base64
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

EC = ("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")
ED25519 = ("-algorithm", "ED25519")
RSA = ("-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048")


def b64(raw: bytes) -> str:
    """base64url without padding, as JWKs have it."""
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _openssl(*words: Any) -> bytes:
    return subprocess.run(["openssl", *words], check=True, capture_output=True).stdout


def key_pair(directory: Path, *kind: str) -> tuple[str, dict[str, str]]:
    """A private key as a file, and its public half as a JWK."""
    path = directory / f"{'-'.join(kind)}.pem".replace(":", "-")
    _openssl("genpkey", *kind, "-out", path)
    public = _openssl("pkey", "-in", path, "-pubout", "-outform", "DER")
    if "ED25519" in kind:
        return str(path), {"kty": "OKP", "crv": "Ed25519", "x": b64(public[-32:])}
    return str(path), {"kty": "EC", "crv": "P-256", "x": b64(public[-64:-32]), "y": b64(public[-32:])}


def pem_pair(directory: Path, *kind: str) -> tuple[str, str]:
    """A private key as a file, and its public half in PEM form."""
    path = directory / f"pair-{kind[1]}.pem"
    _openssl("genpkey", *kind, "-out", path)
    return str(path), _openssl("pkey", "-in", path, "-pubout").decode()


@dataclass
class Certificate:
    """A certificate and its key, as files in PEM form."""

    cert: Path
    key: Path

    @property
    def options(self) -> dict[str, str]:
        return {"client_cert_file": str(self.cert), "client_key_file": str(self.key)}

    @property
    def jwk(self) -> dict[str, Any]:
        """Its public key, and itself (RFC 7517 4.7)."""
        public = _openssl("pkey", "-in", self.key, "-pubout", "-outform", "DER")
        der = base64.b64encode(_openssl("x509", "-in", self.cert, "-outform", "DER")).decode()
        point = {"x": b64(public[-64:-32]), "y": b64(public[-32:])}
        return {"kty": "EC", "crv": "P-256", **point, "x5c": [der]}


class Authority:
    """A certificate authority, a server's certificate for 127.0.0.1, and clients' certificates."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(exist_ok=True)
        self._directory = directory
        self.root = self.alone("authority")
        self.server = self.signed("127.0.0.1", "subjectAltName=IP:127.0.0.1")

    def alone(self, name: str) -> Certificate:
        """A certificate that signs itself."""
        made = Certificate(self._directory / f"{name}.pem", self._directory / f"{name}.key")
        key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", made.key)
        _openssl("req", "-x509", *key, "-out", made.cert, "-days", "30", "-subj", f"/CN={name}")
        return made

    def signed(self, name: str, extension: str = "basicConstraints=CA:FALSE") -> Certificate:
        """A certificate that the authority signs."""
        made = Certificate(self._directory / f"{name}.pem", self._directory / f"{name}.key")
        asked, extensions = self._directory / f"{name}.csr", self._directory / f"{name}.ext"
        extensions.write_text(extension + "\n")
        key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", made.key)
        _openssl("req", *key, "-out", asked, "-subj", f"/CN={name}")
        by = ("-CA", self.root.cert, "-CAkey", self.root.key, "-CAcreateserial")
        _openssl("x509", "-req", "-in", asked, *by, "-days", "30", "-extfile", extensions, "-out", made.cert)
        return made
