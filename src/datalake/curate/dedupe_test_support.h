// For tests of runs of dedupe over paragraphs and n-grams.
#pragma once

#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <string_view>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "datalake/curate/dedupe.h"
#include "datalake/io/atomic_file.h"
#include "datalake/io/file_system.h"
#include "datalake/json/writer.h"
#include "datalake/testing/manual_clock.h"
#include "datalake/testing/matchers.h"

namespace datalake::curate {

/// Contents by name.
using Files = std::map<std::string, std::string>;

/// A document.
inline std::string Line(std::string_view id, std::string_view text) {
  std::string line;
  json::Writer writer(line);
  writer.BeginObject();
  writer.Key("id");
  writer.String(id);
  writer.Key("text");
  writer.String(text);
  writer.EndObject();
  writer.EndLine();
  return line;
}

inline void Put(io::FileSystem& fs, std::string_view path, std::string_view text) {
  ASSERT_THAT(io::ReplaceFile(fs, path, text), testing::IsOk());
}

inline std::string Get(io::FileSystem& fs, std::string_view path) {
  const Result<std::string> text = io::ReadFile(fs, path, 1 << 30);
  return text ? *text : ToString(text.error());
}

/// Everything in the folder of attributes, temporary files too.
inline Files AllIn(io::FileSystem& fs, const std::string& folder) {
  Files files;
  const auto entries = fs.List(folder);
  if (entries) {
    for (const io::DirectoryEntry& entry : *entries) {
      files[entry.name] = entry.is_directory ? "(folder)" : Get(fs, folder + "/" + entry.name);
    }
  }
  return files;
}

inline DedupeOptions OptionsOf(DedupeUnitKind unit) {
  DedupeOptions options;
  options.documents = {"/c/documents/*"};
  options.attribute_name = "dup";
  options.unit = unit;
  if (unit == DedupeUnitKind::kNgrams) {
    options.ngram_length = 3;
    options.overlap_threshold = 0.5F;
  }
  return options;
}

inline Result<DedupeReport> RunOn(io::FileSystem& fs, const DedupeOptions& options,
                                  std::size_t threads = 2) {
  const testing::ManualClock clock;
  NullProgress progress;
  return RunDedupe(options, {fs, clock, progress, threads, {}});
}

/// Texts of few words, so that documents, paragraphs and n-grams come again.
inline void MakeCorpus(io::FileSystem& fs, int files, int rows, std::uint64_t seed = 5) {
  std::mt19937_64 random(seed);
  for (int file = 0; file < files; ++file) {
    std::string lines;
    for (int row = 0; row < rows; ++row) {
      std::string text;
      for (std::uint64_t paragraph = random() % 4; paragraph > 0; --paragraph) {
        for (std::uint64_t word = random() % 7; word > 0; --word) {
          text += fmt::format("w{} ", random() % 12);
        }
        text += random() % 5 == 0 ? "\u00e9\n\n" : "\n";
      }
      lines += Line(fmt::format("{}-{}", file, row), text);
    }
    Put(fs, fmt::format("/c/documents/{}.jsonl", file), lines);
  }
}

}  // namespace datalake::curate
