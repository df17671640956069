#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "datalake/base/result.h"

namespace datalake::io {
class FileSystem;
}  // namespace datalake::io

namespace datalake::benchmarks {

/// Documents of words with the frequencies of a language (Zipf's law), log-normal in length (median
/// 1.8 kB), of which a share is an exact copy of an earlier one. The same seed gives the same
/// corpus. Single-threaded.
class MadeCorpus {
 public:
  struct Document {
    std::string id;
    std::string text;
    bool is_copy = false;
  };

  explicit MadeCorpus(double copies) : copies_(copies) {}

  Document Next();

  /// The document's line of JSON.
  static std::string Line(const Document& document);

 private:
  std::string MakeText();
  const std::string& Word();

  double copies_;
  std::mt19937_64 random_{20260101};
  std::vector<std::string> words_;
  std::vector<std::string> earlier_;  // some texts, to copy from
  std::size_t next_id_ = 0;
};

/// Writes lines into a file, compressed as its name says; gzip as other programs write it.
Status WriteLines(io::FileSystem& fs, const std::string& path, const std::string& lines);

/// The whole file, decompressed.
Result<std::string> ReadLines(io::FileSystem& fs, const std::string& path);

}  // namespace datalake::benchmarks
