# SPDX-License-Identifier: MIT
"""A node with a web server, and a folder of plugins of its own."""
import http.client
import socket

from harness.node import Node, Shelf, until_closed


def address(shown):
    host, _, port = shown.removesuffix(" tls").rpartition(":")
    return host.strip("[]"), int(port)


class WebSite:
    """A node with a web server, which is the child `site` of `config`. `at` is the address of its first listener,
    `secured` the address of its first listener with TLS."""

    def __init__(self, cleanup, config, *plugins, settings=()):
        self.cleanup = cleanup
        self.plugins = Shelf(cleanup, *plugins)
        self.node = Node(cleanup, config=config, settings=(self.plugins.setting, *settings))
        places = self.report()["listening"]
        self.at = address(places[0])
        self.secured = next((address(one) for one in places if one.endswith(" tls")), None)

    def report(self):
        return self.node.ask("listener", name="site")

    def route(self, path):
        return next(one for one in self.report()["routes"] if one["path"] == path)

    def connect(self):
        connection = socket.create_connection(self.at, 60)
        self.cleanup.callback(connection.close)
        return connection

    def client(self):
        connection = http.client.HTTPConnection(*self.at, timeout=60)
        self.cleanup.callback(connection.close)
        return connection

    def raw(self, *parts, ends=False):
        """Everything that comes back until the server closes, perhaps in the middle of an answer."""
        with socket.create_connection(self.at, 60) as connection:
            try:
                for part in parts:
                    connection.sendall(part)
                if ends:
                    connection.shutdown(socket.SHUT_WR)
            except OSError:
                pass
            return until_closed(connection)
