# SPDX-License-Identifier: MIT
"""Debian's Chromium without a screen, driven by its WebDriver: a page opened, keys typed, what it shows. Both are ended with
the test. Only where COPPICE_BROWSER is set, which asks for them: a browser takes its time on a small machine."""
import http.client
import json
import os
import shutil
import subprocess

from harness.node import free_port
from harness.tap import Skip, eventually

TAB, ENTER = "\ue004", "\ue007"


class Browser:
    def __init__(self, cleanup, *options):
        if not os.environ.get("COPPICE_BROWSER"):
            raise Skip("COPPICE_BROWSER is not set")
        if shutil.which("chromedriver") is None:
            raise AssertionError("no chromedriver on this machine (package chromium-driver), and it was asked for")
        self.port = free_port()
        driver = subprocess.Popen(["chromedriver", f"--port={self.port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        cleanup.callback(lambda: (driver.terminate(), driver.wait()))
        eventually(self._is_there, "chromedriver listens", 60)
        arguments = ["--headless=new", "--no-sandbox", "--disable-dev-shm-usage", *options]
        wanted = {"capabilities": {"alwaysMatch": {"goog:chromeOptions": {"args": arguments}}}}
        self.session = "/session/" + self._ask("POST", "/session", wanted)["sessionId"]
        cleanup.callback(lambda: self._ask("DELETE", self.session))

    def open(self, url):
        self._ask("POST", self.session + "/url", {"url": url})

    def evaluate(self, script):
        """What a function with this body returns in the page."""
        return self._ask("POST", self.session + "/execute/sync", {"script": script, "args": []})

    def type(self, keys):
        """To whatever has the focus."""
        pressed = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
        self._ask("POST", self.session + "/actions", {"actions": [{"type": "key", "id": "keys", "actions": pressed}]})

    def _is_there(self):
        try:
            return self._ask("GET", "/status")["ready"]
        except OSError:
            return False

    def _ask(self, method, path, document=None):
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        try:
            client.request(method, path, None if document is None else json.dumps(document), {"Content-Type": "application/json"})
            answer = client.getresponse()
            value = json.loads(answer.read())["value"]
        finally:
            client.close()
        if answer.status != 200:
            raise AssertionError(f"{method} {path}: {answer.status}: {value}")
        return value
