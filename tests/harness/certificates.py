# SPDX-License-Identifier: MIT
"""Certificates for tests, made by openssl: an authority and leaves it signed, as PEM files in a folder."""
import pathlib
import shutil
import subprocess

from harness.tap import Skip


class Authority:
    """`path` is the authority's certificate."""

    def __init__(self, folder, name="ca"):
        if shutil.which("openssl") is None:
            raise Skip("no openssl on this machine")
        self.folder, self.name = pathlib.Path(folder), name
        self.path = str(self.folder / f"{name}.pem")
        self.key = str(self.folder / f"{name}-key.pem")
        openssl("req", "-x509", *new_key(self.key), "-out", self.path, "-days", "2", "-subj", f"/CN=test {name}")

    def issue(self, name, alternatives="IP:127.0.0.1,DNS:127.0.0.1,DNS:localhost"):
        """A leaf for server and client use; its certificate's and its key's path."""
        certificate, key = (str(self.folder / f"{name}{part}.pem") for part in ("", "-key"))
        request, extensions = (self.folder / f"{name}.{part}" for part in ("csr", "ext"))
        extensions.write_text(f"subjectAltName={alternatives}\nextendedKeyUsage=serverAuth,clientAuth\n"
                              "basicConstraints=CA:FALSE\nkeyUsage=digitalSignature\n")
        openssl("req", *new_key(key), "-out", str(request), "-subj", f"/CN={name}")
        openssl("x509", "-req", "-in", str(request), "-CA", self.path, "-CAkey", self.key, "-CAcreateserial",
                "-days", "2", "-extfile", str(extensions), "-out", certificate)
        return certificate, key


def new_key(path):
    return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", path]


def openssl(*arguments):
    done = subprocess.run(["openssl", *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    if done.returncode != 0:
        raise AssertionError(f"openssl {arguments[0]}: {done.stderr}")
