#!/usr/bin/env python3
"""The main job of a lake on real data, told step by step: `make demo`.

Chats are collected over HTTP while the server is killed, pictures are uploaded and processed, text
is tagged, deduplicated and mixed; all of it is searched, versioned, loaded and queried. Every step
shows what a user would type, its result and its time. Every count is checked, and a wrong one ends
the demo with exit code 1. The lake stays in demo-lake/ for you to look around.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "build" / "python"), str(ROOT / "examples")]

from demo_chats import post_chats  # noqa: E402
from demo_data import DemoData, prepare_data  # noqa: E402
from demo_picture import sketch  # noqa: E402
from demo_server import Server  # noqa: E402
from demo_story import Story, check  # noqa: E402

import datalake  # noqa: E402

PROGRAM = ROOT / "build" / "bin" / "datalake"
PICTURES = "debian_pictures"
TEXT = "debian_text"


def collect_chats(story: Story, lake: datalake.Lake, server: Server, data: DemoData) -> None:
    """(a) 16 clients post every chat; the server is killed in the middle and started again."""
    story.step("a", f"Collect {data.chats_count:,} chats from 16 clients, kill the server midway")
    story.say(f"POST {server.address}/v1/ingest/chat   (a 200 means: on the disk)")
    posted = post_chats(server, data.chats, clients=16)
    story.say(
        f"server killed with SIGKILL after {posted.acknowledged_before_kill:,} answers, restarted"
    )
    query = "select ingest_id from feeds.chat"
    story.say(f'>>> lake.sql("{query}")')
    found = lake.sql(query).column("ingest_id").to_pylist()
    story.table(
        ["chats sent", "acknowledged", "found", "missing", "twice"],
        [
            [
                data.chats_count,
                len(posted.acknowledged),
                len(found),
                len(posted.acknowledged - set(found)),
                len(found) - len(set(found)),
            ]
        ],
    )
    check(len(posted.acknowledged) == data.chats_count, "every chat was acknowledged in the end")
    check(posted.acknowledged <= set(found), "every acknowledged chat is found")
    check(len(found) == len(set(found)) == data.chats_count, "no chat is there twice")


def upload_pictures(story: Story, server: Server, data: DemoData, path: Path) -> None:
    """(b) Pictures with captions: uploaded, processed, searched, one shown; then a derived task."""
    story.step("b", "Upload pictures with captions, process them, derive a task, search")
    client = datalake.DatalakeClient("demo", path, server.address)
    story.say(f'>>> client.upload_raw("{story.short(data.pictures)}", "opensource", "{PICTURES}")')
    check(client.upload_raw(str(data.pictures), "opensource", PICTURES) is not False, "staged")
    story.say(">>> client.wait_for_job_completion(client.trigger_processing())")
    details = process(client)
    raw = client.lake.search(["opensource"], [PICTURES], ["raw"])
    assets = client.lake.sql("select count(*) as n, sum(bytes) as bytes from assets").to_pylist()[0]
    story.table(
        ["picture files", "rows", "assets kept once", "MB", "with a problem"],
        [
            [
                data.picture_files,
                raw.num_rows,
                assets["n"],
                f"{float(assets['bytes']) / 1e6:.1f}",
                details["problem_assets"],
            ]
        ],
    )
    check(raw.num_rows == data.picture_files, "every picture file has its row")
    check(assets["n"] == data.distinct_pictures, "equal pictures are kept once")

    story.say("a derived task on the same pictures: questions and answers from the captions")
    vqa = pa.table(
        {
            "picture": raw.column("hash"),
            "question": pa.array(["What does the picture show?"] * raw.num_rows),
            "answer": raw.column("caption"),
        }
    )
    meta = {"lang": "en", "src": "real"}
    story.say(
        f'>>> client.upload_task(table, "opensource", "{PICTURES}", "vqa", "captions", meta={meta})'
    )
    check(
        client.upload_task(vqa, "opensource", PICTURES, "vqa", "captions", meta=meta) is not False,
        "the task is staged",
    )
    process(client)
    by_level = client.lake.search(["opensource"], [PICTURES], ["vqa"], ["captions"])
    check(by_level.num_rows == raw.num_rows, "the task has a row for every picture")
    word = data.picture_word
    text_search = {"column": "caption", "text": word}
    story.say(f'>>> client.lake.search(["open*"], tasks=["raw"], text_search={text_search})')
    found = client.lake.search(["open*"], tasks=["raw"], text_search=text_search)
    expected = sum(word in (caption or "") for caption in raw.column("caption").to_pylist())
    check(found.num_rows == expected > 0, "text search finds what the captions say")
    shown = found.select(["caption", "path"]).slice(0, 3).to_pylist()
    story.table(
        ["caption", "asset"], [[row["caption"][:44], row["path"][:24] + "…"] for row in shown]
    )
    for row in found.to_pylist():
        drawing = sketch(path / "assets" / row["path"]) if row["path"] else None
        if drawing:
            story.say(f"one of them, {row['caption']!r}:")
            story.block(drawing)
            break


def process(client: datalake.DatalakeClient) -> dict[str, int]:
    job = client.wait_for_job_completion(client.trigger_processing())
    result = job["result"]
    check(result["failed"] == 0, f"no upload failed: {result['errors']}")
    return dict(result["success_details"][-1])


def curate_text(story: Story, lake: datalake.Lake, data: DemoData, work: Path) -> None:
    """(c) Text: Gopher rules, exact duplicates, a mix by rules; what is kept joins the lake."""
    story.step("c", f"Tag, deduplicate and mix {data.text_mb:.0f} MB of text")
    (work / "text").mkdir()
    (work / "text" / "documents").symlink_to(data.documents / "documents")
    glob = "text/documents/*.jsonl.gz"
    tag: list[str | Path] = [PROGRAM, "tag", "--documents", glob, "--experiment", "demo"]
    story.run([*tag, "--taggers", "gopher_v2", "char_length_v1"], cwd=work)
    story.run([PROGRAM, "-c", ROOT / "examples" / "dedupe.yaml", "dedupe"], cwd=work)
    story.run([PROGRAM, "-c", ROOT / "examples" / "mix.yaml", "mix"], cwd=work)
    story.say(f'>>> lake.upload("mixed/*.gz", "inhouse", "{TEXT}"); lake.process()')
    staged = lake.upload(str(work / "mixed" / "*.gz"), "inhouse", TEXT, user="demo")
    report = lake.process()
    check(report["failed"] == 0, f"no upload failed: {report['errors']}")
    kept = lake.search(["inhouse"], [TEXT], columns=["id", "text"])
    texts = kept.column("text").to_pylist()
    story.table(
        ["documents", "planted copies", "kept", "kept twice"],
        [[data.documents_count, data.exact_copies, kept.num_rows, len(texts) - len(set(texts))]],
    )
    check(kept.num_rows == staged["rows"] > 0, "every kept document is in the lake")
    check(len(texts) == len(set(texts)), "no text is kept twice")


def version_and_load(story: Story, lake: datalake.Lake) -> None:
    """(d) A training set: a search, saved as an immutable version, loaded and batched."""
    story.step("d", "Save a search as a versioned training set, load it in batches")
    story.say(f'>>> rows = lake.search(["inhouse"], ["{TEXT}"], where="length(text) > 2000")')
    columns = ["id", "text", "source"]
    rows = lake.search(["inhouse"], [TEXT], where="length(text) > 2000", columns=columns)
    story.say('>>> lake.save_collection(rows, "demo_train", description="long documents")')
    saved = lake.save_collection(rows, "demo_train", description="long documents")
    story.say('>>> for batch in lake.load_collection("demo_train").batches(256): ...')
    loaded = lake.load_collection("demo_train")
    sizes = [batch.num_rows for batch in loaded.batches(256)]
    story.table(
        ["collection", "version", "rows", "batches", "last batch"],
        [[loaded.name, loaded.version, len(loaded), len(sizes), sizes[-1]]],
    )
    check(loaded.version == saved.version, "the newest version is the one just saved")
    check(sum(sizes) == len(loaded) == rows.num_rows, "the batches add up to the search")
    check(all(size == 256 for size in sizes[:-1]), "all but the last batch are full")


def one_query(story: Story, lake: datalake.Lake, data: DemoData) -> None:
    """(e) One SQL query over all of it, and the same counts by readers that know nothing of us."""
    story.step("e", "One SQL query over everything")
    version = lake.load_collection("demo_train").version
    # The server has ended and sealed: the table of the feed holds every chat in exactly one row.
    stored = lake.sql('select count(*) as n from data."feeds/chat/raw"').to_pylist()[0]["n"]
    check(stored == data.chats_count, f"every chat is stored once: {stored}")
    query = (
        "select 'chats' as what, count(*) as rows from feeds.chat"
        f" union all select 'pictures', count(*) from data.\"opensource/{PICTURES}/raw\""
        f" union all select 'answers', count(*) from data.\"opensource/{PICTURES}/vqa\""
        f" union all select 'documents', count(*) from data.\"inhouse/{TEXT}/raw\""
        f" union all select 'collection', count(*) from collections.\"demo_train/{version}\""
        " union all select 'assets', count(*) from assets order by what"
    )
    story.run([PROGRAM, "--lake", lake.path, "sql", query])
    ours = {row["what"]: row["rows"] for row in lake.sql(query).to_pylist()}
    others = read_by_others(Path(lake.path))
    for name, counts in others.items():
        check(
            all(counts[what] == ours[what] for what in counts),
            f"{name} counts the same: {counts}, {ours}",
        )
    story.say(
        f"the same counts straight from the files by {', '.join(others) or 'no other reader'}"
    )


def read_by_others(path: Path) -> dict[str, dict[str, int]]:
    """Row counts of the three tables by every independent reader that is installed."""
    tables = {
        "pictures": path / f"catalog/provider=opensource/dataset={PICTURES}/task=raw",
        "answers": path / f"catalog/provider=opensource/dataset={PICTURES}/task=vqa",
        "documents": path / f"catalog/provider=inhouse/dataset={TEXT}/task=raw",
    }
    counts: dict[str, dict[str, int]] = {}
    try:
        import deltalake

        counts["delta-rs"] = {
            what: deltalake.DeltaTable(str(table)).to_pyarrow_dataset().count_rows()
            for what, table in tables.items()
        }
    except ImportError:
        pass
    try:
        import polars

        counts["Polars"] = {
            what: polars.scan_delta(str(table)).select(polars.len()).collect().item()
            for what, table in tables.items()
        }
    except ImportError:
        pass
    try:
        import duckdb

        counts["DuckDB"] = {
            what: duckdb.sql(f"select count(*) from '{table}/*/*.parquet'").fetchall()[0][0]
            for what, table in tables.items()
        }
    except ImportError:
        pass
    return counts


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--lake", type=Path, default=ROOT / "demo-lake", help="default: demo-lake/")
    parser.add_argument("--small", action="store_true", help="use the small shipped data")
    args = parser.parse_args()
    begin = time.monotonic()
    story = Story(ROOT)
    data = prepare_data(story, ROOT, small=args.small)
    path: Path = args.lake
    if path.exists():
        if not (path / "lake.json").exists():
            sys.exit(f"demo.py: not a lake, left alone: {path}")
        shutil.rmtree(path)
    story.run([PROGRAM, "init", path])
    work = ROOT / ".cache" / "demo" / "work"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    lake = datalake.open(path)
    with Server(ROOT / "build" / "bin" / "datalake-server", path) as server:
        collect_chats(story, lake, server, data)
        upload_pictures(story, server, data, path)
    curate_text(story, lake, data, work)
    version_and_load(story, lake)
    one_query(story, lake, data)
    story.end(path, time.monotonic() - begin)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (datalake.Error, subprocess.CalledProcessError, AssertionError) as error:
        sys.exit(f"demo.py: {error}")
