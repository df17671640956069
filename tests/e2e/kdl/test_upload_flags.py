"""Flags of `upload`, `process status` and `process list`, and completion, as a shell sees them."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from built import built
from kdl_lake import KdlLake, png, write_parquet

WHERE = ("--provider", "test", "--dataset", "d")


def upload(kdl: KdlLake, *words: str | Path) -> dict[str, object]:
    return kdl.ok_json("upload", *words, *WHERE)[0]


def test_image_column_is_one_that_its_name_does_not_tell(kdl: KdlLake, tmp_path: Path) -> None:
    source = write_parquet(tmp_path / "in/rows.parquet", {"scan": [png(1), png(2)]})
    upload(kdl, source, "--image-column", "scan")
    kdl.ok("process")
    links = [row["scan"] for row in kdl.rows("d")]
    assert {link["media_type"] for link in links} == {"image/png"}
    assert [(link["width"], link["height"]) for link in links] == [(4, 3)] * 2
    done = kdl.run("upload", source, *WHERE, "--image-column", "skan")
    assert done.returncode == 10
    assert "no such column: skan" in done.stderr


def test_file_column_holds_names_of_files_below_the_source(kdl: KdlLake, tmp_path: Path) -> None:
    source = write_parquet(tmp_path / "in/rows.parquet", {"manual": ["a.pdf", "b.pdf", None]})
    for name in ("a.pdf", "b.pdf"):
        (tmp_path / "in" / name).write_bytes(b"%PDF-1.4 " + name.encode() + b" %%EOF")
    upload(kdl, source, "--file-column", "manual")
    kdl.ok("process")
    links = [row["manual"] for row in kdl.rows("d")]
    assert [link and link["media_type"] for link in links] == [
        "application/pdf",
        "application/pdf",
        None,
    ]
    assert len(kdl.assets()) == 2


def test_without_the_flags_both_columns_stay_what_they_are(kdl: KdlLake, tmp_path: Path) -> None:
    columns = {"scan": [png(1)], "manual": ["a.pdf"]}
    upload(kdl, write_parquet(tmp_path / "in/rows.parquet", columns))
    kdl.ok("process")
    row = kdl.rows("d")[0]
    assert row["scan"] == png(1)
    assert row["manual"] == "a.pdf"
    assert kdl.assets() == []


def test_nested_values_are_kept_or_become_json(kdl: KdlLake, tmp_path: Path) -> None:
    source = write_parquet(tmp_path / "in/rows.parquet", {"box": [{"x": 1, "tags": ["a", None]}]})
    upload(kdl, source, "--variant", "kept", "--nested", "keep")
    kdl.ok("process")
    assert kdl.rows("d", variants=["kept"])[0]["box"] == {"x": 1, "tags": ["a", None]}
    done = kdl.ok_json("upload", source, "--provider", "test", "--dataset", "j", "--nested", "json")
    assert done[0]["rows"] == 1
    kdl.ok("process")
    assert json.loads(kdl.rows("j")[0]["box"]) == {"x": 1, "tags": ["a", None]}
    assert kdl.run("upload", source, *WHERE, "--nested", "flat").returncode == 2


def test_strict_fails_where_else_a_broken_file_is_left_out(kdl: KdlLake, tmp_path: Path) -> None:
    write_parquet(tmp_path / "in/a.parquet", {"n": [1]})
    (tmp_path / "in/b.parquet").write_bytes(b"PAR1 no footer")
    strict = kdl.run("upload", tmp_path / "in/*.parquet", *WHERE, "--strict")
    assert strict.returncode == 16
    assert "b.parquet" in strict.stderr
    assert kdl.staged() == []
    lenient = kdl.run("--json", "upload", tmp_path / "in/*.parquet", *WHERE)
    assert lenient.returncode == 1  # done, with a finding
    assert [Path(bad["file"]).name for bad in json.loads(lenient.stdout)["bad_files"]] == [
        "b.parquet"
    ]
    kdl.ok("process")
    assert [row["n"] for row in kdl.rows("d")] == [1]


def test_status_and_list_show_what_waits_and_the_newest_jobs(kdl: KdlLake, tmp_path: Path) -> None:
    upload(kdl, write_parquet(tmp_path / "in/rows.parquet", {"n": [1, 2]}))
    assert kdl.ok_json("process", "status") == [{"pending": 1, "processing": 0, "failed": 0}]
    kdl.ok("process", "start")
    for word in ("status", "list"):
        counts, job = kdl.ok_json("process", word)
        assert counts == {"pending": 0, "processing": 0, "failed": 0}
        assert job["status"] == "completed"
    assert kdl.ok_json("process", "status", str(job["job_id"])) == [job]
    assert "0 pending, 0 processing, 0 failed" in kdl.ok("process", "status")
    assert kdl.run("process", "status", "process_of_nobody").returncode == 11


def complete(kdl: KdlLake, *typed: str) -> list[str]:
    return kdl.ok("completion", "words", *("=" + word for word in typed)).split()


def test_completion_knows_commands_options_choices_and_names(kdl: KdlLake) -> None:
    assert complete(kdl, "upl") == ["upload", "uploads"]
    assert complete(kdl, "process", "st") == ["start", "status"]
    assert complete(kdl, "upload", "--image") == ["--image-column"]
    assert complete(kdl, "upload", "--nested", "") == ["json", "keep"]
    assert "test" in complete(kdl, "upload", "x", "--provider", "")
    assert complete(kdl, "upload", "--nosuch") == []


def test_scripts_of_completion_are_good_shell(kdl: KdlLake) -> None:
    script = kdl.ok("completion", "bash")
    program = built("bin/datalake")
    ask = 'COMP_WORDS=(datalake upl); COMP_CWORD=1; COMP_LINE="datalake upl"; COMP_POINT=12'
    name = next(word for word in script.split() if word.startswith("_datalake")).rstrip("(){")
    done = subprocess.run(
        ["bash", "-c", f'{script}\n{ask}\n{name}\necho "${{COMPREPLY[*]}}"'],
        env={"PATH": f"{program.parent}:/usr/bin:/bin"},
        text=True,
        capture_output=True,
        check=False,
    )
    assert done.stdout.split() == ["upload", "uploads"], done.stderr
    assert "compdef" in kdl.ok("completion", "zsh")
    assert "complete" in kdl.ok("completion", "fish")
