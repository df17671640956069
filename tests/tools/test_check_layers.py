"""The layer check finds each kind of breach, and nothing in the tree as it is."""

from __future__ import annotations

import shutil
from pathlib import Path

import check_layers
import pytest

ROOT = Path(__file__).resolve().parents[2]


def breaches_in(name: str, text: str) -> list[str]:
    """The breaches in `text` as the file `name`, as file:line: rule."""
    file = check_layers.SourceFile.at(Path(name))
    return [str(breach) for breach in check_layers.check_source(file, text)]


def test_tree_is_clean() -> None:
    count, found = check_layers.check_tree(ROOT)
    assert count > 20
    assert [str(breach) for breach in found] == []


def test_forbidden_include_in_a_copy_of_the_tree_is_named(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "src", tmp_path / "src")
    name = "src/datalake/base/clock.cc"
    text = (tmp_path / name).read_text()
    (tmp_path / name).write_text(text + '#include "datalake/json/writer.h"\n')
    found = [str(breach) for breach in check_layers.check_tree(tmp_path)[1]]
    line = text.count("\n") + 1
    assert f"{name}:{line}: layers: base may not include json, which is above it" in found


@pytest.mark.parametrize(
    ("name", "text", "want"),
    [
        (
            "json/x.cc",
            '#include "datalake/text/utf8.h"\n',
            "json may not include text, which is bes",
        ),
        ("format/x.cc", '#include "datalake/table/table.h"\n', "format may not include table"),
        ("lake/x.cc", '#include "datalake/curate/mix.h"\n', "lake may not include curate"),
        ("job/x.cc", '#include "datalake/server/app.h"\n', "job may not include server"),
        ("io/x.cc", '#include "datalake/testing/matchers.h"\n', "only tests may include testing/"),
        ("io/x.cc", '#include "datalake/misc/x.h"\n', "unknown module misc"),
        ("io/x.cc", "#include <simdjson.h>\n", "simdjson is used only in json, not in io"),
        ("query/x.cc", "#include <parquet/file_reader.h>\n", "parquet is used only in format"),
        ("table/x.cc", "#include <arrow/ipc/reader.h>\n", "arrow ipc is used only in format"),
        ("lake/x.cc", "#include <duckdb.h>\n", "duckdb is used only in query"),
        ("job/x.cc", "#include <boost/asio.hpp>\n", "boost is used only in server"),
        ("format/x.h", "#include <arrow/api.h>\n", "headers name Arrow by <arrow/type_fwd.h>"),
        ("format/x.h", "#include <parquet/types.h>\n", "parquet may not be included in a header"),
        ("base/x.h", "#include <fmt/format.h>\n", "fmt may not be included in a header"),
        ("text/x.cc", "#include <regex>\n", "use RE2"),
        ("text/x.cc", "using namespace std;\n", "using-namespace: "),
        ("text/x.cc", "void f() { throw 1; }\n", "no-throw: "),
        ("text/x.cc", "void f() { std::cout << 1; }\n", "no-streams: "),
    ],
)
def test_breach_is_found(name: str, text: str, want: str) -> None:
    found = breaches_in(f"src/datalake/{name}", f"// a line\n{text}")
    assert len(found) == 1, found
    assert found[0].startswith(f"src/datalake/{name}:2: ")
    assert want in found[0]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("format/x.cc", '#include "datalake/json/writer.h"\n#include <arrow/ipc/reader.h>\n'),
        ("format/x.h", "#include <arrow/type_fwd.h>\n#include <arrow/c/abi.h>\n"),
        ("io/x_test.cc", '#include "datalake/testing/matchers.h"\n#include <gtest/gtest.h>\n'),
        ("table/x_test_support.h", "#include <arrow/api.h>\n"),
        ("testing/x.h", '#include "datalake/lake/lake.h"\n#include <gmock/gmock.h>\n'),
        ("text/x.cc", '// throw\n/* using namespace std;\n throw */ const char* a = "throw";\n'),
        ("text/x.cc", 'auto a = R"(\n throw " )"; char q = \'"\'; int n = 1\'000;\n'),
        ("text/x.cc", '// #include "datalake/server/app.h"\n'),
    ],
)
def test_allowed_is_left_alone(name: str, text: str) -> None:
    assert breaches_in(f"src/datalake/{name}", text) == []


def test_cmake_dependency_upwards_is_found() -> None:
    path = Path("src/datalake/io/CMakeLists.txt")
    text = "# io\ndatalake_module(NAME io SOURCES a.cc\n  DEPS base wal)\n"
    assert [str(breach) for breach in check_layers.check_cmake(path, text)] == [
        f"{path}:2: layers: io may not link wal, which is above it",
    ]
