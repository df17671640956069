// datalake upload: stages a dataset for processing.
#include "datalake/lake/upload.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <system_error>

#include <fmt/format.h>

#include "datalake/base/name.h"
#include "datalake/json/writer.h"

#include "apps/datalake/commands/commands.h"
#include "apps/datalake/open_lake.h"
#include "apps/datalake/prompt.h"
#include "apps/datalake/remote_upload.h"

namespace datalake::apps {
namespace {

std::string UploadJson(const lake::UploadInfo& info) {
  std::string line;
  json::Writer writer(line);
  const auto text = [&writer](std::string_view key, std::string_view value) {
    writer.Key(key);
    writer.String(value);
  };
  writer.BeginObject();
  text("upload", info.id);
  text("provider", info.table.provider);
  text("dataset", info.table.dataset);
  text("task", info.table.task);
  text("variant", info.variant);
  writer.Key("rows");
  writer.Uint(info.rows);
  writer.Key("problem_rows");
  writer.Uint(info.problem_rows);
  writer.Key("known_assets");
  writer.Uint(info.known_assets);
  writer.Key("bad_files");
  writer.BeginArray();
  for (const lake::BadFile& file : info.bad_files) {
    writer.BeginObject();
    text("file", file.path);
    text("problem", file.problem);
    writer.EndObject();
  }
  writer.EndArray();
  writer.EndObject();
  return line;
}

class UploadCommand final : public Command {
 public:
  std::string_view Name() const override { return "upload"; }

  std::string_view Summary() const override {
    return "Stages a dataset: rows with their pictures and files";
  }

  std::string_view Example() const override {
    return "datalake upload\n"
           "datalake upload pictures/ --provider opensource --dataset birds\n"
           "datalake upload 'shards/*.tar' --provider opensource --dataset birds\n"
           "datalake upload labels.parquet --provider opensource --dataset birds --task vqa "
           "--variant v1 --field lang=en --field src=real\n"
           "datalake --server https://lake.example.org --token-file ~/.lake-token "
           "upload pictures/ --provider opensource --dataset birds";
  }

  void Declare(OptionSet& options) override {
    options.Argument("path", request_.source_path,
                     "Parquet, Arrow, CSV or JSONL file or glob, WebDataset tars, HF dataset "
                     "folder, or a folder of pictures with or without metadata; asked for when "
                     "left out, as all that is missing",
                     /*required=*/false);
    options.String("--provider", request_.provider, "a provider of `datalake config list`");
    options.String("--dataset", request_.dataset, "name of the dataset");
    options.String("--task", request_.task, "raw, or a task of `datalake config list`");
    options.String("--variant", request_.variant, "default: image, files, mixed or text");
    options.Strings("--field", fields_, "key=value of a task's fields");
    options.String("--description", request_.description, "what this is");
    options.String("--original-source", request_.original_source, "where it is from");
    options.String("--user", request_.user, "who uploads (default: $USER)");
    options.Choice("--on-bad-asset", on_bad_asset_, {"keep", "null", "reject"},
                   "what becomes of rows whose file is missing or picture is broken");
    options.Strings("--image-column", request_.image_columns,
                    "a column of pictures that its name does not tell");
    options.Strings("--file-column", request_.file_columns,
                    "a column of files that its name does not tell");
    options.Choice("--nested", nested_, {"keep", "json"}, "structs as they are, or as JSON text");
    options.Flag("--perceptual-hash", request_.derived.perceptual_hash,
                 "a column <pictures>_phash: 64 bits that differ little for alike pictures");
    options.Integer("--thumbnails", thumbnail_side_,
                    "a column <pictures>_thumbnail: JPEGs of at most so many pixels a side");
    options.Flag("--strict", request_.strict_files,
                 "fail when one file of several cannot be opened, rather than leave it out");
    options.Flag("--overwrite", request_.overwrite,
                 "replace a pending upload and, when processed, the variant's rows");
    options.Integer("--connections", remote_.connections,
                    "with --server: parts on their way at once");
    options.Integer("--attempts", remote_.attempts,
                    "with --server: tries of a call before it fails; the same command again goes "
                    "on with what the server has");
  }

  Result<int> Run(Context& context) override {
    DATALAKE_TRY_ASSIGN(request_.on_bad_asset, lake::ParseOnBadAsset(on_bad_asset_));
    DATALAKE_TRY_ASSIGN(request_.nested, lake::ParseNestedValues(nested_));
    DATALAKE_TRY(ReadFields());
    request_.derived.thumbnail_side =
        static_cast<std::int32_t>(std::clamp<std::int64_t>(thumbnail_side_, -1, 1 << 20));
    DATALAKE_TRY(request_.derived.Validate());
    DATALAKE_TRY_ASSIGN(const lake::UploadInfo info, Upload(context));
    for (const lake::BadFile& file : info.bad_files) {
      fmt::print(stderr, "datalake: warning: file left out: {}\n", file.problem);
    }
    if (info.problem_rows > 0) {
      fmt::print(stderr, "datalake: warning: rows with a bad file name: {} of {}\n",
                 info.problem_rows, info.rows);
    }
    DATALAKE_TRY(context.Print(context.options.json
                                   ? UploadJson(info)
                                   : fmt::format("staged {} rows for {}/{}: {}\nnext: {}",
                                                 info.rows, lake::ToString(info.table),
                                                 info.variant, info.id, Next(context))));
    return info.bad_files.empty() ? 0 : 1;
  }

 private:
  Result<lake::UploadInfo> Upload(Context& context) {
    if (!context.options.server.empty()) {
      Prompt prompt(context);
      DATALAKE_TRY(RequireNames(prompt));
      SettlePath();
      return UploadToServer(context, request_, remote_);
    }
    DATALAKE_TRY_ASSIGN(const auto lake, OpenLake(context));
    DATALAKE_TRY(AskForMissing(context, *lake));
    SettlePath();
    return lake::Uploads(*lake, context.Threads()).Stage(request_, context.progress, context.stop);
  }

  static std::string Next(const Context& context) {
    return context.options.server.empty()
               ? "datalake process"
               : fmt::format("curl -X POST {}/process", context.options.server);
  }

  // The path from the root, and who uploads.
  void SettlePath() {
    std::error_code error;
    const std::filesystem::path absolute = std::filesystem::absolute(request_.source_path, error);
    if (!error && !request_.source_path.empty()) {
      request_.source_path = absolute.lexically_normal().string();
    }
    if (const char* user = std::getenv("USER"); request_.user.empty() && user != nullptr) {
      request_.user = user;
    }
  }

  Status RequireNames(Prompt& prompt) {
    DATALAKE_TRY(prompt.Require(request_.source_path, "file or folder to upload", "PATH"));
    DATALAKE_TRY(prompt.Require(request_.provider, "provider", "--provider"));
    return prompt.Require(request_.dataset, "name of the dataset", "--dataset",
                          [](std::string_view answer) { return CheckName("dataset", answer); });
  }

  // What the command was not told: on a terminal a question each, elsewhere an error.
  Status AskForMissing(const Context& context, lake::Lake& lake) {
    Prompt prompt(context);
    const bool was_told =
        !request_.source_path.empty() && !request_.provider.empty() && !request_.dataset.empty();
    DATALAKE_TRY(prompt.Require(request_.source_path, "file or folder to upload", "PATH"));
    const bool asks = !was_told && prompt.can_ask();
    DATALAKE_TRY_ASSIGN(const lake::SchemaConfig schema, lake.schema().Load());
    if (request_.provider.empty() && asks) {
      std::vector<std::string> names;
      for (const lake::ProviderInfo& provider : schema.providers) {
        names.push_back(provider.name);
      }
      DATALAKE_TRY_ASSIGN(request_.provider, prompt.One("provider", names));
    }
    DATALAKE_TRY(RequireNames(prompt));
    if (!asks) {
      return {};
    }
    DATALAKE_TRY(AskForTask(schema, prompt));
    if (request_.description.empty()) {
      DATALAKE_TRY_ASSIGN(request_.description, prompt.Text("description (may be empty)"));
    }
    DATALAKE_TRY_ASSIGN(
        const bool go,
        prompt.YesOrNo(fmt::format("upload {} as {}/{}/{}?", request_.source_path,
                                   request_.provider, request_.dataset, request_.task),
                       true));
    return go ? Status() : Error{ErrorCode::kCancelled, "nothing was uploaded"};
  }

  Status AskForTask(const lake::SchemaConfig& schema, Prompt& prompt) {
    std::vector<std::string> names = {"raw"};
    for (const lake::TaskInfo& task : schema.tasks) {
      names.push_back(task.name);
    }
    DATALAKE_TRY_ASSIGN(request_.task, prompt.One("task", names, request_.task));
    for (const lake::TaskInfo& task : schema.tasks) {
      if (task.name != request_.task) {
        continue;
      }
      DATALAKE_TRY(
          prompt.Require(request_.variant, "name of the variant", "--variant",
                         [](std::string_view answer) { return CheckName("variant", answer); }));
      for (const std::string& field : task.required_fields) {
        DATALAKE_TRY(AskForField(task, field, prompt));
      }
    }
    return {};
  }

  Status AskForField(const lake::TaskInfo& task, const std::string& field, Prompt& prompt) {
    std::string& value = request_.fields[field];
    const auto allowed = task.allowed_values.find(field);
    if (value.empty() && allowed != task.allowed_values.end()) {
      DATALAKE_TRY_ASSIGN(value, prompt.One(field, allowed->second));
    }
    return prompt.Require(value, field, "--field " + field + "=VALUE");
  }

  Status ReadFields() {
    for (const std::string& text : fields_) {
      const std::size_t equals = text.find('=');
      if (equals == std::string::npos) {
        return Error{ErrorCode::kInvalidArgument,
                     fmt::format("a field is key=value: --field {}", text)};
      }
      request_.fields[text.substr(0, equals)] = text.substr(equals + 1);
    }
    return {};
  }

  lake::UploadRequest request_;
  std::vector<std::string> fields_;
  std::string on_bad_asset_ = "keep";
  std::string nested_ = "keep";
  std::int64_t thumbnail_side_ = 0;
  RemoteUploadOptions remote_;
};

}  // namespace

std::unique_ptr<Command> MakeUploadCommand() {
  return std::make_unique<UploadCommand>();
}

}  // namespace datalake::apps
