#include "datalake/curate/mix_block.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "datalake/json/value.h"
#include "datalake/json/writer.h"

namespace datalake::curate {
namespace {

// A document that is no line of JSON as one.
void AppendLine(const format::Document& document, std::string& out) {
  out.append("{\"id\":");
  json::AppendString(out, document.id);
  if (document.has_text) {
    out.append(",\"text\":");
    json::AppendString(out, document.text);
  }
  if (!document.source.empty()) {
    out.append(",\"source\":");
    json::AppendString(out, document.source);
  }
  if (!document.metadata_raw.empty()) {
    out.append(",\"metadata\":");
    const std::size_t begin = out.size();
    out.append(document.metadata_raw);
    // Between tokens; within strings they are an error anyway.
    std::replace_if(
        out.begin() + static_cast<std::ptrdiff_t>(begin), out.end(),
        [](char c) { return c == '\n' || c == '\r'; }, ' ');
  }
  out.push_back('}');
}

// Whether the metadata is one value of JSON, so that it cannot be read as more members of the line.
bool IsJson(std::string_view text) {
  return text.empty() || json::ParseValue(text, "metadata").has_value();
}

}  // namespace

void MixBlock::Work(const std::stop_token& stop) {
  out.clear();
  rejects.clear();
  counts = {.bytes_read = documents.size_bytes()};
  mixer_.StopBy(stop);
  mixer_.ClearTimes();
  status = Mix(stop);
  times.Add(mixer_.times());
  counts.bytes_written = out.size();
}

Status MixBlock::Mix(const std::stop_token& stop) {
  Stopwatch watch;
  DATALAKE_TRY(documents.owner() == nullptr ? ReadLines() : MakeLines());
  for (MixBlockAttributes& one : attributes) {
    DATALAKE_TRY(one.reader->Decode(one.batch));
  }
  watch.Lap(times[MixStep::kRead]);
  row_.path = path;
  row_.has_attribute_files = !attributes.empty();
  for (std::uint64_t i = 0; i < lines_.size(); ++i) {
    if (stop.stop_requested()) {
      return Error{ErrorCode::kCancelled, "cancelled"};
    }
    DATALAKE_TRY(MixRowAt(i));
  }
  return {};
}

Status MixBlock::MixRowAt(std::uint64_t index) {
  if (documents.owner() != nullptr && lines_[index].empty()) {
    ++counts.documents;
    rejects.push_back(RejectAt(
        index, {ErrorCode::kInvalidArgument,
                fmt::format("{}: {}:{}", ReasonOf(index), path, documents.first_line() + index)}));
    return {};
  }
  row_.line = documents.first_line() + index;
  row_.document = lines_[index];
  if (!AddAttributes(index)) {
    ++counts.documents;
    ++counts.missing;
    return {};
  }
  Status mixed = mixer_.Mix(row_, out, counts);
  if (!mixed && mixed.error().code == ErrorCode::kInvalidArgument) {
    rejects.push_back(RejectAt(index, std::move(mixed).error()));
    return {};
  }
  return mixed;
}

// Why a row of Parquet has no line.
std::string_view MixBlock::ReasonOf(std::uint64_t index) const {
  for (const format::RejectedLine& reject : documents.rejects()) {
    if (reject.line == index) {
      return reject.reason;
    }
  }
  return "metadata is no JSON";
}

// False when the document is to be left out.
bool MixBlock::AddAttributes(std::uint64_t index) {
  row_.attributes.clear();
  bool is_missing = lacks_file;
  for (const MixBlockAttributes& one : attributes) {
    if (index < one.usable_rows) {
      row_.attributes.push_back({one.path, one.batch.rows()[index]});
    } else {
      is_missing = true;
    }
  }
  return !is_missing || on_missing_ != OnMissing::kSkip;
}

MixReject MixBlock::RejectAt(std::uint64_t index, Error error) const {
  const bool is_line = documents.owner() == nullptr;
  const std::uint64_t offset =
      is_line ? documents.byte_offset() +
                    static_cast<std::uint64_t>(lines_[index].data() - lines_.front().data())
              : documents.byte_offset();
  return {documents.first_line() + index, offset, std::move(error), lines_[index]};
}

Status MixBlock::ReadLines() {
  lines_.clear();
  std::string_view rest(documents.block(), documents.size_bytes());
  for (std::uint64_t i = 0; i < documents.num_lines(); ++i) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    lines_.push_back(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return {};
}

Status MixBlock::MakeLines() {
  DATALAKE_TRY(reader->Decode(documents, parser_));
  std::vector<std::size_t> ends(documents.num_lines(), 0);
  made_.clear();
  for (const format::Document& document : documents.documents()) {
    if (!IsJson(document.metadata_raw)) {
      continue;
    }
    AppendLine(document, made_);
    ends[document.line] = made_.size();
  }
  const std::size_t size = made_.size();
  made_.resize(size + json::FlatTreeParser::kPadding);
  lines_.clear();
  std::size_t begin = 0;
  for (const std::size_t end : ends) {
    lines_.push_back(std::string_view(made_).substr(begin, end == 0 ? 0 : end - begin));
    begin = std::max(begin, end);
  }
  return {};
}

}  // namespace datalake::curate
