"""A service that takes chats the way gpt4all-datalake does, for comparison on one machine.

Written from the description of its behaviour: one POST validates a chat, writes it as one
uncompressed Parquet file of one row a turn into data/YYYY_MM_DD/chats/<ingest_id>.parquet under the
day of the local clock, prints the conversation, and answers its id, all on the event loop. Its
holes (unchecked ids become paths) are closed here, since they cost nothing.

    ROOT_FILESYSTEM_PATH=folder PEER_FSYNC=0|1 uvicorn app:app --workers 2

With PEER_FSYNC=1 file and folder are synced before the answer, which the original does not do.
"""

import os
import sys
import uuid
from datetime import datetime
from enum import StrEnum
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from fastapi import FastAPI, HTTPException
from pydantic import BaseModel

ROOT = Path(os.environ.get("ROOT_FILESYSTEM_PATH", "/home")) / "data"
FSYNC = os.environ.get("PEER_FSYNC", "0") == "1"

SCHEMA = pa.schema(
    [
        ("turn", pa.int32()),
        ("content", pa.string()),
        ("role", pa.string()),
        ("rating", pa.string()),
        ("stopped", pa.bool_()),
        ("edited_content", pa.string()),
    ]
)

app = FastAPI()


class Rating(StrEnum):
    POSITIVE = "positive"
    NEGATIVE = "negative"


class Turn(BaseModel):
    content: str
    role: str | None = None
    rating: Rating | None = None
    stopped: bool = False
    edited_content: str | None = None


class Chat(BaseModel):
    source: str | None = None
    submitter_id: str | None = None
    agent_id: str
    ingest_id: str | None = None
    prompt_template: str
    conversation: list[Turn]


def sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@app.get("/v1/health/")
async def health() -> dict[str, str]:
    return {"status": "ok"}


@app.post("/v1/ingest/chat")
async def ingest(chat: Chat) -> dict[str, str]:
    print(chat.conversation, file=sys.stdout)
    ingest_id = chat.ingest_id or str(uuid.uuid4())
    if "/" in ingest_id:
        raise HTTPException(422, "ingest_id must not have a slash")
    folder = ROOT / datetime.now().strftime("%Y_%m_%d") / "chats"
    folder.mkdir(parents=True, exist_ok=True)
    rows = [{"turn": i, **turn.model_dump(mode="json")} for i, turn in enumerate(chat.conversation)]
    table = pa.Table.from_pylist(rows, schema=SCHEMA).replace_schema_metadata(
        {
            "ingest_id": ingest_id,
            "submitter_id": chat.submitter_id or "",
            "prompt_template": chat.prompt_template,
            "agent_id": chat.agent_id,
        }
    )
    path = folder / f"{ingest_id}.parquet"
    pq.write_table(table, path, compression="none")
    if FSYNC:
        sync(path)
        sync(folder)
    return {"ingest_id": ingest_id}
