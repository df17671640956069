#include <fmt/format.h>

#include "datalake/curate/dedupe.h"
#include "datalake/curate/document_paths.h"
#include "datalake/io/file_system.h"
#include "datalake/json/config_reader.h"
#include "datalake/json/path.h"

namespace datalake::curate {
namespace {

struct Unsupported {
  bool has_paragraphs = false;
  bool is_read_only = false;
  bool is_file_partition = false;
  std::string filter_file;
  std::uint64_t num_partitions = 1;
  std::uint64_t min_words = 0;
};

Error NotYet(std::string_view what) {
  return Error{ErrorCode::kUnsupported, fmt::format("not supported yet: {}", what)};
}

void ReadDocumentsPart(json::ConfigReader& dedupe, DedupeOptions& options) {
  if (auto documents = dedupe.Object("documents"); documents.has_value()) {
    documents->Require("attribute_name", options.attribute_name);
    documents->Require("key", options.key);
    dedupe.Merge(*documents);
  }
}

void ReadParagraphsPart(json::ConfigReader& dedupe, Unsupported& unsupported) {
  auto paragraphs = dedupe.Object("paragraphs");
  if (!paragraphs.has_value()) {
    return;
  }
  // The keys are checked all the same, so that a config's spelling is right before it is moved.
  std::string text;
  std::uint64_t number = 0;
  double threshold = 0;
  bool flag = false;
  paragraphs->Read("attribute_name", text);
  paragraphs->Read("paragraph_separator", text);
  if (auto ngram = paragraphs->Object("by_ngram"); ngram.has_value()) {
    ngram->Read("ngram_length", number);
    ngram->Read("stride", number);
    ngram->Read("overlap_threshold", threshold);
    ngram->Read("skip_short_paragraphs", flag);
    paragraphs->Merge(*ngram);
  }
  dedupe.Merge(*paragraphs);
  unsupported.has_paragraphs = true;
}

void ReadDedupePart(json::ConfigReader& config, DedupeOptions& options, Unsupported& unsupported) {
  auto dedupe = config.Object("dedupe");
  if (!dedupe.has_value()) {
    config.Fail("missing key: dedupe");
    return;
  }
  std::uint64_t partition_index = 0;
  dedupe->Read("name", options.name);
  ReadDocumentsPart(*dedupe, options);
  ReadParagraphsPart(*dedupe, unsupported);
  dedupe->Read("skip_empty", options.skip_empty);
  dedupe->Read("min_length", options.min_length);
  dedupe->Read("min_words", unsupported.min_words);
  dedupe->Read("num_partitions", unsupported.num_partitions);
  dedupe->Read("partition_index", partition_index);
  dedupe->Read("file_partition", unsupported.is_file_partition);
  dedupe->Read("document_dir", options.document_dir);
  config.Merge(*dedupe);
}

void ReadFilterPart(json::ConfigReader& config, Unsupported& unsupported) {
  auto filter = config.Object("bloom_filter");
  if (!filter.has_value()) {
    return;
  }
  std::uint64_t number = 0;
  double rate = 0;
  filter->Read("file", unsupported.filter_file);
  filter->Read("read_only", unsupported.is_read_only);
  filter->Read("size_in_bytes", number);
  filter->Read("estimated_doc_count", number);
  filter->Read("desired_false_positive_rate", rate);
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
    work_dir->Read("output", text);
    config.Merge(*work_dir);
  }
  config.Read("is_s3_volume", flag);
  config.Read("processes", number);
  config.Read("dryrun", flag);
  config.Read("compat", text);
}

Status CheckSupported(const Unsupported& unsupported, io::FileSystem& fs) {
  if (unsupported.has_paragraphs) {
    return NotYet("dedupe.paragraphs (paragraph and n-gram dedup)");
  }
  if (unsupported.num_partitions > 1 || unsupported.is_file_partition) {
    return NotYet("dedupe.num_partitions and dedupe.file_partition");
  }
  if (unsupported.min_words > 0) {
    return NotYet("dedupe.min_words (words of UAX #29)");
  }
  if (unsupported.is_read_only) {
    return NotYet("bloom_filter.read_only (decontamination against a saved filter)");
  }
  if (!unsupported.filter_file.empty()) {
    DATALAKE_TRY_ASSIGN(const bool exists, fs.Exists(unsupported.filter_file));
    if (exists) {
      return NotYet(fmt::format("starting from a saved filter; remove the file or the key: {}",
                                unsupported.filter_file));
    }
  }
  return {};
}

}  // namespace

Status DedupeOptions::Validate() const {
  if (documents.empty()) {
    return Error{ErrorCode::kInvalidArgument, "missing key: documents"};
  }
  if (attribute_name.empty()) {
    return Error{ErrorCode::kInvalidArgument, "missing key: dedupe.documents.attribute_name"};
  }
  for (const std::string& part : {name, document_dir}) {
    if (part == "." || part == ".." || part.find('/') != std::string::npos) {
      return Error{ErrorCode::kInvalidArgument, fmt::format("must be one folder name: {}", part)};
    }
  }
  if (name.empty() && (attribute_name == "." || attribute_name == ".." ||
                       attribute_name.find('/') != std::string::npos)) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("dedupe.name is needed for an attribute that is no folder name: {}",
                             attribute_name)};
  }
  if (document_dir.empty()) {
    return Error{ErrorCode::kInvalidArgument, "dedupe.document_dir must not be empty"};
  }
  DATALAKE_TRY(json::Path::Compile(key));
  return CheckCompression(compression);
}

Result<DedupeOptions> ReadDedupeOptions(json::ConfigReader& config, io::FileSystem& fs) {
  DedupeOptions options;
  Unsupported unsupported;
  config.Read("documents", options.documents);
  ReadDedupePart(config, options, unsupported);
  ReadFilterPart(config, unsupported);
  ReadCommonPart(config, options);
  DATALAKE_TRY(config.Finish());
  DATALAKE_TRY(CheckSupported(unsupported, fs));
  DATALAKE_TRY(options.Validate());
  return options;
}

}  // namespace datalake::curate
