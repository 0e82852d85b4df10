# SPDX-License-Identifier: MIT
"""Debian's Chromium without a screen, driven by its WebDriver: it opens a page, types keys, and reads what the page
shows. Both programs end with the test. It runs only if COPPICE_BROWSER is set, because a browser takes long on a small
machine."""
import base64
import http.client
import json
import os
import shutil
import subprocess

from harness.node import free_port
from harness.tap import Skip, eventually

TAB, ENTER = "\ue004", "\ue007"

# Colours are read back from a canvas, which understands every notation. An element without a background has the one
# behind it.
_contrasts = """
const page = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
const rgba = color => { page.clearRect(0, 0, 1, 1); page.fillStyle = color; page.fillRect(0, 0, 1, 1); return [...page.getImageData(0, 0, 1, 1).data]; };
const over = (front, behind) => [0, 1, 2].map(i => (front[i] * front[3] + behind[i] * (255 - front[3])) / 255).concat(255);
const sheet = document.body.appendChild(document.createElement("i"));
sheet.style.background = "Canvas";
const canvas = rgba(getComputedStyle(sheet).backgroundColor);
sheet.remove();
const behind = one => one === null ? canvas : over(rgba(getComputedStyle(one).backgroundColor), behind(one.parentElement));
const light = color => { const [r, g, b] = color.map(c => (c /= 255) <= .04045 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4); return .2126 * r + .7152 * g + .0722 * b; };
const ratio = (color, back) => { const [a, b] = [light(over(rgba(color), back)), light(back)]; return (Math.max(a, b) + .05) / (Math.min(a, b) + .05); };
const found = {}, note = (what, value) => { found[what] = Math.min(found[what] ?? 21, value); };
for (const one of document.body.querySelectorAll("*")) {
  if (!one.checkVisibility()) continue;
  const name = one.id || one.tagName.toLowerCase();
  if ([...one.childNodes].some(part => part.nodeType === Node.TEXT_NODE && part.data.trim())) note(name, ratio(getComputedStyle(one).color, behind(one)));
  if (one.tagName === "INPUT") note(name, ratio(getComputedStyle(one).color, behind(one)));
  if (one.placeholder) note(name + "'s placeholder", ratio(getComputedStyle(one, "::placeholder").color, behind(one)));
}
const focused = getComputedStyle(document.activeElement);
if (document.activeElement !== document.body)
  note("the focus", focused.outlineStyle === "none" ? 1 : ratio(focused.outlineColor, behind(document.activeElement.parentElement)));
return found;
"""

# The boxes of each text that is shown. Text that a scrolling element cuts off, or that overflows a hidden box, is not
# shown; text moved out of the page on the left is for screen readers. Two texts overlap if their boxes share more
# than two pixels each way.
_misplaced = """
const found = [], boxes = [];
const called = one => `${one.tagName.toLowerCase()}${one.id ? "#" + one.id : ""} "${(one.textContent || one.value || "").trim().slice(0, 40)}"`;
const clips = new Map();
const clip = one => {
  if (one === null) return [0, -Infinity, innerWidth, Infinity];
  if (!clips.has(one)) {
    const around = clip(one.parentElement), how = getComputedStyle(one);
    const within = one.getBoundingClientRect(), [l, t, r, b] = around;
    const isOpen = how.overflowX === "visible" && how.overflowY === "visible" || one === document.body || one === document.documentElement;
    clips.set(one, isOpen ? around : [Math.max(l, within.left), Math.max(t, within.top), Math.min(r, within.right), Math.min(b, within.bottom)]);
  }
  return clips.get(one);
};
const look = (one, box) => {
  if (box.width === 0 || box.height === 0 || box.right <= 0) return;
  const [left, top, right, bottom] = clip(one);
  if (box.bottom <= top + 1 || box.top >= bottom - 1) return;
  if (box.left < left - 1 || box.right > right + 1) found.push(`cut off: ${called(one)}`);
  else boxes.push({one, left: box.left, right: box.right, top: Math.max(box.top, top), bottom: Math.min(box.bottom, bottom)});
};
const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
for (let text = walk.nextNode(); text; text = walk.nextNode()) {
  const one = text.parentElement;
  if (!text.data.trim() || !one.checkVisibility()) continue;
  const range = document.createRange();
  range.selectNodeContents(text);
  for (const box of range.getClientRects()) look(one, box);
}
for (const one of document.querySelectorAll("input, select, button")) if (one.checkVisibility() && !one.textContent.trim()) look(one, one.getBoundingClientRect());
boxes.sort((a, b) => a.top - b.top);
boxes.forEach((a, i) => {
  for (let j = i + 1; j < boxes.length && boxes[j].top < a.bottom - 2; ++j) {
    const b = boxes[j];
    if (a.one !== b.one && Math.min(a.right, b.right) - Math.max(a.left, b.left) > 2 && Math.min(a.bottom, b.bottom) - b.top > 2) found.push(`overlap: ${called(a.one)} and ${called(b.one)}`);
  }
});
return [...new Set(found)].slice(0, 20);
"""


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

    def prefers(self, scheme):
        """Shows pages as to a user who prefers dark or light pages."""
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self._devtools("Emulation.setEmulatedMedia", features=features)

    def resize(self, width, height):
        """Shows pages on a screen of this size, in CSS pixels."""
        self._devtools("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 500)

    def picture(self):
        """The visible part of the page, as PNG."""
        return base64.b64decode(self._devtools("Page.captureScreenshot", format="png")["data"])

    def contrasts(self):
        """{name: contrast ratio of WCAG 2, 1.4.3, 1 to 21} of each text that is shown, of the text in empty fields, and
        of the mark of the element that has the focus."""
        return self.evaluate(_contrasts)

    def misplaced(self):
        """A sentence for each text or field that another one overlaps or that is cut off at its left or right."""
        return self.evaluate(_misplaced)

    def type(self, keys):
        """Types into the element that has the focus."""
        pressed = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
        self._ask("POST", self.session + "/actions", {"actions": [{"type": "key", "id": "keys", "actions": pressed}]})

    def _devtools(self, command, **parameters):
        return self._ask("POST", self.session + "/goog/cdp/execute", {"cmd": command, "params": parameters})

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
