#include "datalake/job/feed_curation.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

#include <arrow/array.h>
#include <arrow/array/builder_binary.h>
#include <arrow/array/builder_primitive.h>
#include <arrow/compute/api_vector.h>
#include <arrow/datum.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <fmt/format.h>

#include "datalake/base/hash.h"
#include "datalake/curate/document_view.h"
#include "datalake/curate/key_table.h"
#include "datalake/curate/tagger.h"
#include "datalake/format/arrow_status.h"
#include "datalake/json/config_reader.h"
#include "datalake/json/writer.h"
#include "datalake/lake/chat_rows.h"
#include "datalake/text/code_points.h"

namespace datalake::job {
namespace {

constexpr std::string_view kTurns = "conversation";
constexpr int kContentField = 1;  // of a turn (lake/chat_rows.h)
constexpr int kEditField = 5;
constexpr std::string_view kNoText[] = {"ingest_id", "source",          "attribution",  "day",
                                        "agent_id",  "prompt_template", "chat_template"};

// A tagger with the state of this thread.
class OneTagger {
 public:
  static Result<std::unique_ptr<OneTagger>> Make(const curate::TaggerRegistry& registry,
                                                 std::string_view name) {
    auto one = std::make_unique<OneTagger>();
    DATALAKE_TRY_ASSIGN(one->tagger_, registry.Make(name, {}));
    one->state_ = one->tagger_->MakeState();
    return one;
  }

  // The spans of a text; none of one that cannot be tagged.
  const std::vector<curate::Span>& Tag(std::string_view text) {
    spans_.clear();
    document_.Reset(text);
    tagger_->Tag(document_, state_.get(), spans_);
    if (!document_.reject_reason().empty()) {
      spans_.clear();
    }
    return spans_;
  }

  std::string_view TypeOf(const curate::Span& span) const {
    const auto types = tagger_->types();
    return span.type < types.size() ? types[span.type] : std::string_view();
  }

 private:
  std::unique_ptr<const curate::Tagger> tagger_;
  std::unique_ptr<curate::TaggerState> state_;
  curate::DocumentView document_;
  std::vector<curate::Span> spans_;
};

// Why a record was left out; the words of the report.
enum class Reason : std::uint8_t {
  kKept,
  kEmpty,
  kTooShort,
  kTooLong,
  kLanguage,
  kRepetition,
  kLinks,
  kDuplicate,
};

constexpr std::array<std::string_view, 8> kReasonWords = {
    "kept", "empty", "too_short", "too_long", "language", "repetition", "links", "duplicate"};

struct Counts {
  std::uint64_t rows_in = 0;
  std::array<std::uint64_t, kReasonWords.size()> rows{};
  std::uint64_t rows_masked = 0;
  std::map<std::string, std::uint64_t, std::less<>> masks;
};

bool IsSpace(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

bool IsAround(char c) {
  return IsSpace(c) || std::string_view(".,?!;:()").find(c) != std::string_view::npos;
}

// Without white space and the case of ASCII letters: what is the same for a reader of a duplicate.
void AppendFolded(std::string_view text, std::string& out) {
  for (const char c : text) {
    if (!IsSpace(c)) {
      out += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    }
  }
}

double LinkShare(std::string_view text) {
  std::size_t linked = 0;
  for (std::size_t at = text.find("http"); at != std::string_view::npos;
       at = text.find("http", at)) {
    std::size_t end = at + 4;
    const std::string_view rest = text.substr(end);
    if (!rest.starts_with("://") && !rest.starts_with("s://")) {
      at = end;
      continue;
    }
    while (end < text.size() && !IsSpace(text[end])) {
      ++end;
    }
    linked += end - at;
    at = end;
  }
  return text.empty() ? 0 : static_cast<double>(linked) / static_cast<double>(text.size());
}

// One column of texts, for a row: all turns' contents, or one text.
struct TextColumn {
  std::shared_ptr<arrow::StringArray> texts;
  std::shared_ptr<arrow::ListArray> lists;  // null: one text a row
  std::vector<std::string> masked = {};     // the texts, where any was masked

  std::pair<std::int64_t, std::int64_t> Range(std::int64_t row) const {
    return lists == nullptr
               ? std::pair(row, row + 1)
               : std::pair<std::int64_t, std::int64_t>(
                     lists->value_offset(row), lists->value_offset(row) + lists->value_length(row));
  }
};

class Curation final : public lake::SnapshotStage {
 public:
  explicit Curation(const FeedCurationOptions& options) : options_(options) {}

  Status MakeTaggers(const curate::TaggerRegistry& registry) {
    if (options_.mask_personal_data) {
      DATALAKE_TRY_ASSIGN(personal_, OneTagger::Make(registry, "pii_regex_with_counts_fast_v2"));
    }
    if (!options_.languages.empty()) {
      DATALAKE_TRY_ASSIGN(languages_, OneTagger::Make(registry, "cld2_doc_v2"));
    }
    if (options_.max_repetition < 1) {
      DATALAKE_TRY_ASSIGN(statistics_, OneTagger::Make(registry, "gopher_v2"));
    }
    return {};
  }

  Result<std::shared_ptr<arrow::RecordBatchReader>> Apply(
      std::shared_ptr<arrow::RecordBatchReader> rows) override;

  std::string ReportJson() const override;

  // The rows of a batch that stay.
  Result<std::shared_ptr<arrow::RecordBatch>> Curate(
      const std::shared_ptr<arrow::RecordBatch>& batch);

 private:
  Reason Judge(const std::vector<TextColumn>& columns, const std::optional<lake::ChatRows>& chats,
               std::int64_t row);
  bool HasLanguage();
  bool IsRepetitive();
  bool Mask(std::string_view text, std::string& out);
  void MaskRow(std::vector<TextColumn>& columns, std::int64_t row);

  const FeedCurationOptions options_;
  std::unique_ptr<OneTagger> personal_;
  std::unique_ptr<OneTagger> languages_;
  std::unique_ptr<OneTagger> statistics_;
  curate::KeyTable seen_;
  Counts counts_;
  std::string text_;  // of the record at hand
  std::string folded_;
};

class CuratedRows final : public arrow::RecordBatchReader {
 public:
  CuratedRows(std::shared_ptr<arrow::RecordBatchReader> rows, Curation& curation)
      : rows_(std::move(rows)), curation_(curation) {}

  std::shared_ptr<arrow::Schema> schema() const override { return rows_->schema(); }

  arrow::Status ReadNext(std::shared_ptr<arrow::RecordBatch>* out) override {
    std::shared_ptr<arrow::RecordBatch> batch;
    do {
      ARROW_RETURN_NOT_OK(rows_->ReadNext(&batch));
      if (batch == nullptr) {
        break;
      }
      auto kept = curation_.Curate(batch);
      if (!kept) {
        return format::ToArrow(kept.error());
      }
      batch = std::move(kept).value();
    } while (batch->num_rows() == 0);
    *out = std::move(batch);
    return arrow::Status::OK();
  }

 private:
  std::shared_ptr<arrow::RecordBatchReader> rows_;
  Curation& curation_;
};

// The columns of a batch that hold texts.
std::vector<TextColumn> FindTexts(const arrow::RecordBatch& batch, bool is_chat) {
  std::vector<TextColumn> columns;
  if (is_chat) {
    const auto lists =
        std::static_pointer_cast<arrow::ListArray>(batch.GetColumnByName(std::string(kTurns)));
    const auto& turns = static_cast<const arrow::StructArray&>(*lists->values());
    for (const int field : {kContentField, kEditField}) {
      columns.push_back({.texts = std::static_pointer_cast<arrow::StringArray>(turns.field(field)),
                         .lists = lists});
    }
    return columns;
  }
  for (int i = 0; i < batch.num_columns(); ++i) {
    const std::string& name = batch.column_name(i);
    if (batch.column(i)->type_id() == arrow::Type::STRING &&
        std::find(std::begin(kNoText), std::end(kNoText), name) == std::end(kNoText)) {
      columns.push_back({.texts = std::static_pointer_cast<arrow::StringArray>(batch.column(i)),
                         .lists = nullptr});
    }
  }
  return columns;
}

arrow::Result<std::shared_ptr<arrow::Array>> MaskedArray(const TextColumn& column) {
  arrow::StringBuilder builder;
  ARROW_RETURN_NOT_OK(builder.Reserve(column.texts->length()));
  for (std::int64_t i = 0; i < column.texts->length(); ++i) {
    const std::string& masked = column.masked[static_cast<std::size_t>(i)];
    if (column.texts->IsNull(i)) {
      ARROW_RETURN_NOT_OK(builder.AppendNull());
    } else {
      ARROW_RETURN_NOT_OK(builder.Append(masked.empty() ? column.texts->GetView(i) : masked));
    }
  }
  return builder.Finish();
}

// The batch with its masked texts in place.
arrow::Result<std::shared_ptr<arrow::RecordBatch>> WithMasks(
    const std::shared_ptr<arrow::RecordBatch>& batch, const std::vector<TextColumn>& columns,
    bool is_chat) {
  if (std::all_of(columns.begin(), columns.end(),
                  [](const TextColumn& column) { return column.masked.empty(); })) {
    return batch;
  }
  std::shared_ptr<arrow::RecordBatch> out = batch;
  if (!is_chat) {
    for (const TextColumn& column : columns) {
      if (column.masked.empty()) {
        continue;
      }
      for (int i = 0; i < batch->num_columns(); ++i) {
        if (batch->column(i) == column.texts) {
          ARROW_ASSIGN_OR_RAISE(auto masked, MaskedArray(column));
          ARROW_ASSIGN_OR_RAISE(out, out->SetColumn(i, batch->schema()->field(i), masked));
        }
      }
    }
    return out;
  }
  const auto& lists = *columns.front().lists;
  const auto& turns = static_cast<const arrow::StructArray&>(*lists.values());
  arrow::ArrayVector fields = turns.fields();
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (!columns[i].masked.empty()) {
      ARROW_ASSIGN_OR_RAISE(fields[i == 0 ? kContentField : kEditField], MaskedArray(columns[i]));
    }
  }
  // A turn is never null, only its fields are.
  ARROW_ASSIGN_OR_RAISE(const auto items, arrow::StructArray::Make(fields, turns.type()->fields()));
  const auto conversation =
      std::make_shared<arrow::ListArray>(lists.type(), lists.length(), lists.value_offsets(), items,
                                         lists.null_bitmap(), lists.null_count(), lists.offset());
  const int index = batch->schema()->GetFieldIndex(std::string(kTurns));
  return out->SetColumn(index, batch->schema()->field(index), conversation);
}

bool Curation::HasLanguage() {
  double share = 0;
  for (const curate::Span& span : languages_->Tag(text_)) {
    const std::string_view type = languages_->TypeOf(span);
    if (std::find(options_.languages.begin(), options_.languages.end(), type) !=
        options_.languages.end()) {
      share += span.score;
    }
  }
  return share >= options_.min_language_score;
}

bool Curation::IsRepetitive() {
  double words = 0;
  double repeated = 0;
  for (const curate::Span& span : statistics_->Tag(text_)) {
    const std::string_view type = statistics_->TypeOf(span);
    words = type == "word_count" ? span.score : words;
    repeated = type == "fraction_of_characters_in_most_common_2grams" ? span.score : repeated;
  }
  return words >= static_cast<double>(options_.repetition_words) &&
         repeated > options_.max_repetition;
}

Reason Curation::Judge(const std::vector<TextColumn>& columns,
                       const std::optional<lake::ChatRows>& chats, std::int64_t row) {
  text_.clear();
  folded_.clear();
  for (const TextColumn& column : columns) {
    const auto [begin, end] = column.Range(row);
    for (std::int64_t i = begin; i < end; ++i) {
      const std::string_view text =
          column.texts->IsNull(i) ? std::string_view() : column.texts->GetView(i);
      text_.append(text_.empty() || text.empty() ? "" : "\n").append(text);
      AppendFolded(text, folded_);
      folded_ += '\n';
    }
  }
  const bool is_blank = std::all_of(text_.begin(), text_.end(), IsSpace);
  bool has_answer = !chats;
  if (chats) {
    const auto turns = chats->Turns(row);
    for (std::size_t i = 0; i < turns.size() && !has_answer; ++i) {
      has_answer = lake::SpeakerOf(turns[i], i) == lake::Speaker::kAssistant &&
                   !std::all_of(turns[i].content.begin(), turns[i].content.end(), IsSpace);
    }
  }
  if (options_.drop_empty && (is_blank || !has_answer)) {
    return Reason::kEmpty;
  }
  const std::size_t chars = text::CodePointOffsets(text_).size_chars();
  if (chars < options_.min_chars) {
    return Reason::kTooShort;
  }
  if (options_.max_chars != 0 && chars > options_.max_chars) {
    return Reason::kTooLong;
  }
  if (languages_ != nullptr && !HasLanguage()) {
    return Reason::kLanguage;
  }
  if (statistics_ != nullptr && IsRepetitive()) {
    return Reason::kRepetition;
  }
  if (options_.max_link_share < 1 && LinkShare(text_) > options_.max_link_share) {
    return Reason::kLinks;
  }
  if (options_.drop_duplicates && !seen_.Insert(Xxh3Hash128(folded_))) {
    return Reason::kDuplicate;
  }
  return Reason::kKept;
}

// Replaces personal data; false when there are none.
bool Curation::Mask(std::string_view text, std::string& out) {
  std::vector<std::pair<curate::Span, std::string_view>> found;
  for (const curate::Span& span : personal_->Tag(text)) {
    const std::string_view type = personal_->TypeOf(span);
    if (!type.starts_with("doc")) {
      found.emplace_back(span, type);
    }
  }
  if (found.empty()) {
    return false;
  }
  std::stable_sort(found.begin(), found.end(),
                   [](const auto& a, const auto& b) { return a.first.start < b.first.start; });
  const text::CodePointOffsets offsets(text);
  out.clear();
  std::size_t done = 0;
  for (const auto& [span, type] : found) {
    // The tagger's spans hold what stands around an address too.
    std::size_t begin = offsets.ByteOf(span.start);
    std::size_t end = offsets.ByteOf(span.end);
    while (begin < end && IsAround(text[begin])) {
      ++begin;
    }
    while (end > begin && IsAround(text[end - 1])) {
      --end;
    }
    if (begin < done) {
      done = std::max(done, end);  // overlaps the one before, whose mask stands for both
      continue;
    }
    out.append(text.substr(done, begin - done));
    fmt::format_to(std::back_inserter(out), "|||{}|||", type);
    done = end;
    ++counts_.masks.try_emplace(std::string(type), 0).first->second;
  }
  out.append(text.substr(done));
  return true;
}

void Curation::MaskRow(std::vector<TextColumn>& columns, std::int64_t row) {
  bool has_masks = false;
  std::string masked;
  for (TextColumn& column : columns) {
    const auto [begin, end] = column.Range(row);
    for (std::int64_t i = begin; i < end; ++i) {
      if (column.texts->IsNull(i) || !Mask(column.texts->GetView(i), masked)) {
        continue;
      }
      column.masked.resize(static_cast<std::size_t>(column.texts->length()));
      column.masked[static_cast<std::size_t>(i)] = masked;
      has_masks = true;
    }
  }
  counts_.rows_masked += has_masks ? 1 : 0;
}

Result<std::shared_ptr<arrow::RecordBatch>> Curation::Curate(
    const std::shared_ptr<arrow::RecordBatch>& batch) {
  const bool is_chat = batch->GetColumnByName(std::string(kTurns)) != nullptr;
  std::optional<lake::ChatRows> chats;
  if (is_chat) {
    DATALAKE_TRY_ASSIGN(chats, lake::ChatRows::Make(batch));
  }
  std::vector<TextColumn> columns = FindTexts(*batch, is_chat);
  arrow::BooleanBuilder stays;
  for (std::int64_t row = 0; row < batch->num_rows(); ++row) {
    const Reason reason = Judge(columns, chats, row);
    ++counts_.rows_in;
    ++counts_.rows[static_cast<std::size_t>(reason)];
    DATALAKE_TRY(format::FromArrow(stays.Append(reason == Reason::kKept), "cannot mark rows"));
    if (reason == Reason::kKept && personal_ != nullptr) {
      MaskRow(columns, row);
    }
  }
  DATALAKE_TRY_ASSIGN(const auto masked, format::FromArrow(WithMasks(batch, columns, is_chat),
                                                           "cannot mask personal data"));
  DATALAKE_TRY_ASSIGN(const auto mask, format::FromArrow(stays.Finish(), "cannot mark rows"));
  DATALAKE_TRY_ASSIGN(
      const arrow::Datum kept,
      format::FromArrow(arrow::compute::Filter(arrow::Datum(masked), arrow::Datum(mask)),
                        "cannot choose rows"));
  return kept.record_batch();
}

Result<std::shared_ptr<arrow::RecordBatchReader>> Curation::Apply(
    std::shared_ptr<arrow::RecordBatchReader> rows) {
  return std::make_shared<CuratedRows>(std::move(rows), *this);
}

std::string Curation::ReportJson() const {
  std::string text;
  json::Writer writer(text);
  const auto count = [&writer](std::string_view key, std::uint64_t value) {
    writer.Key(key);
    writer.Uint(value);
  };
  writer.BeginObject();
  count("rows_in", counts_.rows_in);
  count("rows_out", counts_.rows.front());
  writer.Key("left_out");
  writer.BeginObject();
  for (std::size_t i = 1; i < kReasonWords.size(); ++i) {
    count(kReasonWords[i], counts_.rows[i]);
  }
  writer.EndObject();
  count("rows_masked", counts_.rows_masked);
  writer.Key("masked");
  writer.BeginObject();
  for (const auto& [type, masks] : counts_.masks) {
    count(type, masks);
  }
  writer.EndObject();
  writer.Key("rules");
  writer.BeginObject();
  writer.Key("drop_empty");
  writer.Bool(options_.drop_empty);
  count("min_chars", options_.min_chars);
  count("max_chars", options_.max_chars);
  writer.Key("languages");
  writer.BeginArray();
  for (const std::string& language : options_.languages) {
    writer.String(language);
  }
  writer.EndArray();
  writer.Key("min_language_score");
  writer.Double(options_.min_language_score);
  writer.Key("max_repetition");
  writer.Double(options_.max_repetition);
  count("repetition_words", options_.repetition_words);
  writer.Key("max_link_share");
  writer.Double(options_.max_link_share);
  writer.Key("drop_duplicates");
  writer.Bool(options_.drop_duplicates);
  writer.Key("mask_personal_data");
  writer.Bool(options_.mask_personal_data);
  writer.EndObject();
  writer.EndObject();
  return text;
}

}  // namespace

FeedCurationOptions FeedCurationOptions::For(lake::SnapshotKind kind) {
  FeedCurationOptions options;
  if (kind == lake::SnapshotKind::kCurated) {
    options.min_chars = 20;
    options.max_chars = 200'000;
    options.max_repetition = 0.2;
    options.max_link_share = 0.5;
    options.drop_duplicates = true;
  }
  return options;
}

Status FeedCurationOptions::Validate() const {
  for (const auto& [name, share] :
       {std::pair("min_language_score", min_language_score),
        std::pair("max_repetition", max_repetition), std::pair("max_link_share", max_link_share)}) {
    if (!(share >= 0 && share <= 1)) {
      return Error{ErrorCode::kInvalidArgument, fmt::format("{} is 0 to 1: {}", name, share)};
    }
  }
  if (max_chars != 0 && max_chars < min_chars) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("max_chars is below min_chars: {}, {}", max_chars, min_chars)};
  }
  return {};
}

Result<FeedCurationOptions> ReadFeedCurationOptions(json::ConfigReader& config,
                                                    lake::SnapshotKind kind) {
  FeedCurationOptions options = FeedCurationOptions::For(kind);
  config.Read("drop_empty", options.drop_empty);
  config.Read("min_chars", options.min_chars);
  config.Read("max_chars", options.max_chars);
  config.Read("languages", options.languages);
  config.Read("min_language_score", options.min_language_score);
  config.Read("max_repetition", options.max_repetition);
  config.Read("repetition_words", options.repetition_words);
  config.Read("max_link_share", options.max_link_share);
  config.Read("drop_duplicates", options.drop_duplicates);
  config.Read("mask_personal_data", options.mask_personal_data);
  DATALAKE_TRY(config.Finish());
  DATALAKE_TRY(options.Validate());
  return options;
}

Result<std::unique_ptr<lake::SnapshotStage>> MakeFeedCuration(
    const FeedCurationOptions& options, const curate::TaggerRegistry& registry) {
  DATALAKE_TRY(options.Validate());
  auto curation = std::make_unique<Curation>(options);
  DATALAKE_TRY(curation->MakeTaggers(registry));
  return curation;
}

}  // namespace datalake::job
