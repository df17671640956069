"""The steps of setup: what they take for done, what they refuse, what a kill leaves."""

from __future__ import annotations

import io
import re
import subprocess
import tarfile
import time
from pathlib import Path

import archives
import debian_packages
import pytest
import python_env
import step
from step import SetupError, Stamp

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def stamp(tmp_path: Path) -> Stamp:
    (tmp_path / "made").write_text("result")
    stamp = Stamp(tmp_path / "stamp.json", tmp_path)
    stamp.write("inputs", [tmp_path / "made"])
    return stamp


def test_stamp_holds_while_inputs_and_results_are_the_same(stamp: Stamp) -> None:
    assert stamp.holds("inputs")
    assert not stamp.holds("other inputs")


def test_stamp_is_void_when_a_result_is_gone_or_cut(stamp: Stamp, tmp_path: Path) -> None:
    (tmp_path / "made").write_text("res")
    assert not stamp.holds("inputs")
    (tmp_path / "made").unlink()
    assert not stamp.holds("inputs")


@pytest.mark.parametrize("damaged", ["", "{", "[]", "{}", '{"inputs": "inputs", "results": 3}'])
def test_damaged_stamp_is_void(stamp: Stamp, tmp_path: Path, damaged: str) -> None:
    (tmp_path / "stamp.json").write_text(damaged)
    assert not stamp.holds("inputs")


def test_whole_write_leaves_an_equal_file_alone(tmp_path: Path) -> None:
    path = tmp_path / "a/b"
    step.write_whole(path, b"one")
    first = path.stat()
    step.write_whole(path, b"one")
    assert path.stat().st_ino == first.st_ino
    step.write_whole(path, b"two")
    assert path.read_bytes() == b"two"
    assert [entry.name for entry in path.parent.iterdir()] == ["b"]


def test_digest_tells_parts_apart() -> None:
    assert step.digest_of("ab", "c") != step.digest_of("a", "bc")


def test_failed_tool_is_one_line_with_its_log(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"^false failed with exit code 1; .*log$"):
        step.run_logged(["false"], tmp_path / "log")


def test_package_list_is_read() -> None:
    packages = debian_packages.parse((ROOT / "tools/setup/debian-packages.txt").read_text())
    by_name = {package.name: package for package in packages}
    assert by_name["cmake"].provider == "cmake"
    assert by_name["cmake"].at_least == (3, 25)
    assert by_name["libssl-dev"].provider is None
    assert len(by_name) == len(packages)


def test_bad_package_line_is_named() -> None:
    with pytest.raises(SetupError, match=r"debian-packages.txt:2: Cmake"):
        debian_packages.parse("g++\nCmake >= 3\n")


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("g++ (Debian 12.2.0-14+deb12u1) 12.2.0\nCopyright", (12, 2, 0)),
        ("cmake version 3.25.1\n", (3, 25, 1)),
        ("1.11.1\n", (1, 11, 1)),
        ("", ()),
    ],
)
def test_version_is_found(text: str, version: tuple[int, ...]) -> None:
    assert debian_packages.version_in(text) == version


def test_machine_keeps_a_command_that_is_new_enough() -> None:
    assert debian_packages.is_provided(debian_packages.Package("bash", "bash", (3,)))
    assert not debian_packages.is_provided(debian_packages.Package("bash", "bash", (999,)))
    assert not debian_packages.is_provided(debian_packages.Package("x", "no-such-command"))


def make_archive(path: Path, members: dict[str, bytes]) -> str:
    with tarfile.open(path, "w:gz") as file:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            file.addfile(entry, io.BytesIO(content))
    return step.sha256_of(path)


def project_with(root: Path, sha256: str) -> None:
    """A project whose only archive is thing-1.tar.gz, with a registry that has nothing."""
    setup = root / "tools/setup"
    setup.mkdir(parents=True)
    (root / ".venv/bin").mkdir(parents=True)
    (root / ".venv/bin/python").symlink_to("/bin/false")
    (setup / "requirements-node.txt").write_text("")
    (setup / "downloads.toml").write_text(
        '[[archive]]\nname = "thing"\nregistry = "pypi"\npackage = "thing"\nversion = "1"\n'
        f'file = "thing-1.tar.gz"\nsha256 = "{sha256}"\n'
        '[archive.unpack]\n"thing-1/a.h" = "thing/a.h"\n'
    )


def test_archive_is_unpacked_from_the_cache_once(tmp_path: Path) -> None:
    cache = tmp_path / ".cache/downloads"
    cache.mkdir(parents=True)
    sha256 = make_archive(cache / "thing-1.tar.gz", {"thing-1/a.h": b"a", "thing-1/evil.sh": b"b"})
    project_with(tmp_path, sha256)
    first = archives.ArchiveStep(tmp_path)
    assert not first.is_done()
    first.run()
    assert (tmp_path / ".deps/thing/a.h").read_bytes() == b"a"
    assert not list(tmp_path.rglob("evil.sh"))
    assert archives.ArchiveStep(tmp_path).is_done()
    (tmp_path / ".deps/thing/a.h").unlink()
    assert not archives.ArchiveStep(tmp_path).is_done()


def test_damaged_cached_archive_is_not_used(tmp_path: Path) -> None:
    cache = tmp_path / ".cache/downloads"
    cache.mkdir(parents=True)
    sha256 = make_archive(cache / "thing-1.tar.gz", {"thing-1/a.h": b"a"})
    project_with(tmp_path, sha256)
    make_archive(cache / "thing-1.tar.gz", {"thing-1/a.h": b"changed"})
    with pytest.raises(SetupError, match="failed with exit code 1"):  # went to the registry
        archives.ArchiveStep(tmp_path).run()
    assert not (tmp_path / ".deps/thing").exists()


def test_download_with_another_hash_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project_with(tmp_path, "0" * 64)

    def fetch(_self: object, archive: archives.Archive, target: Path) -> None:
        make_archive(target, {f"{archive.name}-1/a.h": b"changed upstream"})

    monkeypatch.setattr(archives.ArchiveStep, "_fetch_pypi", fetch)
    with pytest.raises(SetupError, match=r"wrong SHA-256: thing-1\.tar\.gz: want 0000"):
        archives.ArchiveStep(tmp_path).run()
    assert not (tmp_path / ".deps/thing").exists()
    assert list((tmp_path / ".cache/downloads").iterdir()) == []


def test_unfinished_environment_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "tools/setup").mkdir(parents=True)
    (tmp_path / "tools/setup/requirements.txt").write_text("")
    environment = python_env.PythonStep(tmp_path)
    environment.run()
    assert environment.is_done()
    (tmp_path / ".venv/setup-unfinished").touch()
    (tmp_path / ".venv/setup-stamp.json").unlink()
    (tmp_path / ".venv/left-over").touch()
    environment.run()
    assert environment.is_done()
    assert not (tmp_path / ".venv/left-over").exists()

    (tmp_path / ".venv/bin/python").unlink()  # the system's Python is gone or another one
    assert not environment.is_done()


def test_every_requirement_has_a_hash() -> None:
    for name in ("requirements.txt", "requirements-node.txt"):
        text = (ROOT / "tools/setup" / name).read_text().replace("\\\n", " ")
        lines = [line for line in text.splitlines() if line and not line.startswith("#")]
        assert lines
        assert all(re.match(r"\S+==\S+ .*--hash=sha256:[0-9a-f]{64}", line) for line in lines)


def test_wanted_packages_are_locked() -> None:
    for name in ("requirements", "requirements-node"):
        wanted = (ROOT / f"tools/setup/{name}.in").read_text().splitlines()
        locked = (ROOT / f"tools/setup/{name}.txt").read_text()
        for line in (line for line in wanted if line and not line.startswith("#")):
            pin = line if "==" in line else re.split(r"[<>=\[]", line)[0] + "=="
            assert re.search(rf"^{re.escape(pin)}", locked, re.MULTILINE), line


def test_setup_with_nothing_to_do_takes_under_two_seconds() -> None:
    best_s = float("inf")
    for _ in range(3):
        start = time.monotonic()
        done = subprocess.run(
            [ROOT / "tools/setup/setup.sh", "--check"],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        best_s = min(best_s, time.monotonic() - start)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert best_s < 2
