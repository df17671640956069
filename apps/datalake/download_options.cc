#include "apps/datalake/download_options.h"

#include <algorithm>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "datalake/json/writer.h"

#include "apps/datalake/prompt.h"

namespace datalake::apps {
namespace {

constexpr std::size_t kWarned = 5;

std::string ToJson(const lake::DownloadReport& report) {
  std::string text;
  json::Writer writer(text);
  const auto number = [&](const char* key, std::int64_t value) {
    writer.Key(key);
    writer.Int(value);
  };
  writer.BeginObject();
  writer.Key("path");
  writer.String(report.path);
  number("num_samples", report.rows.rows_out);
  number("size_bytes", static_cast<std::int64_t>(report.size_bytes));
  number("dropped_rows", report.rows.dropped_rows);
  number("missing_files", report.rows.missing_files);
  number("bad_pictures", report.rows.bad_pictures);
  writer.Key("missing_list");
  writer.String(report.missing_list);
  writer.EndObject();
  return text;
}

}  // namespace

void OutgoingArguments::Declare(OptionSet& options) {
  options.Choice("--format", format_, lake::DownloadFormatWords(),
                 "auto: by the name of the output (.parquet, .jsonl, else a dataset folder)");
  options.Flag("--relative-paths", relative_paths_,
               "paths below the lake's assets/ instead of absolute ones");
  options.Flag("--include-images", include_images_, "the pictures themselves, not their paths");
  options.Choice("--on-missing", on_missing_, {"keep", "drop", "fail", "ignore"},
                 "rows whose file is not there: kept, left out, an error, or not looked for");
}

Result<lake::DownloadOptions> OutgoingArguments::ToOptions(std::string output) const {
  lake::DownloadOptions options{.output = std::move(output)};
  DATALAKE_TRY_ASSIGN(options.format, lake::ParseDownloadFormat(format_));
  DATALAKE_TRY_ASSIGN(options.rows.on_missing, lake::ParseOnMissingFile(on_missing_));
  options.rows.paths = relative_paths_ ? lake::PathForm::kRelative : lake::PathForm::kAbsolute;
  options.rows.pictures = include_images_ ? lake::PictureForm::kBytes : lake::PictureForm::kLink;
  return options;
}

Status OutgoingArguments::Ask(Prompt& prompt) {
  const std::vector<std::string> kinds = {"Parquet file", "dataset folder with paths",
                                          "dataset folder with pictures", "JSON lines",
                                          "WebDataset tars with pictures"};
  const std::vector<std::string> formats = {"parquet", "dataset", "dataset", "jsonl", "webdataset"};
  DATALAKE_TRY_ASSIGN(const std::string kind, prompt.One("write as", kinds, kinds.front()));
  const auto place = std::find(kinds.begin(), kinds.end(), kind) - kinds.begin();
  format_ = formats[static_cast<std::size_t>(place)];
  include_images_ = kind.find("with pictures") != std::string::npos;
  return {};
}

Result<int> ShowDownload(const Context& context, const lake::DownloadReport& report) {
  DATALAKE_TRY(context.Print(context.options.json
                                 ? ToJson(report)
                                 : fmt::format("{} rows, {} bytes in {}", report.rows.rows_out,
                                               report.size_bytes, report.path)));
  const std::int64_t missing = report.rows.missing_files + report.rows.bad_pictures;
  if (missing == 0) {
    return 0;
  }
  fmt::print(stderr,
             "datalake: warning: {} files missing, {} pictures broken, {} rows left out; all in "
             "{}\n",
             report.rows.missing_files, report.rows.bad_pictures, report.rows.dropped_rows,
             report.missing_list);
  for (std::size_t i = 0; i < std::min(report.rows.missing.size(), kWarned); ++i) {
    const lake::MissingFile& file = report.rows.missing[i];
    fmt::print(stderr, "datalake: warning: row {}: {}: {}\n", file.row, file.reason, file.path);
  }
  return 1;
}

}  // namespace datalake::apps
