"""Packs ready-made files into a wheel (PEP 427) for the running interpreter, with nothing but the standard library."""

from __future__ import annotations

import argparse
import base64
import hashlib
import sys
import sysconfig
import zipfile
from pathlib import Path

NAME = "dialer_pjsua2"


def tag() -> str:
    """The compatibility tag of this interpreter, such as ``cp311-cp311-linux_x86_64``."""
    python = f"cp{sys.version_info[0]}{sys.version_info[1]}"
    abi = python + ("t" if sysconfig.get_config_var("Py_GIL_DISABLED") else "")
    platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
    return f"{python}-{abi}-{platform}"


def pack(version: str, license_file: Path, files: list[Path], into: Path) -> Path:
    """Write the wheel and return its path. ``files`` go to the top level of site-packages."""
    info = f"{NAME}-{version}.dist-info"
    content = {file.name: file.read_bytes() for file in files}
    content[f"{info}/licenses/COPYING"] = license_file.read_bytes()
    content[f"{info}/METADATA"] = (
        "Metadata-Version: 2.1\n"
        f"Name: {NAME.replace('_', '-')}\n"
        f"Version: {version}\n"
        "Summary: pjsua2 built for the dialer, with shared playback buffers and audio taps\n"
        "License: GPL-2.0-or-later\n"
        "Requires-Python: >=3.11\n"
    ).encode()
    content[f"{info}/WHEEL"] = (
        f"Wheel-Version: 1.0\nGenerator: dialer\nRoot-Is-Purelib: false\nTag: {tag()}\n"
    ).encode()
    record = f"{info}/RECORD"
    lines = [f"{name},{digest(data)},{len(data)}" for name, data in content.items()] + [f"{record},,"]
    content[record] = ("\n".join(lines) + "\n").encode()

    wheel = into / f"{NAME}-{version}-{tag()}.whl"
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in content.items():
            entry = zipfile.ZipInfo(name)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = (0o755 if name.endswith(".so") else 0o644) << 16
            archive.writestr(entry, data)
    return wheel


def digest(data: bytes) -> str:
    """The RECORD's form of a SHA-256."""
    return "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--version", required=True)
    parser.add_argument("--license", required=True, type=Path)
    parser.add_argument("--into", required=True, type=Path)
    parser.add_argument("files", nargs="+", type=Path)
    args = parser.parse_args()
    print(pack(args.version, args.license, args.files, args.into))


if __name__ == "__main__":
    main()
