#include "benchmarks/made_corpus.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <span>
#include <utility>

#include <fmt/format.h>

#include "datalake/io/atomic_file.h"
#include "datalake/io/compression.h"
#include "datalake/io/file_system.h"
#include "datalake/io/path.h"
#include "datalake/json/writer.h"

namespace datalake::benchmarks {
namespace {

constexpr std::size_t kVocabulary = 30'000;
constexpr std::size_t kKeptForCopies = 2'000;

}  // namespace

MadeCorpus::Document MadeCorpus::Next() {
  Document document;
  document.id = fmt::format("document-{:08}", next_id_++);
  document.is_copy = !earlier_.empty() && std::uniform_real_distribution()(random_) < copies_;
  if (document.is_copy) {
    document.text = earlier_[random_() % earlier_.size()];
    return document;
  }
  document.text = MakeText();
  if (earlier_.size() < kKeptForCopies) {
    earlier_.push_back(document.text);
  }
  return document;
}

std::string MadeCorpus::Line(const Document& document) {
  std::string line;
  json::Writer writer(line);
  writer.BeginObject();
  writer.Key("id");
  writer.String(document.id);
  writer.Key("text");
  writer.String(document.text);
  writer.Key("source");
  writer.String("made");
  writer.Key("metadata");
  writer.BeginObject();
  writer.Key("url");
  writer.String("https://example.org/" + document.id);
  writer.EndObject();
  writer.EndObject();
  writer.EndLine();
  return line;
}

std::string MadeCorpus::MakeText() {
  const double bytes = std::lognormal_distribution(7.5, 0.95)(random_);
  const auto size = static_cast<std::size_t>(std::clamp(bytes, 200.0, 60000.0));
  std::string text;
  while (text.size() < size) {
    for (std::size_t words = 4 + random_() % 20; words > 0; --words) {
      text += Word();
      text += ' ';
    }
    text.back() = '.';
    text += random_() % 4 == 0 ? '\n' : ' ';
  }
  return text;
}

const std::string& MadeCorpus::Word() {
  while (words_.size() < kVocabulary) {
    std::string& word = words_.emplace_back();
    for (std::size_t letters = 1 + random_() % 5 + random_() % 6; letters > 0; --letters) {
      word += random_() % 60 == 0 ? "\u00e9" : std::string(1, "etaoinshrdlucmfw"[random_() % 16]);
    }
  }
  // The inverse of the distribution function of a rank with density 1 / rank.
  const double u = std::uniform_real_distribution()(random_);
  const double rank = std::pow(static_cast<double>(kVocabulary), u);
  return words_[std::min(static_cast<std::size_t>(rank), kVocabulary) - 1];
}

namespace {

// Our own gzip members tell their size; those of other programs do not, and are read by ISA-L,
// whose rate all others are scaled by.
Status ForgetMemberSizes(io::FileSystem& fs, const std::string& path) {
  constexpr std::string_view kOurs("\x1f\x8b\x08\x04\0\0\0\0\0\xff\x08\0DL\x04\0", 16);
  DATALAKE_TRY_ASSIGN(std::string bytes, io::ReadFile(fs, path, std::uint64_t{1} << 32));
  for (std::size_t at = bytes.find(kOurs); at != std::string::npos;
       at = bytes.find(kOurs, at + 1)) {
    bytes.replace(at + 12, 2, "XX");
  }
  return io::ReplaceFile(fs, path, bytes);
}

}  // namespace

Status WriteLines(io::FileSystem& fs, const std::string& path, const std::string& lines) {
  DATALAKE_TRY(fs.MakeDirectories(io::ParentPath(path)));
  DATALAKE_TRY_ASSIGN(auto file, fs.Create(path));
  DATALAKE_TRY_ASSIGN(const auto stream,
                      io::MakeCompressor(std::move(file), io::CompressionOfPath(path)));
  DATALAKE_TRY(stream->Write(std::string_view(lines)));
  DATALAKE_TRY(stream->Close());
  return path.ends_with(".gz") ? ForgetMemberSizes(fs, path) : Status();
}

Result<std::string> ReadLines(io::FileSystem& fs, const std::string& path) {
  DATALAKE_TRY_ASSIGN(const auto stream, io::OpenCompressed(fs, path));
  std::string text;
  std::string buffer(std::size_t{1} << 20, '\0');
  while (true) {
    DATALAKE_TRY_ASSIGN(const std::size_t read,
                        stream->Read(std::as_writable_bytes(std::span(buffer))));
    if (read == 0) {
      return text;
    }
    text.append(buffer, 0, read);
  }
}

}  // namespace datalake::benchmarks
