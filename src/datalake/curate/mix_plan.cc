#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "datalake/curate/attribute_reader.h"
#include "datalake/curate/document_paths.h"
#include "datalake/curate/mix.h"
#include "datalake/curate/mix_outputs.h"
#include "datalake/curate/mix_program.h"
#include "datalake/format/document_reader.h"
#include "datalake/io/file_system.h"
#include "datalake/io/path.h"
#include "datalake/json/flat_tree.h"

namespace datalake::curate {
namespace {

constexpr std::string_view kDocuments = "documents";
constexpr std::size_t kSampledFiles = 32;
constexpr std::size_t kSampledRows = 500;
constexpr std::uint64_t kTellingRows = 100;  // fewer prove nothing

Error Invalid(std::string message) {
  return Error{ErrorCode::kInvalidArgument, std::move(message)};
}

// The toolkit calls the last shard .json, whatever its number.
std::string ToolkitPath(std::string path) {
  const std::size_t suffix = path.rfind(".jsonl");
  return path.replace(suffix, std::string_view(".jsonl").size(), ".json");
}

// Names of attributes in the first rows of files, and whether there may be others further on.
struct SampledNames {
  std::set<std::string> names;
  bool is_whole = true;  // every file was looked at, and in each all rows had the same names
};

class Sampler {
 public:
  explicit Sampler(io::FileSystem& fs) : fs_(fs) {}

  // The first block of lines; Parquet documents have no attributes.
  Status AddDocuments(const std::string& path) {
    first_.clear();
    if (path.ends_with(".parquet")) {
      return {};
    }
    DATALAKE_TRY_ASSIGN(auto reader, format::OpenDocuments(fs_, path));
    format::DocumentBatch batch;
    DATALAKE_TRY_ASSIGN(const bool has_rows, reader->ReadBlock(batch));
    std::string_view rest(batch.block(), has_rows ? batch.size_bytes() : 0);
    for (std::size_t row = 0; row < kSampledRows && !rest.empty(); ++row) {
      const std::size_t end = std::min(rest.find('\n'), rest.size());
      AddRow(rest.substr(0, end), row == 0);
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return {};
  }

  Status AddAttributes(const std::string& path) {
    DATALAKE_TRY_ASSIGN(auto reader, AttributeReader::Open(fs_, path));
    AttributeBatch batch;
    DATALAKE_TRY(reader->Read(kSampledRows, batch));
    DATALAKE_TRY(reader->Decode(batch));
    first_.clear();
    for (const std::string_view row : batch.rows()) {
      AddRow(row, row.data() == batch.rows().front().data());
    }
    NeedNames();
    return {};
  }

  // Rows without any attribute tell nothing of what others have, e.g. marks of rare duplicates.
  void NeedNames() { sampled_.is_whole = sampled_.is_whole && !first_.empty(); }

  void LeaveOut() { sampled_.is_whole = false; }

  SampledNames sampled() const {
    SampledNames sampled = sampled_;
    sampled.is_whole = sampled.is_whole && rows_ >= kTellingRows;
    return sampled;
  }

 private:
  void AddRow(std::string_view text, bool is_first) {
    tree_.Clear();
    fields_.clear();
    const std::size_t root = tree_.Open(json::NodeType::kObject, {});
    // A bad row is reported with its line when it is mixed.
    if (!parser_.AppendMembersOf(text, "attributes", tree_, fields_)) {
      return;
    }
    tree_.Close(root);
    std::set<std::string> names;
    const json::FlatNode* child = &tree_.root() + 1;
    for (std::uint32_t i = 0; i < tree_.root().size; ++i, child += child->span) {
      names.emplace(child->key);
    }
    rows_ += names.empty() ? 0 : 1;
    sampled_.names.insert(names.begin(), names.end());
    sampled_.is_whole = sampled_.is_whole && (is_first || names == first_);
    if (is_first) {
      first_ = std::move(names);
    }
  }

  io::FileSystem& fs_;
  json::FlatTreeParser parser_;
  json::FlatTree tree_;
  std::vector<json::RawField> fields_;
  std::set<std::string> first_;  // of the file's first row
  SampledNames sampled_;
  std::uint64_t rows_ = 0;
};

// The path of an input below `documents`, as its output is called: Parquet gives lines of JSON.
std::string MirroredName(std::string_view mirrored, std::string_view compression) {
  constexpr std::string_view kParquet = ".parquet";
  if (!mirrored.ends_with(kParquet)) {
    return WithCompression(mirrored, compression);
  }
  mirrored.remove_suffix(kParquet.size());
  return WithCompression(fmt::format("{}.jsonl", mirrored), compression);
}

class Planner {
 public:
  Planner(io::FileSystem& fs, const MixOptions& options) : fs_(fs), options_(options) {}

  Result<MixPlan> Plan() {
    for (std::size_t i = 0; i < options_.streams.size(); ++i) {
      const std::size_t first = plan_.shards.size();
      DATALAKE_TRY(AddStream(i));
      DATALAKE_TRY(CheckNames(options_.streams[i], first));
      if (options_.is_sharded && options_.streams[i].size_by == SizeBy::kInputCompressed) {
        WarnOfOtherOutputs(fs_, options_.streams[i], outputs_, plan_.warnings);
      }
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
      if (stream.size_by == SizeBy::kInputCompressed && size_bytes > stream.max_size_bytes &&
          !shards.back().inputs.empty()) {
        shards.emplace_back();
        size_bytes = info.size_bytes;
      }
      DATALAKE_TRY_ASSIGN(MixInput input, InputOf(stream, files[i]));
      shards.back().inputs.push_back(std::move(input));
    }
    for (std::size_t i = 0; i < shards.size(); ++i) {
      shards[i].stream = index;
      shards[i].output = MixShardPath(stream, i);
      shards[i].rejects_path = MixRejectsPath(stream, io::BaseName(shards[i].output));
      if (is_compat() && i + 1 == shards.size() && stream.size_by == SizeBy::kInputCompressed) {
        shards[i].output = ToolkitPath(std::move(shards[i].output));
      }
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
      shard.output =
          io::JoinPath(stream.output_path, kDocuments, MirroredName(mirrored, stream.compression));
      shard.rejects_path = MixRejectsPath(stream, mirrored);
      DATALAKE_TRY_ASSIGN(MixInput input, InputOf(stream, file));
      shard.inputs.push_back(std::move(input));
      DATALAKE_TRY(Add(std::move(shard)));
    }
    return {};
  }

  Status Add(MixShard shard) {
    if (!names_.insert(shard.output).second) {
      return Invalid(fmt::format("two outputs of one name: {}", shard.output));
    }
    outputs_.push_back(shard.output);
    plan_.shards.push_back(std::move(shard));
    return {};
  }

  Result<MixInput> InputOf(const MixStream& stream, const std::string& file) {
    MixInput input;
    input.documents = file;
    for (const std::string& name : stream.attributes) {
      DATALAKE_TRY_ASSIGN(const std::string path, AttributePath(file, kDocuments, name));
      DATALAKE_TRY_ASSIGN(std::string found, FindCompressed(fs_, path));
      DATALAKE_TRY_ASSIGN(const bool exists, fs_.Exists(found));
      if (!exists && options_.on_missing == OnMissing::kError) {
        return Error{ErrorCode::kNotFound,
                     fmt::format("attribute file not found: {}; of the documents {}", path, file)};
      }
      if (!exists && !is_compat()) {
        plan_.warnings.push_back(
            fmt::format("attribute file not found: {}; of the documents {}", path, file));
      }
      input.attributes.push_back(exists ? std::move(found) : std::string());
    }
    return input;
  }

  // A name that occurs nowhere is most often misspelt, and a filter on it does nothing (check 48).
  Status CheckNames(const MixStream& stream, std::size_t first_shard) {
    DATALAKE_TRY_ASSIGN(const MixProgram program,
                        MixProgram::Compile(stream, options_.compatibility));
    std::map<std::string, std::string> wanted;  // name → a selector that has it
    for (const auto* selectors : {&program.include(), &program.exclude(), &program.spans()}) {
      for (const Selector& selector : *selectors) {
        for (std::string& key : selector.MemberKeys("attributes")) {
          wanted.try_emplace(std::move(key), selector.text());
        }
      }
    }
    if (wanted.empty()) {
      return {};
    }
    DATALAKE_TRY_ASSIGN(const SampledNames sampled, Sample(first_shard));
    const bool is_error = sampled.is_whole && options_.on_missing != OnMissing::kIgnore;
    for (const auto& [key, selector] : wanted) {
      if (sampled.names.contains(key)) {
        continue;
      }
      std::string message = fmt::format(
          "attribute occurs in none of the first rows of stream {}: "
          "{}: {}",
          stream.name, key, selector);
      if (is_error) {
        return Invalid(std::move(message));
      }
      plan_.warnings.push_back(std::move(message));
    }
    return {};
  }

  // The heads of the stream's files, or of some all over it where there are many.
  Result<SampledNames> Sample(std::size_t first_shard) {
    std::vector<const MixInput*> inputs;
    for (std::size_t i = first_shard; i < plan_.shards.size(); ++i) {
      for (const MixInput& input : plan_.shards[i].inputs) {
        inputs.push_back(&input);
      }
    }
    Sampler sampler(fs_);
    const std::size_t count = std::min(inputs.size(), kSampledFiles);
    if (count < inputs.size()) {
      sampler.LeaveOut();
    }
    for (std::size_t i = 0; i < count; ++i) {
      const MixInput& input = *inputs[i * inputs.size() / count];
      DATALAKE_TRY(sampler.AddDocuments(input.documents));
      if (input.attributes.empty()) {
        sampler.NeedNames();
      }
      for (const std::string& path : input.attributes) {
        if (path.empty()) {
          sampler.LeaveOut();
        } else {
          DATALAKE_TRY(sampler.AddAttributes(path));
        }
      }
    }
    return sampler.sampled();
  }

  io::FileSystem& fs_;
  const MixOptions& options_;
  MixPlan plan_;
  std::set<std::string> names_;
  std::vector<std::string> outputs_;
};

}  // namespace

Result<MixPlan> PlanMix(io::FileSystem& fs, const MixOptions& options) {
  DATALAKE_TRY(options.Validate());
  return Planner(fs, options).Plan();
}

}  // namespace datalake::curate
