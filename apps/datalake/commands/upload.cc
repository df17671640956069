// datalake upload: stages a dataset for processing.
#include "datalake/lake/upload.h"

#include <cstdlib>
#include <filesystem>
#include <system_error>

#include <fmt/format.h>

#include "datalake/json/writer.h"

#include "apps/datalake/commands/commands.h"

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
    return "datalake upload pictures/ --provider opensource --dataset birds\n"
           "datalake upload labels.parquet --provider opensource --dataset birds --task vqa "
           "--variant v1 --field lang=en --field src=real";
  }

  void Declare(OptionSet& options) override {
    options.Argument("path", request_.source_path,
                     "Parquet, Arrow, CSV or JSONL file, glob, HF dataset folder, or a folder of "
                     "pictures with annotations.jsonl");
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
    options.Flag("--overwrite", request_.overwrite,
                 "replace a pending upload and, when processed, the variant's rows");
  }

  Result<int> Run(Context& context) override {
    DATALAKE_TRY_ASSIGN(const std::string path, context.LakePath());
    DATALAKE_TRY_ASSIGN(const auto lake,
                        lake::Lake::Open(context.fs, context.clock, context.random, path));
    DATALAKE_TRY_ASSIGN(request_.on_bad_asset, lake::ParseOnBadAsset(on_bad_asset_));
    DATALAKE_TRY(ReadFields());
    std::error_code error;
    const std::filesystem::path absolute = std::filesystem::absolute(request_.source_path, error);
    if (!error && !request_.source_path.empty()) {
      request_.source_path = absolute.lexically_normal().string();
    }
    if (const char* user = std::getenv("USER"); request_.user.empty() && user != nullptr) {
      request_.user = user;
    }
    DATALAKE_TRY_ASSIGN(const lake::UploadInfo info,
                        lake::Uploads(*lake).Stage(request_, context.progress, context.stop));
    if (info.problem_rows > 0) {
      fmt::print(stderr, "datalake: warning: rows with a bad file name: {} of {}\n",
                 info.problem_rows, info.rows);
    }
    DATALAKE_TRY(context.Print(
        context.options.json
            ? UploadJson(info)
            : fmt::format("staged {} rows for {}/{}: {}\nnext: datalake process", info.rows,
                          lake::ToString(info.table), info.variant, info.id)));
    return 0;
  }

 private:
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
};

}  // namespace

std::unique_ptr<Command> MakeUploadCommand() {
  return std::make_unique<UploadCommand>();
}

}  // namespace datalake::apps
