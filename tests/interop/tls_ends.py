# SPDX-License-Identifier: MIT
"""Other programs as one end of a TLS connection with our node: OpenSSL, Erlang's ssl, Java and curl. Each has connect()
to a port of ours, and all but curl also listen(). The ends that these return send lines, change keys and tell whether
the session was resumed. A relay sees where handshake messages are cut."""
import functools
import itertools
import pathlib
import re
import shutil
import socket
import subprocess
import threading

from harness.erlang import Erl, Evaluator, command_line
from harness.tap import Skip, check, contains, equal, eventually

here = pathlib.Path(__file__).resolve().parent
PROTOCOLS = ",".join(f"protocol{n:02}" for n in range(80))  # an ALPN list that makes a ClientHello longer than 512 bytes


class Relay:
    """Passes on one connection after the other to a port of this machine. `cut`: whether an unencrypted handshake
    message went on in another record than it began in, from the end that `watched` names: client or server."""

    def __init__(self, cleanup, port, watched):
        self.port_of_server, self.watched, self.cut = port, watched, False
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]
        self.open = []
        cleanup.callback(self.close)
        threading.Thread(target=self.accept, daemon=True).start()

    def close(self):
        # Only shutdown() wakes a thread that waits in accept().
        for one in (self.listening, *self.open):
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            one.close()

    def accept(self):
        try:
            while True:
                client, _ = self.listening.accept()
                server = socket.create_connection(("127.0.0.1", self.port_of_server), 20)
                self.open += [client, server]
                for name, source, target in (("client", client, server), ("server", server, client)):
                    threading.Thread(target=self.pass_on, args=(name, source, target), daemon=True).start()
        except OSError:
            return

    def pass_on(self, name, source, target):
        waiting, message, plain = b"", b"", name == self.watched
        try:
            while data := source.recv(65536):
                target.sendall(data)
                waiting += data if plain else b""
                while plain and len(waiting) >= 5 and len(waiting) >= 5 + int.from_bytes(waiting[3:5], "big"):
                    kind, record = waiting[0], waiting[5:5 + int.from_bytes(waiting[3:5], "big")]
                    waiting = waiting[5 + len(record):]
                    plain = kind == 22  # encrypted after ChangeCipherSpec, in TLS 1.3 after the hellos
                    message += record
                    while plain and len(message) >= 4 and len(message) >= 4 + int.from_bytes(message[1:4], "big"):
                        message = message[4 + int.from_bytes(message[1:4], "big"):]
                    self.cut = self.cut or (plain and message != b"")
            target.shutdown(socket.SHUT_WR)
        except OSError:
            return


class Program:
    """A program whose output is gathered, and which reads lines from its standard input."""

    def __init__(self, cleanup, *command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.said = ""
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()
        cleanup.callback(self.end)

    def read(self):
        while data := self.process.stdout.read1(65536):
            self.said += data.decode(errors="replace")

    def tell(self, line):
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    def hears(self, text, times=1):
        eventually(lambda: self.said.count(text) >= times, f"{text!r} of {self.said[-2000:]}", 20)

    def end(self):
        self.process.kill()
        self.process.wait()
        self.reader.join()
        self.process.stdin.close()
        self.process.stdout.close()


class OpenSslConnection:
    """A connection of s_client or s_server. s_server has one connection after the other."""

    def __init__(self, program, number=1):
        self.program, self.number = program, number

    def echo(self, line):
        self.program.tell(line)
        self.program.hears(line)

    def change_keys(self):
        self.program.tell("K")
        self.program.hears("unexpected message")

    def is_resumed(self):
        self.program.hears("Secure Renegotiation IS")  # a line that each finished handshake prints
        return "Reused" in self.program.said

    def close(self):
        self.program.tell("q" if self.number else "Q")


class OpenSsl:
    can = ("1.3-EC", "1.3-RSA", "1.2-EC", "1.2-RSA", "KeyUpdate", "session", "cut")

    def __init__(self, cleanup, _epmd_port):
        if shutil.which("openssl") is None:
            raise Skip("no openssl on this machine")
        self.cleanup = cleanup

    @staticmethod
    def name():
        said = subprocess.run(["openssl", "version"], capture_output=True, text=True, check=True).stdout
        return " ".join(said.split()[:2])

    def connect(self, port, ca, version, own=None, cut=False, changing=False, session=None):
        more = ["-cert", own[0], "-key", own[1]] if own else []
        more += ["-max_send_frag", "512", "-alpn", PROTOCOLS, "-maxfraglen", "512"] if cut else []
        if session is not None:
            more += ["-sess_in", session] if pathlib.Path(session).exists() else ["-sess_out", session]
        program = Program(self.cleanup, "openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-servername", "localhost", "-verify_hostname",
                          "localhost", "-CAfile", ca, "-verify_return_error", f"-tls{version.replace('.', '_')}", *more)
        return OpenSslConnection(program, 0)

    def listen(self, ca, own, version, cut=False, changing=False):
        return OpenSslServer(Program(self.cleanup, "openssl", "s_server", "-accept", "127.0.0.1:0", "-cert", own[0], "-key", own[1],
                                     f"-tls{version.replace('.', '_')}", *(["-max_send_frag", "512"] if cut else [])))


class OpenSslServer:
    def __init__(self, program):
        self.program, self.count = program, 0
        program.hears("ACCEPT 127.0.0.1:")
        self.port = int(re.search(r"ACCEPT 127\.0\.0\.1:(\d+)", program.said).group(1))

    def accept(self):
        self.count += 1
        self.program.hears("Secure Renegotiation IS", self.count)
        return OpenSslConnection(self.program, self.count)


@functools.cache
def release():
    said = subprocess.run([*command_line, "-noshell", "-eval", "io:put_chars(erlang:system_info(otp_release)), halt()."], capture_output=True, text=True,
                          check=True)
    return said.stdout


class Otp:
    """A program with Erlang's application ssl."""

    can = ("1.3-EC", "1.3-RSA", "1.2-EC", "1.2-RSA", "KeyUpdate", "session")  # no "cut": ssl cuts only long messages
    numbers = itertools.count(1)

    def __init__(self, cleanup, epmd_port):
        self.erl = Erl(cleanup, epmd_port=epmd_port)
        contains(self.erl("application:ensure_all_started(ssl)"), "{ok,")

    @staticmethod
    def name():
        return "ssl of OTP " + release()

    @staticmethod
    def options(version, own):
        out = ["binary", "{active,false}", f"{{versions,['tlsv{version}']}}"]
        return out + [f'{{certfile,"{own[0]}"}}', f'{{keyfile,"{own[1]}"}}'] if own else out

    def connect(self, port, ca, version, own=None, cut=False, changing=False, session=None):
        s = f"S{next(self.numbers)}"
        options = self.options(version, own)
        options += [f'{{cacertfile,"{ca}"}}', "{verify,verify_peer}", "{server_name_indication,\"localhost\"}"]
        options += ["{session_tickets,auto}"] if session is not None and version == "1.3" else []
        said = self.erl(f'{{ok, {s}}} = ssl:connect("localhost", {port}, [{",".join(options)}], 20000), ok')
        equal(said, "ok")
        return OtpConnection(self.erl, s)

    def listen(self, ca, own, version, cut=False, changing=False):
        l = f"L{next(self.numbers)}"
        options = [*self.options(version, own), "{ip,{127,0,0,1}}", "{reuseaddr,true}"]
        options += ["{session_tickets,stateless}"] if version == "1.3" else []
        port = self.erl(f"{{ok, {l}}} = ssl:listen(0, [{','.join(options)}]), {{ok, {{_, P{l}}}}} = ssl:sockname({l}), P{l}")
        return OtpServer(self, l, int(port))


class OtpServer:
    def __init__(self, otp, socket_of, port):
        self.otp, self.socket, self.port = otp, socket_of, port

    def accept(self):
        s = f"S{next(self.otp.numbers)}"
        equal(self.otp.erl(f"{{ok, T{s}}} = ssl:transport_accept({self.socket}, 20000), {{ok, {s}}} = ssl:handshake(T{s}, 20000), ok"), "ok")
        return OtpConnection(self.otp.erl, s)


class OtpConnection:
    def __init__(self, erl, name):
        self.erl, self.name = erl, name

    def echo(self, line):
        said = self.erl(f'ok = ssl:send({self.name}, <<"{line}\\n">>), element(2, ssl:recv({self.name}, {len(line) + 1}, 20000))')
        equal(said, f'<<"{line}\\n">>')

    def change_keys(self):
        said = self.erl(f"ssl:update_keys({self.name}, write), ssl:send({self.name}, <<\"after\">>), ssl:recv({self.name}, 5, 20000)")
        check("unexpected_message" in said or "closed" in said, "it is refused", said)

    def is_resumed(self):
        return self.erl(f"element(2, ssl:connection_information({self.name}, [session_resumption]))") != "[{session_resumption,false}]"

    def close(self):
        equal(self.erl(f"ssl:close({self.name})"), "ok")


class Java:
    can = ("1.3-EC", "1.3-RSA", "1.2-EC", "1.2-RSA", "KeyUpdate", "session", "cut")

    def __init__(self, cleanup, epmd_port):
        if shutil.which("javac") is None:
            raise Skip("no JDK on this machine (package default-jdk-headless)")
        self.cleanup, self.epmd_port = cleanup, epmd_port
        self.started = {}

    def program(self, changing):
        """The command of the program. A program whose keys may be changed is another program."""
        if changing not in self.started:
            command = ["java", str(here / "TlsPeer.java"), *(["limit"] if changing else [])]
            self.started[changing] = JavaProgram(self.cleanup, "java", command, self.epmd_port)
        return self.started[changing]

    @staticmethod
    def name():
        said = subprocess.run(["java", "-version"], capture_output=True, text=True, check=True).stderr
        return "Java " + re.search(r'version "([^"]+)"', said).group(1)

    def connect(self, port, ca, version, own=None, cut=False, changing=False, session=None):
        java = self.program(changing)
        certificate, key = own or ("-", "-")
        equal(java(f"connect {port} {version} {ca} {certificate} {key} {300 if cut else '-'}"), f"TLSv{version}")
        return JavaConnection(java)

    def listen(self, ca, own, version, cut=False, changing=False):
        java = self.program(changing)
        return JavaServer(java, f"{version} {300 if cut else '-'}", int(java(f"listen {version} {ca} {own[0]} {own[1]}")))


class JavaProgram(Evaluator):
    def __init__(self, *arguments):
        super().__init__(*arguments)
        for line in self.process.stdout:
            if line.startswith("@@ up"):
                return
            self.output.append(line)
        raise AssertionError(f"it does not start: {''.join(self.output)}")


class JavaServer:
    def __init__(self, java, how, port):
        self.java, self.how, self.port = java, how, port

    def accept(self):
        equal(self.java(f"accept {self.how}"), f"TLSv{self.how.split()[0]}")
        return JavaConnection(self.java)


class JavaConnection:
    sessions = {}

    def __init__(self, java):
        self.java = java

    def echo(self, line):
        equal(self.java(f"echo {line}"), line)

    def change_keys(self):
        said = self.java("flood")
        check("unexpected_message" in said or "SocketException" in said, "it is refused", said)

    def is_resumed(self):
        made = self.java("session")
        before, JavaConnection.sessions[self.java] = JavaConnection.sessions.get(self.java), made
        return before == made

    def close(self):
        equal(self.java("close"), "ok")


class Curl:
    can = ("1.3-EC", "1.3-RSA", "1.2-EC", "1.2-RSA", "session")

    def __init__(self, _cleanup, _epmd_port):
        if shutil.which("curl") is None:
            raise Skip("no curl on this machine")

    @staticmethod
    def name():
        said = subprocess.run(["curl", "--version"], capture_output=True, text=True, check=True).stdout
        return " ".join([*said.split()[:2], *re.findall(r"\b(?:OpenSSL|GnuTLS)/[^ ]+", said)[:1]])

    @staticmethod
    def get(port, ca, version, *more, times=1):
        """The page that curl gets, and the messages of curl about the connection."""
        done = subprocess.run(["curl", "--silent", "--show-error", "--verbose", "--fail", "--noproxy", "*", "--cacert", ca, f"--tlsv{version}",
                               "--tls-max", version, *more, *[f"https://localhost:{port}/page.txt"] * times], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=60, check=False)
        equal((done.returncode, done.stdout), (0, "a page\n" * times), done.stderr)
        return done.stderr
