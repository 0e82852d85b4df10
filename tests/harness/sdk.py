# SPDX-License-Identifier: MIT
"""The environment of a plugin author: the development files of the build under test, installed, and a folder to work
in. If COPPICE_INSTALLED names a folder with unpacked packages, the development files are taken from there."""
import os
import pathlib
import shutil
import subprocess
import types

from harness.node import Folder, free_port, program, root
from harness.page import Reader
from harness.tap import Skip, equal, shared


def shell(command, folder, **variables):
    done = subprocess.run(command, shell=True, cwd=folder, capture_output=True, text=True, check=False,
                          env=dict(os.environ, **variables))
    if done.returncode != 0:
        raise AssertionError(f"{command}\n{done.stdout}{done.stderr}")
    return done.stdout


def needs(*tools):
    for tool in tools:
        if shutil.which(tool) is None:
            raise Skip(f"no {tool} on this machine")


@shared
def installed(cleanup):
    """The development files under a DESTDIR, and the environment in which pkg-config finds them there."""
    needs("pkg-config")
    unpacked = os.environ.get("COPPICE_INSTALLED")
    if unpacked:
        folder = types.SimpleNamespace(path=pathlib.Path(unpacked))
    else:
        needs("meson")
        folder = Folder()
        cleanup.callback(folder.close)
        build = next(parent for parent in pathlib.Path(program("COPPICED", "coppiced")).resolve().parents
                     if (parent / "build.ninja").exists())
        shell(f"meson install -C {build} --no-rebuild --quiet --tags devel --destdir {folder.path}", root)
    found = list(folder.path.rglob("coppice-plugin.pc"))
    equal(len(found), 1, "one coppice-plugin.pc is installed")
    return folder, {"PKG_CONFIG_PATH": str(found[0].parent), "PKG_CONFIG_SYSROOT_DIR": str(folder.path)}


def working_folder(cleanup):
    folder = Folder()
    cleanup.callback(folder.close)
    folder.path.chmod(0o755)
    return folder


def reader(cleanup, *tools):
    """A harness.page.Reader that has the packages: programs, headers, and an empty home."""
    needs("g++", *tools)
    folder = working_folder(cleanup).path
    for name in ("home", "run", "work"):
        (folder / name).mkdir(mode=0o700)
    port = free_port()
    places = [str(pathlib.Path(program(name.upper(), name)).parent) for name in ("coppiced", "coppice")]
    made = Reader(folder / "work", dict(os.environ, **installed()[1], PATH=os.pathsep.join([*places, os.environ["PATH"]]), HOME=str(folder / "home"),
                                        RUNTIME_DIRECTORY=str(folder / "run"), COPPICE_SOCKET=str(folder / "run/shop@127.0.0.1.sock"),
                                        ERL_EPMD_PORT=str(port), LC_ALL="C.UTF-8"))
    cleanup.callback(made.ends)
    return made
