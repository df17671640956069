#include "datalake/format/tar_rows.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include <arrow/array/builder_binary.h>
#include <arrow/array/builder_nested.h>
#include <arrow/array/builder_primitive.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <fmt/format.h>

#include "datalake/format/arrow_status.h"
#include "datalake/format/json_values.h"
#include "datalake/format/tar_reader.h"
#include "datalake/io/file_system.h"
#include "datalake/json/tree.h"
#include "datalake/text/utf8.h"

namespace datalake::format {
namespace {

constexpr std::string_view kKey = "__key__";
constexpr std::string_view kImage = "image";
constexpr std::int64_t kBatchRows = 1024;
constexpr std::uint64_t kBatchBytes = std::uint64_t{32} << 20;
constexpr std::size_t kMaxColumns = 512;
constexpr std::array<std::string_view, 10> kPictures = {"jpg", "jpeg", "png",  "gif",  "bmp",
                                                        "tif", "tiff", "webp", "avif", "heic"};
constexpr std::array<std::string_view, 3> kTexts = {"txt", "text", "caption"};
constexpr std::array<std::string_view, 3> kNumbers = {"cls", "index", "id"};

enum class MemberKind : std::uint8_t { kBytes, kPicture, kJson, kText, kNumber };

template <std::size_t n>
bool IsOneOf(const std::array<std::string_view, n>& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

// A member's name in its two parts: "a/b.left.JPG" is row "a/b", column "left_jpg".
struct MemberName {
  std::string key;
  std::string column;
  MemberKind kind = MemberKind::kBytes;
};

// Nothing for what is no part of a row: names without a dot, of macOS and the like.
std::optional<MemberName> ParseName(std::string_view name) {
  while (name.starts_with("./")) {
    name.remove_prefix(2);
  }
  const std::size_t slash = name.rfind('/');
  const std::size_t base = slash == std::string_view::npos ? 0 : slash + 1;
  const std::size_t dot = name.find('.', base);
  if (dot == std::string_view::npos || dot == base || name.substr(base).starts_with("__")) {
    return std::nullopt;
  }
  MemberName parsed{.key = std::string(name.substr(0, dot)), .column = {}};
  for (const char c : name.substr(dot + 1)) {
    const bool is_upper = c >= 'A' && c <= 'Z';
    parsed.column += is_upper ? static_cast<char>(c + ('a' - 'A')) : c == '.' ? '_' : c;
  }
  const std::string_view column = parsed.column;
  const std::string_view last = column.substr(column.rfind('_') + 1);  // npos + 1 is 0
  parsed.kind = IsOneOf(kPictures, last)  ? MemberKind::kPicture
                : last == "json"          ? MemberKind::kJson
                : IsOneOf(kTexts, last)   ? MemberKind::kText
                : IsOneOf(kNumbers, last) ? MemberKind::kNumber
                                          : MemberKind::kBytes;
  return column.empty() ? std::nullopt : std::optional<MemberName>(std::move(parsed));
}

bool IsAsset(MemberKind kind) {
  return kind == MemberKind::kBytes || kind == MemberKind::kPicture;
}

std::optional<std::int64_t> ParseNumber(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) {
    text.remove_suffix(1);
  }
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  return whole ? std::optional<std::int64_t>(number) : std::nullopt;
}

Error BadMember(std::string_view what, std::string_view file, std::string_view name) {
  return {ErrorCode::kInvalidArgument, fmt::format("{}: {}: {}", what, file, name)};
}

Result<std::string> TextOf(TarReader& tar, std::string_view file, std::string_view name) {
  DATALAKE_TRY_ASSIGN(std::string content, tar.Content());
  if (!text::IsValidUtf8(content)) {
    return BadMember("text is no valid UTF-8", file, name);
  }
  return content;
}

Result<json::Tree> JsonOf(TarReader& tar, std::string_view file, std::string_view name) {
  DATALAKE_TRY_ASSIGN(const std::string text, tar.Content());
  auto tree = json::Tree::Parse(text);
  return tree ? std::move(tree) : BadMember(tree.error().message, file, name);
}

// What the columns of all files have been so far.
class SchemaGuess {
 public:
  Status AddFile(io::FileSystem& fs, const std::string& file) {
    DATALAKE_TRY_ASSIGN(const auto tar, TarReader::Open(fs, file));
    std::string key;
    std::set<std::string> in_row;
    std::size_t pictures = 0;
    while (true) {
      DATALAKE_TRY_ASSIGN(const auto member, tar->Next());
      if (!member) {
        return {};
      }
      const auto name = ParseName(member->name);
      if (!name) {
        continue;
      }
      if (name->key != key) {
        key = name->key;
        in_row.clear();
        pictures = 0;
      }
      if (!in_row.insert(name->column).second) {
        return BadMember("name is there twice in a row of the tar", file, member->name);
      }
      pictures += name->kind == MemberKind::kPicture ? 1 : 0;
      many_pictures_ = many_pictures_ || pictures > 1;
      DATALAKE_TRY(AddMember(*tar, file, member->name, *name));
    }
  }

  Result<std::shared_ptr<arrow::Schema>> Finish(const std::string& file) const {
    if (columns_.empty()) {
      return Error{ErrorCode::kInvalidArgument,
                   fmt::format("tar has no members named as rows are, key.suffix: {}", file)};
    }
    const auto asset = arrow::struct_(
        {arrow::field("bytes", arrow::binary()), arrow::field("path", arrow::utf8())});
    arrow::FieldVector fields = {arrow::field(std::string(kKey), arrow::utf8())};
    bool has_image = false;
    for (const auto& [name, column] : columns_) {
      if (column.kind == MemberKind::kPicture && !many_pictures_) {
        if (!std::exchange(has_image, true)) {
          fields.push_back(arrow::field(std::string(kImage), asset));
        }
      } else if (IsAsset(column.kind)) {
        fields.push_back(arrow::field(name, asset));
      } else if (column.kind == MemberKind::kJson) {
        fields.push_back(arrow::field(name, column.json.Type()));
      } else {
        const bool is_number = column.kind == MemberKind::kNumber && column.all_numbers;
        fields.push_back(arrow::field(name, is_number ? arrow::int64() : arrow::utf8()));
      }
    }
    return arrow::schema(std::move(fields));
  }

 private:
  struct Column {
    MemberKind kind = MemberKind::kBytes;
    bool all_numbers = true;
    JsonTypeGuess json;
  };

  Status AddMember(TarReader& tar, std::string_view file, std::string_view member,
                   const MemberName& name) {
    const auto [place, is_new] = columns_.try_emplace(name.column);
    place->second.kind = name.kind;
    if (is_new && columns_.size() > kMaxColumns) {
      return BadMember(fmt::format("more than {} columns", kMaxColumns), file, member);
    }
    if (name.kind == MemberKind::kJson) {
      DATALAKE_TRY_ASSIGN(const json::Tree tree, JsonOf(tar, file, member));
      place->second.json.Add(tree.root(), 0);
    } else if (name.kind == MemberKind::kNumber && place->second.all_numbers) {
      DATALAKE_TRY_ASSIGN(const std::string text, TextOf(tar, file, member));
      place->second.all_numbers = ParseNumber(text).has_value();
    }
    return {};
  }

  std::map<std::string, Column> columns_;
  bool many_pictures_ = false;
};

// Rows of one tar. A row is complete when the next key begins, so one member waits.
class TarRows final : public arrow::RecordBatchReader {
 public:
  TarRows(std::string file, std::unique_ptr<TarReader> tar, std::shared_ptr<arrow::Schema> schema)
      : file_(std::move(file)), tar_(std::move(tar)), schema_(std::move(schema)) {}

  std::shared_ptr<arrow::Schema> schema() const override { return schema_; }

  arrow::Status ReadNext(std::shared_ptr<arrow::RecordBatch>* out) override {
    *out = nullptr;
    const auto type = arrow::struct_(schema_->fields());
    ARROW_ASSIGN_OR_RAISE(const auto builder, arrow::MakeBuilder(type));
    auto& row = static_cast<arrow::StructBuilder&>(*builder);
    std::uint64_t bytes = 0;
    bool is_more = true;
    while (is_more && row.length() < kBatchRows && bytes < kBatchBytes) {
      const Result<bool> added = AddRow(row, bytes);
      if (!added) {
        return ToArrow(added.error());
      }
      is_more = *added;
    }
    if (row.length() > 0) {
      ARROW_ASSIGN_OR_RAISE(const auto rows, row.Finish());
      ARROW_ASSIGN_OR_RAISE(*out, arrow::RecordBatch::FromStructArray(rows));
    }
    return arrow::Status::OK();
  }

 private:
  struct Waiting {
    TarMember member;
    MemberName name;
  };

  // The member that waits, or the next one that is part of a row.
  Status Fill() {
    while (!waiting_) {
      DATALAKE_TRY_ASSIGN(auto member, tar_->Next());
      if (!member) {
        return {};
      }
      if (auto name = ParseName(member->name)) {
        waiting_ = Waiting{*std::move(member), *std::move(name)};
      }
    }
    return {};
  }

  // False at the end.
  Result<bool> AddRow(arrow::StructBuilder& row, std::uint64_t& bytes) {
    DATALAKE_TRY(Fill());
    if (!waiting_) {
      return false;
    }
    const std::string key = waiting_->name.key;
    DATALAKE_TRY(FromArrow(row.Append(), kError));
    std::vector<bool> filled(static_cast<std::size_t>(schema_->num_fields()));
    DATALAKE_TRY(
        FromArrow(static_cast<arrow::StringBuilder*>(row.field_builder(0))->Append(key), kError));
    filled[0] = true;
    while (waiting_ && waiting_->name.key == key) {
      const int column = ColumnOf(waiting_->name);
      if (column < 0 || filled[static_cast<std::size_t>(column)]) {
        return Error{ErrorCode::kConflict, "tar changed while it was read: " + file_};
      }
      filled[static_cast<std::size_t>(column)] = true;
      bytes += waiting_->member.size_bytes;
      DATALAKE_TRY(AddValue(row.field_builder(column), column));
      waiting_.reset();
      DATALAKE_TRY(Fill());
    }
    for (int i = 0; i < schema_->num_fields(); ++i) {
      if (!filled[static_cast<std::size_t>(i)]) {
        DATALAKE_TRY(FromArrow(row.field_builder(i)->AppendNull(), kError));
      }
    }
    return true;
  }

  int ColumnOf(const MemberName& name) const {
    const int own = schema_->GetFieldIndex(name.column);
    return own < 0 && name.kind == MemberKind::kPicture
               ? schema_->GetFieldIndex(std::string(kImage))
               : own;
  }

  Status AddValue(arrow::ArrayBuilder* builder, int column) {
    const arrow::DataType& type = *schema_->field(column)->type();
    const Waiting& now = *waiting_;
    if (IsAsset(now.name.kind)) {
      DATALAKE_TRY_ASSIGN(const std::string content, tar_->Content());
      auto* asset = static_cast<arrow::StructBuilder*>(builder);
      DATALAKE_TRY(FromArrow(asset->Append(), kError));
      auto* bytes = static_cast<arrow::BinaryBuilder*>(asset->field_builder(0));
      DATALAKE_TRY(FromArrow(bytes->Append(content), kError));
      auto* path = static_cast<arrow::StringBuilder*>(asset->field_builder(1));
      return FromArrow(path->Append(now.member.name), kError);
    }
    if (now.name.kind == MemberKind::kJson) {
      DATALAKE_TRY_ASSIGN(const json::Tree tree, JsonOf(*tar_, file_, now.member.name));
      return FromArrow(JsonAppender(builder, type).Append(tree.root()), kError);
    }
    DATALAKE_TRY_ASSIGN(const std::string text, TextOf(*tar_, file_, now.member.name));
    if (type.id() != arrow::Type::INT64) {
      return FromArrow(static_cast<arrow::StringBuilder*>(builder)->Append(text), kError);
    }
    const auto number = ParseNumber(text);
    return FromArrow(number ? static_cast<arrow::Int64Builder*>(builder)->Append(*number)
                            : builder->AppendNull(),
                     kError);
  }

  static constexpr std::string_view kError = "cannot take in row of tar";

  const std::string file_;
  const std::unique_ptr<TarReader> tar_;
  const std::shared_ptr<arrow::Schema> schema_;
  std::optional<Waiting> waiting_;
};

}  // namespace

Result<std::shared_ptr<arrow::Schema>> InferTarSchema(io::FileSystem& fs,
                                                      const std::vector<std::string>& files) {
  SchemaGuess guess;
  for (const std::string& file : files) {
    DATALAKE_TRY(guess.AddFile(fs, file));
  }
  return guess.Finish(files.front());
}

Result<std::shared_ptr<arrow::RecordBatchReader>> OpenTar(io::FileSystem& fs, std::string_view file,
                                                          std::shared_ptr<arrow::Schema> schema) {
  DATALAKE_TRY_ASSIGN(auto tar, TarReader::Open(fs, file));
  return std::make_shared<TarRows>(std::string(file), std::move(tar), std::move(schema));
}

}  // namespace datalake::format
