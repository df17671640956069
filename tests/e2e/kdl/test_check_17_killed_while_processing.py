"""Check 17: a server killed while it processes loses, doubles and halves nothing.

Every kill point of the code is tried by process_crash_test.cc; here it is a real server.
"""

import random
import time

from kdl_lake import Http, KdlLake, png

UPLOADS, ROWS, KILLS = 12, 200, 6


def test_every_upload_is_there_once_and_whole(kdl: KdlLake, http: Http) -> None:
    import pyarrow as pa

    for n in range(UPLOADS):
        pictures = [png(1000 * n + row) for row in range(ROWS)]
        kdl.lake.upload(pa.table({"image": pictures}), "test", f"d{n}")
    rng = random.Random(17)
    for _ in range(KILLS):
        http.call("POST", "/process")
        time.sleep(rng.uniform(0.0, 0.15))
        for n in range(UPLOADS):  # whole or not at all
            found = kdl.lake.search(datasets=[f"d{n}"]).num_rows
            assert found in (0, ROWS)
        http.server.kill_and_restart()
    assert http.process()["status"] == "completed"
    assert (kdl.staged(), kdl.staged("processing"), kdl.staged("failed")) == ([], [], [])
    for n in range(UPLOADS):
        assert len(kdl.rows(f"d{n}")) == ROWS
        assert kdl.dangling(f"d{n}") == []
