# SPDX-License-Identifier: MIT
"""Certificates for tests, made by openssl: an authority and the leaves that it signed, as PEM files in a folder."""
import datetime
import pathlib
import shutil
import subprocess

from harness.tap import Skip


class Authority:
    """`path` is the authority's certificate. `kind`: the kind of its key and of the keys of its leaves, ec or rsa."""

    def __init__(self, folder, name="ca", kind="ec"):
        if shutil.which("openssl") is None:
            raise Skip("no openssl on this machine")
        self.folder, self.name, self.kind = pathlib.Path(folder), name, kind
        self.path = str(self.folder / f"{name}.pem")
        self.key = str(self.folder / f"{name}-key.pem")
        openssl("req", "-x509", *new_key(self.key, kind), "-out", self.path, "-days", "2", "-subj", f"/CN=test {name}")

    def issue(self, name, alternatives="IP:127.0.0.1,DNS:127.0.0.1,DNS:localhost", days=2):
        """Makes a leaf for server and client use; returns the paths of its certificate and its key. Negative `days`: it
        has expired."""
        certificate, key = (str(self.folder / f"{name}{part}.pem") for part in ("", "-key"))
        request, extensions = (self.folder / f"{name}.{part}" for part in ("csr", "ext"))
        extensions.write_text(f"subjectAltName={alternatives}\nextendedKeyUsage=serverAuth,clientAuth\n"
                              "basicConstraints=CA:FALSE\nkeyUsage=digitalSignature\n")
        openssl("req", *new_key(key, self.kind), "-out", str(request), "-subj", f"/CN={name}")
        # `openssl x509` sets no start, and so the start of an expired certificate would be after its end.
        configuration = self.folder / f"{self.name}.cnf"
        configuration.write_text(f"[ca]\ndefault_ca=this\n[this]\ndatabase={self.path}.db\nnew_certs_dir={self.folder}\n"
                                 "rand_serial=yes\ndefault_md=sha256\nunique_subject=no\npolicy=any\n[any]\ncommonName=supplied\n")
        pathlib.Path(f"{self.path}.db").touch()
        now = datetime.datetime.now(datetime.timezone.utc)
        start, end = (f"{now + datetime.timedelta(days=one):%Y%m%d%H%M%SZ}" for one in (-30, days))
        openssl("ca", "-batch", "-notext", "-config", str(configuration), "-cert", self.path, "-keyfile", self.key,
                "-in", str(request), "-out", certificate, "-extfile", str(extensions), "-startdate", start, "-enddate", end)
        return certificate, key


def new_key(path, kind="ec"):
    newkey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"] if kind == "ec" else ["-newkey", "rsa:2048"]
    return [*newkey, "-nodes", "-keyout", path]


def openssl(*arguments):
    done = subprocess.run(["openssl", *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    if done.returncode != 0:
        raise AssertionError(f"openssl {arguments[0]}: {done.stderr}")
