"""The linker's report is read line by line, and only foreign crossings are breaches."""

from __future__ import annotations

import pytest
from check_bindings import Binding, bindings_in, crossings

REPORT = """\
   123:\tbinding file /a/libdl_parquet.so.2600 [0] to /a/libdl_arrow.so.2600 [0]: normal symbol `x'
   123:\tcalling init: /lib/libc.so.6
   123:\tbinding file ./app [0] to /lib/libssl.so.3 [0]: normal symbol `SSL_new' [OPENSSL_3.0.0]
"""


def test_report_gives_files_by_name() -> None:
    assert list(bindings_in(REPORT.splitlines())) == [
        Binding("libdl_parquet.so.2600", "libdl_arrow.so.2600", "x"),
        Binding("app", "libssl.so.3", "SSL_new"),
    ]


@pytest.mark.parametrize(
    ("user", "definer", "symbol", "is_crossing"),
    [
        ("libssl.so.3", "libparquet.so.2600", "EVP_DigestInit", True),
        ("libdl_parquet.so.2600", "libcrypto.so.3", "EVP_DigestInit", True),
        ("app", "libarrow_compute.so.2600", "_ZN3re23RE2C1EPKc", True),
        ("libdl_parquet.so.2600", "libsimdjson.so", "_ZN8simdjson5parseEv", True),
        ("libssl.so.3", "libcrypto.so.3", "EVP_DigestInit", False),
        ("libdl_parquet.so.2600", "libdl_arrow.so.2600", "dl_EVP_DigestInit", False),
        ("app", "libdl_arrow.so.2600", "_ZN5arrow6Status2OKEv", False),
        ("app", "libdl_arrow.so.2600", "_ZNSt6vectorIiSaIiEE9push_backEi", False),
        ("libdl_arrow.so.2600", "libc.so.6", "malloc", False),
        ("libdl_arrow.so.2600", "app", "environ", False),
    ],
)
def test_crossing(user: str, definer: str, symbol: str, is_crossing: bool) -> None:
    found = crossings([Binding(user, definer, symbol)], {"environ", "malloc"})
    assert bool(found) == is_crossing
