"""Builds wheels by maturin, and puts the Vulkan layer into each beside the program.

maturin packs the program alone. `flopmeter run` needs the layer's library too, which cargo builds along with it and which
the program looks for in `../lib`. An installer puts what is in a wheel's `data/lib` there.
"""

import argparse
import base64
import hashlib
import json
import os
import pathlib
import shlex
import subprocess
import sys
import zipfile

import maturin
from maturin import (  # noqa: F401 (an installer calls them)
    build_sdist,
    get_requires_for_build_editable,
    get_requires_for_build_sdist,
    get_requires_for_build_wheel,
    prepare_metadata_for_build_editable,
    prepare_metadata_for_build_wheel,
)

LIBRARY = {"darwin": "libflopmeter_layer.dylib", "win32": "flopmeter_layer.dll"}


def build_wheel(directory, settings=None, metadata=None):
    name = maturin.build_wheel(directory, settings, metadata)
    add(pathlib.Path(directory, name), layer())
    return name


def build_editable(directory, settings=None, metadata=None):
    name = maturin.build_editable(directory, settings, metadata)
    add(pathlib.Path(directory, name), layer())
    return name


def layer():
    """The library that cargo built along with the program."""
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("--profile", default="release")
    parser.add_argument("--target", default="")
    asked, _ = parser.parse_known_args(shlex.split(os.environ.get("MATURIN_PEP517_ARGS", "")))
    cargo = ["cargo", "metadata", "--format-version=1", "--no-deps"]
    target = json.loads(subprocess.check_output(cargo))["target_directory"]
    profile = {"dev": "debug"}.get(asked.profile, asked.profile)
    name = LIBRARY.get(sys.platform, "libflopmeter_layer.so")
    return pathlib.Path(target, asked.target, profile, "deps", name)


def add(wheel, library):
    """Adds a file to what a wheel installs in `lib`, and to the wheel's record."""
    whole = wheel.with_suffix(".whole")
    with zipfile.ZipFile(wheel) as packed, zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as out:
        info = next(name for name in packed.namelist() if name.endswith(".dist-info/RECORD"))
        path = info.replace(".dist-info/RECORD", f".data/data/lib/{library.name}")
        content = library.read_bytes()
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        for entry in packed.infolist():
            kept = packed.read(entry)
            if entry.filename == info:
                kept += f"{path},sha256={digest},{len(content)}\n".encode()
            out.writestr(entry, kept)
        out.writestr(path, content)
    whole.replace(wheel)
