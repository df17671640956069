"""docs/dependencies.md names everything that setup installs."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import debian_packages

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/dependencies.md").read_text()


def test_every_debian_package_is_on_the_page() -> None:
    text = (ROOT / "tools/setup/debian-packages.txt").read_text()
    missing = [item.name for item in debian_packages.parse(text) if f"`{item.name}`" not in PAGE]
    assert missing == []


def test_every_debian_library_on_the_page_is_installed() -> None:
    text = (ROOT / "tools/setup/debian-packages.txt").read_text()
    listed = {item.name for item in debian_packages.parse(text)}
    assert {
        name for name in re.findall(r"`([a-z0-9.+-]+-dev)`", PAGE) if name not in listed
    } == set()


def test_every_archive_is_on_the_page_with_its_version() -> None:
    entries = tomllib.loads((ROOT / "tools/setup/downloads.toml").read_text())["archive"]
    for entry in entries:
        assert f"`{entry['name']}`" in PAGE
        assert f"`{entry['package']}`" in PAGE
        assert entry["version"].split("-")[0] in PAGE


def test_every_python_package_is_on_the_page_with_its_pin() -> None:
    for name in ("requirements.in", "requirements-node.in"):
        for line in (ROOT / "tools/setup" / name).read_text().splitlines():
            if line and not line.startswith("#"):
                wanted = re.sub(r"\[.*?\]", "", line)  # extras are not a package of their own
                package, _, pin = (
                    re.split(r"(==|>=)", wanted)[:3] if "=" in line else (wanted, "", "")
                )
                assert f"`{package}`" in PAGE, package
                assert "==" not in line or pin in PAGE, line
