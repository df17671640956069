#include "datalake/testing/temp_dir.h"

#include <cstdlib>

namespace datalake::testing {

TempDir::TempDir() {
  std::string pattern = (std::filesystem::temp_directory_path() / "datalake_test_XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) {
    std::abort();  // a test without its folder proves nothing
  }
  path_ = pattern;
}

TempDir::~TempDir() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace datalake::testing
