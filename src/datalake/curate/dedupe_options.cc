#include <charconv>

#include <fmt/format.h>

#include "datalake/curate/dedupe.h"
#include "datalake/curate/document_paths.h"
#include "datalake/json/config_reader.h"
#include "datalake/json/path.h"

namespace datalake::curate {
namespace {

constexpr std::uint64_t kMaxNgramLength = 1'000'000;
constexpr std::uint64_t kMaxPartitions = 1'000'000;

Error Invalid(std::string message) {
  return Error{ErrorCode::kInvalidArgument, std::move(message)};
}

bool IsFolderName(std::string_view name) {
  return name != "." && name != ".." && name.find('/') == std::string_view::npos;
}

// "1 GiB", "500MB", "4096".
Result<std::uint64_t> ParseBytes(std::string_view text) {
  struct Unit {
    std::string_view name;
    double bytes;
  };

  constexpr Unit kUnits[] = {{"", 1},
                             {"B", 1},
                             {"KB", 1e3},
                             {"MB", 1e6},
                             {"GB", 1e9},
                             {"TB", 1e12},
                             {"KiB", 1024.0},
                             {"MiB", 1048576.0},
                             {"GiB", 1073741824.0},
                             {"TiB", 1099511627776.0}};
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  std::string_view unit = text.substr(static_cast<std::size_t>(end - text.data()));
  while (unit.starts_with(' ')) {
    unit.remove_prefix(1);
  }
  for (const Unit& known : kUnits) {
    if (error == std::errc() && unit == known.name && number > 0 && number * known.bytes < 1e18) {
      return static_cast<std::uint64_t>(number * known.bytes);
    }
  }
  return Invalid(fmt::format("must be a number of bytes such as 4 GiB or 500 MB: {}", text));
}

bool ReadDocumentsPart(json::ConfigReader& dedupe, DedupeOptions& options) {
  auto documents = dedupe.Object("documents");
  if (!documents.has_value()) {
    return false;
  }
  documents->Require("attribute_name", options.attribute_name);
  documents->Require("key", options.key);
  dedupe.Merge(*documents);
  return true;
}

bool ReadParagraphsPart(json::ConfigReader& dedupe, DedupeOptions& options) {
  auto paragraphs = dedupe.Object("paragraphs");
  if (!paragraphs.has_value()) {
    return false;
  }
  paragraphs->Require("attribute_name", options.attribute_name);
  paragraphs->Read("paragraph_separator", options.paragraph_separator);
  if (auto ngram = paragraphs->Object("by_ngram"); ngram.has_value()) {
    double threshold = static_cast<double>(options.overlap_threshold);
    ngram->Read("ngram_length", options.ngram_length);
    ngram->Read("stride", options.stride);
    ngram->Read("overlap_threshold", threshold);
    ngram->Read("skip_short_paragraphs", options.skip_short_paragraphs);
    options.overlap_threshold = static_cast<float>(threshold);
    paragraphs->Merge(*ngram);
  }
  dedupe.Merge(*paragraphs);
  return true;
}

// What is compared; the toolkit takes documents without a word when both are there.
void ReadUnits(json::ConfigReader& dedupe, DedupeOptions& options) {
  DedupeOptions paragraphs;
  const bool has_documents = ReadDocumentsPart(dedupe, options);
  const bool has_paragraphs = ReadParagraphsPart(dedupe, paragraphs);
  if (!has_documents && !has_paragraphs) {
    dedupe.Fail("missing key: documents or paragraphs");
  }
  if (has_documents && has_paragraphs && options.compatibility == Compatibility::kNone) {
    dedupe.Fail("documents or paragraphs, not both: run it once for each");
  }
  if (has_documents || !has_paragraphs) {
    return;
  }
  options.unit =
      paragraphs.ngram_length > 0 ? DedupeUnitKind::kNgrams : DedupeUnitKind::kParagraphs;
  options.attribute_name = std::move(paragraphs.attribute_name);
  options.paragraph_separator = std::move(paragraphs.paragraph_separator);
  options.ngram_length = paragraphs.ngram_length;
  options.stride = paragraphs.stride;
  options.overlap_threshold = paragraphs.overlap_threshold;
  options.skip_short_paragraphs = paragraphs.skip_short_paragraphs;
}

void ReadDedupePart(json::ConfigReader& config, DedupeOptions& options) {
  auto dedupe = config.Object("dedupe");
  if (!dedupe.has_value()) {
    config.Fail("missing key: dedupe");
    return;
  }
  dedupe->Read("name", options.name);
  ReadUnits(*dedupe, options);
  dedupe->Read("skip_empty", options.skip_empty);
  dedupe->Read("min_length", options.min_length);
  dedupe->Read("min_words", options.min_words);
  dedupe->Read("num_partitions", options.num_partitions);
  dedupe->Read("partition_index", options.partition_index);
  dedupe->Read("file_partition", options.file_partition);
  dedupe->Read("document_dir", options.document_dir);
  config.Merge(*dedupe);
}

void ReadFilterPart(json::ConfigReader& config, DedupeOptions& options) {
  auto filter = config.Object("bloom_filter");
  if (!filter.has_value()) {
    return;
  }
  std::string kind = "exact";
  filter->Read("file", options.state_file);
  filter->Read("kind", kind);
  filter->Read("read_only", options.is_read_only);
  filter->Read("size_in_bytes", options.bloom_bytes);
  filter->Read("estimated_doc_count", options.bloom_keys);
  filter->Read("desired_false_positive_rate", options.bloom_error);
  if (kind == "bloom") {
    options.kind = SeenKind::kBloom;
  } else if (kind != "exact") {
    filter->Fail(fmt::format("unknown kind: {}; known: exact, bloom", kind));
  }
  config.Merge(*filter);
}

void ReadCommonPart(json::ConfigReader& config, DedupeOptions& options) {
  std::string text;
  bool flag = false;
  std::uint64_t number = 0;
  if (auto compression = config.Object("compression"); compression.has_value()) {
    compression->Read("input", text);  // told by the content
    compression->Read("output", options.compression);
    config.Merge(*compression);
  }
  if (auto work_dir = config.Object("work_dir"); work_dir.has_value()) {
    work_dir->Read("input", text);
    work_dir->Read("output", options.spill_folder);
    config.Merge(*work_dir);
  }
  std::string limit;
  config.Read("memory_limit", limit);
  if (!limit.empty()) {
    if (const Result<std::uint64_t> bytes = ParseBytes(limit); bytes) {
      options.memory_limit_bytes = *bytes;
    } else {
      config.Fail(fmt::format("memory_limit {}", bytes.error().message));
    }
  }
  config.Read("is_s3_volume", flag);
  config.Read("processes", number);
  config.Read("dryrun", flag);
  config.Read("compat", text);
}

Status CheckNames(const DedupeOptions& options) {
  if (options.attribute_name.empty()) {
    return Invalid("missing key: attribute_name of dedupe.documents or dedupe.paragraphs");
  }
  for (const std::string& part : {options.name, options.document_dir}) {
    if (!IsFolderName(part)) {
      return Invalid(fmt::format("must be one folder name: {}", part));
    }
  }
  if (options.name.empty() && !IsFolderName(options.attribute_name)) {
    return Invalid(fmt::format("dedupe.name is needed for an attribute that is no folder name: {}",
                               options.attribute_name));
  }
  if (options.document_dir.empty()) {
    return Invalid("dedupe.document_dir must not be empty");
  }
  return {};
}

Status CheckUnits(const DedupeOptions& options) {
  if (options.unit != DedupeUnitKind::kDocuments && options.paragraph_separator.empty()) {
    return Invalid("dedupe.paragraphs.paragraph_separator must not be empty");
  }
  if (options.unit == DedupeUnitKind::kNgrams &&
      (options.ngram_length == 0 || options.ngram_length > kMaxNgramLength)) {
    return Invalid(fmt::format("by_ngram.ngram_length must be from 1 to {}: {}", kMaxNgramLength,
                               options.ngram_length));
  }
  if (!(options.overlap_threshold >= 0 && options.overlap_threshold <= 1)) {
    return Invalid(fmt::format("by_ngram.overlap_threshold must be from 0 to 1: {}",
                               options.overlap_threshold));
  }
  return {};
}

Status CheckPartition(const DedupeOptions& options) {
  if (options.num_partitions == 0 || options.num_partitions > kMaxPartitions) {
    return Invalid(fmt::format("dedupe.num_partitions must be from 1 to {}: {}", kMaxPartitions,
                               options.num_partitions));
  }
  if (options.partition_index >= options.num_partitions) {
    return Invalid(fmt::format("dedupe.partition_index must be below num_partitions: {}, {}",
                               options.partition_index, options.num_partitions));
  }
  return {};
}

Status CheckFilter(const DedupeOptions& options) {
  if (options.is_read_only && options.state_file.empty()) {
    return Invalid("bloom_filter.read_only needs bloom_filter.file");
  }
  if (options.kind == SeenKind::kBloom && options.bloom_keys == 0) {
    return Invalid(
        "bloom_filter.kind bloom needs estimated_doc_count, and size_in_bytes or "
        "desired_false_positive_rate");
  }
  if (options.kind == SeenKind::kBloom && options.bloom_bytes == 0 &&
      !(options.bloom_error > 0 && options.bloom_error < 1)) {
    return Invalid(fmt::format("desired_false_positive_rate must be between 0 and 1: {}",
                               options.bloom_error));
  }
  return {};
}

}  // namespace

Status DedupeOptions::Validate() const {
  if (documents.empty()) {
    return Invalid("missing key: documents");
  }
  DATALAKE_TRY(CheckNames(*this));
  DATALAKE_TRY(CheckUnits(*this));
  DATALAKE_TRY(CheckPartition(*this));
  DATALAKE_TRY(CheckFilter(*this));
  DATALAKE_TRY(json::Path::Compile(key));
  return CheckCompression(compression);
}

Result<DedupeOptions> ReadDedupeOptions(json::ConfigReader& config, Compatibility compatibility) {
  DedupeOptions options;
  options.compatibility = compatibility;
  config.Read("documents", options.documents);
  ReadDedupePart(config, options);
  ReadFilterPart(config, options);
  ReadCommonPart(config, options);
  DATALAKE_TRY(config.Finish());
  DATALAKE_TRY(options.Validate());
  return options;
}

}  // namespace datalake::curate
