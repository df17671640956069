"""Check 6: rows naming PDFs bring the files with them, byte for byte."""

import hashlib
from pathlib import Path

from kdl_lake import KdlLake, write_parquet

COUNT = 1005  # more than a folder of staged files holds


def test_named_files_become_assets(kdl: KdlLake, tmp_path: Path) -> None:
    small = [b"%%PDF-1.4\n%d\n%%%%EOF\n" % n for n in range(COUNT)]
    large = [b"%PDF-1.7\n" + bytes([n]) * (2 << 20) for n in range(2)]
    bodies = [*small, *large]
    (tmp_path / "in" / "pdf").mkdir(parents=True)
    for n, body in enumerate(bodies):
        (tmp_path / "in" / "pdf" / f"{n}.pdf").write_bytes(body)
    names = [f"pdf/{n}.pdf" for n in range(len(bodies))]
    rows = write_parquet(tmp_path / "in" / "rows.parquet", {"file_path": names})
    (staged,) = kdl.ok_json("upload", rows, "--provider", "test", "--dataset", "docs")
    assert (staged["variant"], staged["rows"]) == ("files", len(bodies))
    kdl.ok("process")
    by_name = {row["hash"]: row for row in kdl.rows("docs")}
    for body in (bodies[0], bodies[COUNT - 1], *large):
        row = by_name[hashlib.sha256(body).hexdigest()]
        path = kdl.path / "assets" / row["path"]
        assert path.read_bytes() == body
        assert path.suffix == ".pdf"
        assert row["file_path"]["media_type"] == "application/pdf"
        assert row["file_path"]["bytes"] == len(body)
