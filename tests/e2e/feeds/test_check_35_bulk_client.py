"""Check 35: the bulk client sends valid requests, resumes without duplicates, evaluates nothing."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

from built import ROOT, built
from feed_lake import FeedLake, chat

pytest_plugins = ("feed_fixtures",)


def ingest(lake: FeedLake, *options: str) -> tuple[int, dict[str, int]]:
    command = [str(built("bin/datalake")), "--json", "--server", lake.address, "ingest", *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.stdout, done.stderr
    answer: dict[str, int] = json.loads(done.stdout)
    return done.returncode, answer


def test_35_jsonl_is_sent_and_sent_again_without_duplicates(lake: FeedLake, tmp_path: Path) -> None:
    lines = [
        json.dumps({k: v for k, v in chat(f"{i}").items() if k != "ingest_id"}) for i in range(5000)
    ]
    lines += [lines[0]]  # the same words twice are two records
    path = tmp_path / "chats.jsonl"
    path.write_text("\n".join(lines))
    assert ingest(lake, str(path)) == (
        0,
        {"stored": 5001, "replayed": 0, "quarantined": 0, "refused": 0},
    )
    lake.kill_and_restart()
    assert ingest(lake, str(path), "--connections", "2")[1]["replayed"] == 5001
    assert lake.sql("select count(*) as n from feeds.chat") == [{"n": 5001}]


def test_35_csv_cells_are_text_and_never_code(lake: FeedLake, tmp_path: Path) -> None:
    marker = tmp_path / "evaluated"
    evil = f"__import__('pathlib').Path({str(marker)!r}).touch()"
    path = tmp_path / "chats.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["function_args", "request_response", "model"])
        writer.writerow([evil, 'no, "thanks"', "gpt"])
        writer.writerow(["two\nlines", "ünï", "gpt"])
    code, answer = ingest(
        lake,
        str(path),
        "--prompt",
        "function_args",
        "--answer",
        "request_response",
        "--map",
        "agent_id=model",
        "--set",
        "source=promptlayer",
        "--set",
        "prompt_template=%1",
    )
    assert (code, answer["stored"]) == (0, 2)
    assert not marker.exists()
    found = lake.sql(
        "select conversation[1].content as q, conversation[2].content as a, source from feeds.chat"
        " order by q"
    )
    assert found[0] == {"q": evil, "a": 'no, "thanks"', "source": "promptlayer"}
    assert found[1]["q"] == "two\nlines"


def test_35_refused_records_are_told_and_the_rest_is_kept(lake: FeedLake, tmp_path: Path) -> None:
    path = tmp_path / "mixed.jsonl"
    path.write_text(json.dumps(chat("ok")) + '\n{"agent_id": 1}\n[]\n{"broken\n')
    code, answer = ingest(lake, str(path))
    assert code == 1
    assert (answer["stored"], answer["refused"]) == (1, 3)


def test_35_without_a_server_the_lake_itself_takes_them(tmp_path: Path) -> None:
    program = str(built("bin/datalake"))
    lake = tmp_path / "own"
    subprocess.run([program, "init", str(lake)], check=True, capture_output=True)
    path = tmp_path / "chats.jsonl"
    path.write_text("\n".join(json.dumps(chat(f"i{i}")) for i in range(100)))
    for expected in ({"stored": 100, "replayed": 0}, {"stored": 0, "replayed": 100}):
        done = subprocess.run(
            [program, "--lake", str(lake), "--json", "ingest", str(path)],
            check=True,
            capture_output=True,
            text=True,
        )
        answer = json.loads(done.stdout)
        assert {key: answer[key] for key in expected} == expected


def test_35_python_client_does_the_same(lake: FeedLake, tmp_path: Path) -> None:
    sys.path.insert(0, str(ROOT / "build" / "python"))
    import datalake

    path = tmp_path / "chats.jsonl"
    path.write_text(
        "\n".join(
            json.dumps({k: v for k, v in chat(f"{i}").items() if k != "ingest_id"})
            for i in range(500)
        )
        + '\n{"agent_id": 1}'
    )
    report = datalake.ingest(lake.address, path)
    assert (report.stored, report.refused) == (500, 1)
    assert report.problems[0]["code"] == "invalid"
    assert report.receipt_tokens
    again = datalake.ingest(lake.address, path)
    assert (again.stored, again.replayed, again.refused) == (0, 500, 1)
    table = tmp_path / "rows.csv"
    table.write_text("q,a,m\nwhy?,because,gpt\n")
    report = datalake.ingest(
        lake.address,
        table,
        prompt_column="q",
        answer_column="a",
        mapping={"agent_id": "m"},
        constants={"prompt_template": "%1"},
    )
    assert report.stored == 1


def test_35_columns_that_nothing_maps_are_kept(lake: FeedLake, tmp_path: Path) -> None:
    sys.path.insert(0, str(ROOT / "build" / "python"))
    import datalake

    table = tmp_path / "rows.csv"
    table.write_text("q,a,m,language,agent_id\nwhy?,because,gpt,de,other\n")
    words = ["--prompt", "q", "--answer", "a", "--map", "agent_id=m"]
    words += ["--set", "prompt_template=%1", "--set", "ingest_id=kept"]
    assert ingest(lake, str(table), *words)[1]["stored"] == 1
    kept = lake.get("/v1/feeds/chat/records/kept")
    assert (kept["agent_id"], kept["language"]) == ("gpt", "de")
    assert "m" not in kept
    assert "q" not in kept
    (row,) = lake.sql("select extra from feeds.chat")
    assert "language" in str(row["extra"])
    words[-1] = "ingest_id=less"
    assert ingest(lake, str(table), *words, "--only-mapped")[1]["stored"] == 1
    assert "language" not in lake.get("/v1/feeds/chat/records/less")
    for only_mapped in (False, True):
        ingest_id = f"python-{only_mapped}"
        datalake.ingest(
            lake.address,
            table,
            prompt_column="q",
            answer_column="a",
            mapping={"agent_id": "m"},
            only_mapped=only_mapped,
            constants={"prompt_template": "%1", "ingest_id": ingest_id},
        )
        found = lake.get(f"/v1/feeds/chat/records/{ingest_id}")
        assert ("language" in found) is not only_mapped
        assert found["agent_id"] == "gpt"
