// datalake uploads …: what is staged, being processed, or failed.
#include <fmt/format.h>

#include "datalake/json/writer.h"
#include "datalake/lake/upload.h"

#include "apps/datalake/commands/commands.h"
#include "apps/datalake/open_lake.h"

namespace datalake::apps {
namespace {

std::string InfoJson(const lake::UploadInfo& info) {
  std::string line;
  json::Writer writer(line);
  const auto text = [&writer](std::string_view key, std::string_view value) {
    writer.Key(key);
    value.empty() ? writer.Null() : writer.String(value);
  };
  writer.BeginObject();
  text("upload", info.id);
  text("state", lake::ToString(info.state));
  text("provider", info.table.provider);
  text("dataset", info.table.dataset);
  text("task", info.table.task);
  text("variant", info.variant);
  writer.Key("rows");
  writer.Uint(info.rows);
  text("uploaded_at", FormatTimestamp(info.uploaded_at));
  text("uploaded_by", info.user);
  text("error", info.error ? ToString(*info.error) : std::string());
  writer.EndObject();
  return line;
}

class ListUploads final : public Command {
 public:
  std::string_view Name() const override { return "uploads list"; }

  std::string_view Summary() const override {
    return "Shows what is staged, being processed, or failed";
  }

  std::string_view Example() const override { return "datalake uploads list"; }

  void Declare(OptionSet&) override {}

  Result<int> Run(Context& context) override {
    DATALAKE_TRY_ASSIGN(const auto lake, OpenLake(context));
    for (const lake::UploadState state :
         {lake::UploadState::kPending, lake::UploadState::kProcessing,
          lake::UploadState::kFailed}) {
      DATALAKE_TRY_ASSIGN(const auto infos, lake::Uploads(*lake).List(state));
      for (const lake::UploadInfo& info : infos) {
        DATALAKE_TRY(context.Print(context.options.json ? InfoJson(info) : Line(info)));
      }
    }
    return 0;
  }

 private:
  static std::string Line(const lake::UploadInfo& info) {
    const std::string line =
        fmt::format("{:<10} {:<48} {}/{}, {} rows", lake::ToString(info.state), info.id,
                    lake::ToString(info.table), info.variant, info.rows);
    return info.error ? fmt::format("{}\n           {}", line, ToString(*info.error)) : line;
  }
};

class RetryUpload final : public Command {
 public:
  std::string_view Name() const override { return "uploads retry"; }

  std::string_view Summary() const override { return "Puts a failed upload back in the queue"; }

  std::string_view Example() const override {
    return "datalake uploads retry birds_raw_1f1901e4_20260131115724";
  }

  void Declare(OptionSet& options) override {
    options.Argument("upload", id_, "its id in `datalake uploads list`");
  }

  Result<int> Run(Context& context) override {
    DATALAKE_TRY_ASSIGN(const auto lake, OpenLake(context));
    DATALAKE_TRY(lake::Uploads(*lake).Retry(id_));
    return 0;
  }

 private:
  std::string id_;
};

class DiscardUpload final : public Command {
 public:
  std::string_view Name() const override { return "uploads discard"; }

  std::string_view Summary() const override {
    return "Removes a pending or failed upload for good";
  }

  std::string_view Example() const override {
    return "datalake uploads discard birds_raw_1f1901e4_20260131115724 --yes";
  }

  void Declare(OptionSet& options) override {
    options.Argument("upload", id_, "its id in `datalake uploads list`");
  }

  Result<int> Run(Context& context) override {
    DATALAKE_TRY_ASSIGN(const auto lake, OpenLake(context));
    DATALAKE_TRY_ASSIGN(const bool go, context.Confirm(fmt::format("discard upload {}?", id_)));
    if (!go) {
      return Error{ErrorCode::kCancelled, "nothing was discarded"};
    }
    DATALAKE_TRY(lake::Uploads(*lake).Discard(id_));
    return 0;
  }

 private:
  std::string id_;
};

}  // namespace

void AddUploadsCommands(std::vector<std::unique_ptr<Command>>& commands) {
  commands.push_back(std::make_unique<ListUploads>());
  commands.push_back(std::make_unique<RetryUpload>());
  commands.push_back(std::make_unique<DiscardUpload>());
}

}  // namespace datalake::apps
