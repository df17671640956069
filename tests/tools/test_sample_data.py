"""Sample data: packages that cannot be poisoned, folders that appear whole, labelled variants."""

from __future__ import annotations

import json
import zlib
from collections import Counter
from pathlib import Path

import make_example_data
import pytest
from sample_data.chats import chats_from
from sample_data.packages import PackageCache, PackageError
from sample_data.pages import html_to_text, roff_to_text, rst_to_text, tidy
from sample_data.phrases import small_documents
from sample_data.pictures import picture_size, words
from sample_data.png import shape_on_ground, write_png
from sample_data.publish import is_up_to_date, published
from sample_data.variants import with_variants

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is all of PATH but for the system's, for stand-ins of apt-get and dpkg-deb."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    stand_in(folder / "dpkg-deb", 'mkdir -p "$3/usr" && cp "$2" "$3/usr/file"')
    return folder


def stand_in(path: Path, body: str) -> None:
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)


def test_package_is_fetched_once(tools: Path, tmp_path: Path) -> None:
    stand_in(tools / "apt-get", f"echo x >> {tmp_path}/calls; echo data > pkg_1%3a2.0_all.deb")
    cache = PackageCache(tmp_path / "cache")
    for _ in range(2):
        package = cache.fetch(["pkg"])["pkg"]
        assert package.version == "1:2.0"
        assert (package.root / "usr/file").read_text() == "data\n"
    assert (tmp_path / "calls").read_text() == "x\n"
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["pkg"]


def test_failed_download_names_packages_and_keeps_the_rest(tools: Path, tmp_path: Path) -> None:
    stand_in(tools / "apt-get", "echo 1 > good_1_all.deb; echo 'E: no route' >&2; exit 100")
    cache = PackageCache(tmp_path / "cache")
    with pytest.raises(PackageError, match=r"^cannot fetch packages: bad: apt-get: no route; try"):
        cache.fetch(["good", "bad"])
    stand_in(tools / "apt-get", "exit 1")
    assert cache.fetch(["good"])["good"].version == "1"


def test_killed_unpacking_leaves_no_package(tools: Path, tmp_path: Path) -> None:
    stand_in(tools / "apt-get", "echo 1 > pkg_1_all.deb")
    stand_in(tools / "dpkg-deb", 'mkdir -p "$3/usr"; echo half > "$3/usr/file"; kill -9 $$')
    cache = PackageCache(tmp_path / "cache")
    with pytest.raises(PackageError, match="cannot fetch packages: pkg"):
        cache.fetch(["pkg"])
    stand_in(tools / "dpkg-deb", 'mkdir -p "$3/usr"; echo whole > "$3/usr/file"')
    assert (cache.fetch(["pkg"])["pkg"].root / "usr/file").read_text() == "whole\n"


def test_missing_apt_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PackageError, match=r"apt-get: No such file or directory") as raised:
        PackageCache(tmp_path / "cache").fetch(["pkg"])
    assert "\n" not in str(raised.value)


def test_publish_replaces_whole_folders_only(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with published(out, {"n": 1}) as work:
        (work / "file").write_text("one")
        assert not out.exists()
    assert is_up_to_date(out, {"n": 1})
    assert not is_up_to_date(out, {"n": 2})
    with pytest.raises(RuntimeError), published(out, {"n": 2}):
        raise RuntimeError
    assert (out / "file").read_text() == "one"
    with published(out, {"n": 2}):
        pass
    assert not (out / "file").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_publish_spares_a_folder_of_others(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(FileExistsError, match="not made by this tool"), published(tmp_path, {}):
        pass
    assert (tmp_path / "thesis.txt").exists()


def test_variants_are_what_the_truth_says() -> None:
    mixed = list(with_variants(small_documents(400, 1), 1))
    texts = {document["id"]: document["text"] for document, _ in mixed}
    assert len(texts) == len(mixed)
    kinds: Counter[object] = Counter()
    for document, truth in mixed:
        if truth is None:
            continue
        kinds[truth["kind"]] += 1
        original = texts[str(truth["original"])]
        if truth["kind"] == "exact":
            assert document["text"] == original
        if truth["kind"] == "near":
            assert document["text"] != original
        if truth["kind"] == "contains":
            assert original in document["text"]
        if truth["kind"] == "pii":
            spans = truth["spans"]
            assert isinstance(spans, list)
            found = [document["text"][start:end] for start, end, _ in spans]
            assert "@" in found[0]
            assert found[2].startswith("192.0.2.")
    assert set(kinds) == {"exact", "near", "contains", "junk", "pii"}
    assert mixed == list(with_variants(small_documents(400, 1), 1))


def test_pages_become_text() -> None:
    page = "<body><nav>menu</nav><main><h1>A &amp; B</h1><p>one\n two</p><pre>x\n y</pre></main>"
    assert tidy(html_to_text(page)) == "A & B\n\none two\n\nx\ny"
    assert tidy(roff_to_text(".SH NAME\nls \\- list\n.BR a b\n.PP\nmore")) == (
        "NAME\nls - list ab\nmore"
    )
    assert tidy(rst_to_text("Title\n=====\n\n.. note::\n\nSee :ref:`this <x>`.")) == (
        "Title\n\nSee this."
    )


def test_drawn_png_is_sound() -> None:
    data = write_png(6, 4, shape_on_ground("circle", (1, 2, 3), (9, 9, 9), (0.5, 0.5)))
    assert picture_size(data) == ("png", 6, 4)
    length = int.from_bytes(data[33:37], "big")
    assert len(zlib.decompress(data[41 : 41 + length])) == 4 * (1 + 3 * 6)


def test_words_of_file_names() -> None:
    assert words("beachMalibu-01") == "beach malibu"
    assert words("cat_4.old") == "cat 4 old"


def test_chats_are_as_the_client_sends_them() -> None:
    chats = list(chats_from(small_documents(100, 2), 100, 3))
    assert len({chat["ingest_id"] for chat in chats}) == 100
    assert 5 <= len({chat["submitter_id"] for chat in chats}) <= 10
    assert chats == list(chats_from(small_documents(100, 2), 100, 3))
    for chat in chats:
        turns = chat["conversation"]
        assert isinstance(turns, list)
        assert [turn["role"] for turn in turns] == ["user", "assistant"] * (len(turns) // 2)
        assert all(turn.get("stopped", "true") == "true" for turn in turns)


def test_too_few_documents_for_chats() -> None:
    with pytest.raises(ValueError, match="give only"):
        list(chats_from(small_documents(1, 2), 100, 3))


def test_shipped_set_is_what_its_generator_makes(monkeypatch: pytest.MonkeyPatch) -> None:
    shipped = ROOT / "examples/data"
    monkeypatch.setattr("sys.argv", ["make_example_data.py", "--check", str(shipped)])
    assert make_example_data.main() == 0
    assert sum(path.stat().st_size for path in shipped.rglob("*") if path.is_file()) < 1_000_000
    oracle = json.loads((shipped / "expected.json").read_text("utf-8"))
    rows = (shipped / "annotations.jsonl").read_text("utf-8").splitlines()
    assert oracle["files"] == len(rows) == len(list((shipped / "images").rglob("*.*")))
    assert oracle["copies"]
    assert {"truncated", "empty", "not_a_picture"} <= oracle["oddities"].keys()
