"""Check 39: two servers on one share process 100 uploads: each exactly once, none fails."""

import threading

from built import built
from kdl_lake import Http, KdlLake, png

UPLOADS, ROWS = 100, 3


def test_each_upload_is_processed_once(kdl: KdlLake) -> None:
    import pyarrow as pa
    from demo_server import Server

    program = built("bin/datalake-server")
    with Server(program, kdl.path) as one, Server(program, kdl.path) as two:
        for n in range(UPLOADS):
            pictures = [png(n), png(n + 1), png(5)]
            kdl.lake.upload(pa.table({"image": pictures}), "test", f"d{n % 20}", variant=f"v{n}")
        jobs = []

        def process(server: Server) -> None:
            jobs.append(Http(server).process())

        threads = [threading.Thread(target=process, args=(server,)) for server in (one, two)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    done = [x["directory"] for job in jobs for x in job["result"]["success_details"]]
    assert len(done) == len(set(done)) == UPLOADS
    assert sum(job["result"]["failed"] for job in jobs) == 0
    assert (kdl.staged(), kdl.staged("processing"), kdl.staged("failed")) == ([], [], [])
    for n in range(20):
        assert len(kdl.rows(f"d{n}")) == UPLOADS // 20 * ROWS
        assert kdl.dangling(f"d{n}") == []
