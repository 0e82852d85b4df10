# SPDX-License-Identifier: MIT
"""An invisible screen (Xvfb) for programs that draw. `display` is its name. `frame` is a file that always has the
current picture, as an X window dump (xwd), from which png() makes a picture. close() removes it."""
import pathlib
import shutil
import struct
import subprocess
import zlib

from harness.node import Folder
from harness.tap import Skip


class Screen:
    def __init__(self, cleanup):
        if shutil.which("Xvfb") is None:
            raise Skip("no Xvfb on this machine")
        folder = Folder()
        cleanup.callback(folder.close)
        self.frame = folder.path / "Xvfb_screen0"
        server = subprocess.Popen(["Xvfb", "-displayfd", "1", "-nolisten", "tcp", "-screen", "0", "1024x768x24",
                                   "-fbdir", str(folder.path)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        cleanup.callback(server.wait)
        cleanup.callback(server.kill)
        self.display = f":{server.stdout.readline().strip()}"


def png(dump):
    """Converts a dump of 32 bits a pixel, blue first, to a PNG file."""
    dump = pathlib.Path(dump).read_bytes()
    head = struct.unpack(">25I", dump[:100])
    size, width, height, bits, line, colours = head[0], head[4], head[5], head[11], head[12], head[19]
    if bits != 32:
        raise ValueError(f"{bits} bits a pixel")
    start = size + 12 * colours
    rows = bytearray()
    for row in range(height):
        pixels = dump[start + row * line:start + row * line + 4 * width]
        colour = bytearray(3 * width)
        colour[0::3], colour[1::3], colour[2::3] = pixels[2::4], pixels[1::4], pixels[0::4]
        rows += b"\0" + colour

    def chunk(name, content):
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(bytes(rows))) + chunk(b"IEND", b""))
