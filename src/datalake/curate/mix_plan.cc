#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "datalake/curate/document_paths.h"
#include "datalake/curate/mix.h"
#include "datalake/curate/mix_row.h"
#include "datalake/format/document_reader.h"
#include "datalake/io/file_system.h"
#include "datalake/io/path.h"
#include "datalake/json/flat_tree.h"

namespace datalake::curate {
namespace {

constexpr std::string_view kDocuments = "documents";
constexpr std::size_t kSampledFiles = 3;
constexpr std::size_t kSampledRows = 500;

Error Invalid(std::string message) {
  return Error{ErrorCode::kInvalidArgument, std::move(message)};
}

std::string SuffixOf(std::string_view compression) {
  return compression == "none" ? std::string() : fmt::format(".{}", compression);
}

// The toolkit calls the last shard .json, whatever its number.
std::string ShardPath(const MixStream& stream, std::size_t number, bool is_last_of_toolkit) {
  return io::JoinPath(stream.output_path, fmt::format("{}-{:04}.{}{}", stream.name, number,
                                                      is_last_of_toolkit ? "json" : "jsonl",
                                                      SuffixOf(stream.compression)));
}

// Adds the names in `attributes` of the first rows of a file of documents or attributes.
Status SampleKeys(io::FileSystem& fs, const std::string& path, std::set<std::string>& keys) {
  DATALAKE_TRY_ASSIGN(auto reader, format::OpenDocuments(fs, path));
  format::DocumentBatch batch;
  DATALAKE_TRY_ASSIGN(const bool has_rows, reader->ReadBlock(batch));
  if (!has_rows) {
    return {};
  }
  std::string_view rest(batch.block(), batch.size_bytes());
  json::FlatTreeParser parser;
  json::FlatTree tree;
  std::vector<json::RawField> fields;
  for (std::size_t row = 0; row < kSampledRows && !rest.empty(); ++row) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    tree.Clear();
    fields.clear();
    const std::size_t root = tree.Open(json::NodeType::kObject, {});
    // A bad row is reported with its line when it is mixed.
    if (parser.AppendMembersOf(rest.substr(0, end), "attributes", tree, fields)) {
      tree.Close(root);
      const json::FlatNode* child = &tree.root() + 1;
      for (std::uint32_t i = 0; i < tree.root().size; ++i, child += child->span) {
        keys.emplace(child->key);
      }
    }
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return {};
}

class Planner {
 public:
  Planner(io::FileSystem& fs, const MixOptions& options) : fs_(fs), options_(options) {}

  Result<MixPlan> Plan() {
    for (std::size_t i = 0; i < options_.streams.size(); ++i) {
      const std::size_t first = plan_.shards.size();
      DATALAKE_TRY(AddStream(i));
      DATALAKE_TRY(WarnOfUnknownNames(options_.streams[i], first));
      DATALAKE_TRY(WarnOfOtherOutputs(options_.streams[i]));
    }
    return std::move(plan_);
  }

 private:
  bool is_compat() const { return options_.compatibility == Compatibility::kDolma; }

  Status AddStream(std::size_t index) {
    const MixStream& stream = options_.streams[index];
    DATALAKE_TRY_ASSIGN(const std::vector<std::string> files,
                        ExpandDocuments(fs_, stream.documents, plan_.warnings));
    return options_.is_sharded ? AddShards(index, files) : AddMirrored(index, files);
  }

  Status AddShards(std::size_t index, const std::vector<std::string>& files) {
    const MixStream& stream = options_.streams[index];
    std::vector<MixShard> shards(1);
    std::uint64_t size_bytes = 0;
    for (std::size_t i = 0; i < files.size(); ++i) {
      DATALAKE_TRY_ASSIGN(const io::FileInfo info, fs_.Stat(files[i]));
      if (info.size_bytes == 0 && i > 0) {
        continue;  // nothing in it
      }
      size_bytes += info.size_bytes;
      if (size_bytes > stream.max_size_bytes && !shards.back().inputs.empty()) {
        shards.emplace_back();
        size_bytes = info.size_bytes;
      }
      DATALAKE_TRY_ASSIGN(MixInput input, InputOf(stream, files[i]));
      shards.back().inputs.push_back(std::move(input));
    }
    for (std::size_t i = 0; i < shards.size(); ++i) {
      shards[i].stream = index;
      shards[i].output = ShardPath(stream, i, is_compat() && i + 1 == shards.size());
      DATALAKE_TRY(Add(std::move(shards[i])));
    }
    return {};
  }

  Status AddMirrored(std::size_t index, const std::vector<std::string>& files) {
    const MixStream& stream = options_.streams[index];
    for (const std::string& file : files) {
      MixShard shard;
      shard.stream = index;
      DATALAKE_TRY_ASSIGN(const std::string mirrored, MirroredPath(file, kDocuments));
      shard.output = io::JoinPath(stream.output_path, kDocuments,
                                  WithCompression(mirrored, stream.compression));
      DATALAKE_TRY_ASSIGN(MixInput input, InputOf(stream, file));
      shard.inputs.push_back(std::move(input));
      DATALAKE_TRY(Add(std::move(shard)));
    }
    return {};
  }

  Status Add(MixShard shard) {
    if (!outputs_.insert(shard.output).second) {
      return Invalid(fmt::format("two outputs of one name: {}", shard.output));
    }
    plan_.shards.push_back(std::move(shard));
    return {};
  }

  Result<MixInput> InputOf(const MixStream& stream, const std::string& file) {
    MixInput input;
    input.documents = file;
    if (file.ends_with(".parquet")) {
      return Error{ErrorCode::kUnsupported, fmt::format("not supported yet: mixing Parquet "
                                                        "files: {}",
                                                        file)};
    }
    for (const std::string& name : stream.attributes) {
      DATALAKE_TRY_ASSIGN(const std::string path, AttributePath(file, kDocuments, name));
      DATALAKE_TRY_ASSIGN(std::string found, FindCompressed(fs_, path));
      DATALAKE_TRY_ASSIGN(const bool exists, fs_.Exists(found));
      if (!exists && !is_compat()) {
        return Error{ErrorCode::kNotFound,
                     fmt::format("attribute file not found: {}; of the documents {}", path, file)};
      }
      input.attributes.push_back(exists ? std::move(found) : std::string());
    }
    return input;
  }

  // A name that occurs nowhere is most often misspelt, and a filter on it does nothing (check 48).
  Status WarnOfUnknownNames(const MixStream& stream, std::size_t first_shard) {
    DATALAKE_TRY_ASSIGN(const MixProgram program,
                        MixProgram::Compile(stream, options_.compatibility));
    std::map<std::string, std::string> wanted;  // name → a path that has it
    for (const auto* paths : {&program.include(), &program.exclude(), &program.spans()}) {
      for (const json::Path& path : *paths) {
        for (std::string& key : path.MemberKeys("attributes")) {
          wanted.try_emplace(std::move(key), path.text());
        }
      }
    }
    if (wanted.empty()) {
      return {};
    }
    std::set<std::string> known;
    std::size_t sampled = 0;
    for (std::size_t i = first_shard; i < plan_.shards.size(); ++i) {
      for (const MixInput& input : plan_.shards[i].inputs) {
        if (sampled++ == kSampledFiles) {
          break;
        }
        DATALAKE_TRY(SampleKeys(fs_, input.documents, known));
        for (const std::string& path : input.attributes) {
          if (!path.empty()) {
            DATALAKE_TRY(SampleKeys(fs_, path, known));
          }
        }
      }
    }
    for (const auto& [key, path] : wanted) {
      if (!known.contains(key)) {
        plan_.warnings.push_back(
            fmt::format("attribute occurs in none of the first rows of stream {}: {}: {}",
                        stream.name, key, path));
      }
    }
    return {};
  }

  // Outputs of an earlier run with more shards would be taken for part of this one.
  Status WarnOfOtherOutputs(const MixStream& stream) {
    if (!options_.is_sharded) {
      return {};
    }
    const Result<std::vector<io::DirectoryEntry>> entries = fs_.List(stream.output_path);
    if (!entries) {
      return {};  // not there yet
    }
    for (const io::DirectoryEntry& entry : *entries) {
      const std::string path = io::JoinPath(stream.output_path, entry.name);
      if (entry.name.starts_with(stream.name + "-") &&
          entry.name.find(".json") != std::string::npos && !outputs_.contains(path)) {
        plan_.warnings.push_back(
            fmt::format("an output that this run does not write is there already: {}", path));
      }
    }
    return {};
  }

  io::FileSystem& fs_;
  const MixOptions& options_;
  MixPlan plan_;
  std::set<std::string> outputs_;
};

}  // namespace

Result<MixPlan> PlanMix(io::FileSystem& fs, const MixOptions& options) {
  DATALAKE_TRY(options.Validate());
  return Planner(fs, options).Plan();
}

}  // namespace datalake::curate
