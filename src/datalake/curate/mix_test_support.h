#pragma once

#include <span>
#include <string>
#include <string_view>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "datalake/curate/mix.h"
#include "datalake/curate/output_file.h"
#include "datalake/io/compression.h"
#include "datalake/io/memory_file_system.h"
#include "datalake/testing/manual_clock.h"
#include "datalake/testing/matchers.h"

namespace datalake::curate {

/// For tests of `mix`: a file under `path`, compressed as its name says.
inline void Write(io::FileSystem& fs, std::string_view path, std::string_view text) {
  Result<OutputFile> file = OutputFile::Make(fs, path);
  ASSERT_THAT(file, testing::IsOk());
  ASSERT_THAT(file->Write(text), testing::IsOk());
  ASSERT_THAT(file->Publish(), testing::IsOk());
}

/// The content of a file, decompressed, or the error.
inline std::string Read(io::FileSystem& fs, std::string_view path) {
  auto stream = io::OpenCompressed(fs, path);
  if (!stream) {
    return ToString(stream.error());
  }
  std::string text;
  std::string buffer(1 << 16, 0);
  while (true) {
    const Result<std::size_t> read =
        (*stream)->Read(std::as_writable_bytes(std::span(buffer.data(), buffer.size())));
    if (!read) {
      return ToString(read.error());
    }
    if (*read == 0) {
      return text;
    }
    text.append(buffer, 0, *read);
  }
}

/// Documents of /c/documents to /out, all kept.
inline MixStream Stream() {
  MixStream stream;
  stream.name = "s";
  stream.documents = {"/c/documents/*"};
  stream.include = {"$.text"};
  stream.output_path = "/out";
  stream.compression = "none";
  return stream;
}

/// Runs of mix in memory.
class MixFixture : public ::testing::Test {
 protected:
  Result<MixReport> Run(const MixStream& stream, Compatibility compatibility = Compatibility::kNone,
                        bool is_sharded = true, std::size_t threads = 2) {
    MixOptions options = Options(stream, compatibility);
    options.is_sharded = is_sharded;
    return RunMix(options, {fs_, clock_, progress_, threads, {}});
  }

  static MixOptions Options(const MixStream& stream,
                            Compatibility compatibility = Compatibility::kNone) {
    MixOptions options;
    options.streams = {stream};
    options.compatibility = compatibility;
    return options;
  }

  Result<MixReport> Run(const MixOptions& options) {
    return RunMix(options, {fs_, clock_, progress_, 2, {}});
  }

  // The only output of a run over one document, without its newline.
  std::string MixOne(std::string_view document, const MixStream& stream) {
    Write(fs_, "/c/documents/a.jsonl", fmt::format("{}\n", document));
    const Result<MixReport> report = Run(stream);
    if (!report) {
      return "error: " + report.error().message;
    }
    std::string out = Read(fs_, report->outputs.front());
    return out.empty() ? out : out.substr(0, out.size() - 1);
  }

  io::MemoryFileSystem fs_;
  testing::ManualClock clock_;
  NullProgress progress_;
};

}  // namespace datalake::curate
