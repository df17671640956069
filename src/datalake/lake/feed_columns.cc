#include "datalake/lake/feed_columns.h"

#include <algorithm>
#include <bit>
#include <utility>
#include <vector>

#include <arrow/array/builder_binary.h>
#include <arrow/array/builder_nested.h>
#include <arrow/array/builder_primitive.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include "datalake/base/hash.h"
#include "datalake/format/arrow_status.h"
#include "datalake/lake/payload_columns.h"

namespace datalake::lake {
namespace {

std::shared_ptr<arrow::DataType> Time() {
  return arrow::timestamp(arrow::TimeUnit::MICRO, "UTC");
}

arrow::Status AppendText(arrow::StringBuilder& builder,
                         const std::optional<std::string_view>& text) {
  return text ? builder.Append(*text) : builder.AppendNull();
}

arrow::Status AppendTextOrNull(arrow::StringBuilder& builder, std::string_view text) {
  return text.empty() ? builder.AppendNull() : builder.Append(text);
}

// Names separated by line feeds, as a list; none: null.
class NameLists {
 public:
  arrow::Status Append(std::string_view names) {
    if (names.empty()) {
      return list_.AppendNull();
    }
    ARROW_RETURN_NOT_OK(list_.Append());
    while (!names.empty()) {
      const std::size_t end = std::min(names.find('\n'), names.size());
      ARROW_RETURN_NOT_OK(texts_->Append(names.substr(0, end)));
      names.remove_prefix(std::min(end + 1, names.size()));
    }
    return arrow::Status::OK();
  }

  arrow::ListBuilder& builder() { return list_; }

 private:
  std::shared_ptr<arrow::StringBuilder> texts_ = std::make_shared<arrow::StringBuilder>();
  arrow::ListBuilder list_{arrow::default_memory_pool(), texts_};
};

class FeedBuilder final : public FeedBatchBuilder {
 public:
  FeedBuilder(const FeedDefinition& definition, const std::vector<int>* columns)
      : schema_(FeedSchema(definition)),
        payload_(definition.shape == FeedShape::kChat ? MakeChatColumns()
                                                      : MakeFieldColumns(definition)) {
    if (columns != nullptr) {
      const int raw = schema_->GetFieldIndex("raw");
      wants_raw_ = std::ranges::count(*columns, raw) > 0;
      // What comes from parsing a body: `source` and all behind it, up to `extra` before `raw`.
      const int first = schema_->GetFieldIndex("source");
      wants_payload_ = std::ranges::any_of(
          *columns, [&](int column) { return column >= first && column < raw; });
    }
  }

  Status Append(const FeedRecord& record) override {
    body_bytes_ += record.body.size();
    return format::FromArrow(AppendRow(record), "cannot build columns of a feed");
  }

  std::uint64_t body_bytes() const override { return body_bytes_; }

  Result<std::shared_ptr<arrow::RecordBatch>> Finish() override {
    return format::FromArrow(FinishBatch(), "cannot build columns of a feed");
  }

 private:
  arrow::Status AppendRow(const FeedRecord& record) {
    RecordOrigin origin;
    // No body gives nulls.
    ARROW_RETURN_NOT_OK(payload_->Append(wants_payload_ ? record.body : "", origin));
    ARROW_RETURN_NOT_OK(ingest_id_.Append(record.ingest_id));
    ARROW_RETURN_NOT_OK(version_.Append(record.version));
    ARROW_RETURN_NOT_OK(received_.Append(record.received.time_since_epoch().count()));
    ARROW_RETURN_NOT_OK(AppendText(source_, origin.source));
    ARROW_RETURN_NOT_OK(AppendText(submitter_id_, origin.submitter_id));
    ARROW_RETURN_NOT_OK(AppendText(attribution_, origin.attribution));
    ARROW_RETURN_NOT_OK(AppendTextOrNull(extra_, origin.extra));
    ARROW_RETURN_NOT_OK(wants_raw_ ? raw_.Append(record.body) : raw_.AppendNull());
    ARROW_RETURN_NOT_OK(body_hash_.Append(std::bit_cast<std::int64_t>(BodyHash(record.body))));
    ARROW_RETURN_NOT_OK(schema_version_.Append(record.schema_version));
    ARROW_RETURN_NOT_OK(content_hash_.Append(std::bit_cast<std::int64_t>(record.content_hash)));
    ARROW_RETURN_NOT_OK(flags_.Append(record.findings));
    ARROW_RETURN_NOT_OK(AppendTextOrNull(receipt_, ToText(record.receipt)));
    ARROW_RETURN_NOT_OK(AppendTextOrNull(submission_, ToText(record.submission)));
    return day_.Append(FormatDay(record.received));
  }

  arrow::Result<std::shared_ptr<arrow::RecordBatch>> FinishBatch() {
    arrow::ArrayVector columns;
    const auto take = [&](const std::vector<arrow::ArrayBuilder*>& builders) -> arrow::Status {
      for (arrow::ArrayBuilder* builder : builders) {
        ARROW_ASSIGN_OR_RAISE(auto column, builder->Finish());
        columns.push_back(std::move(column));
      }
      return arrow::Status::OK();
    };
    ARROW_RETURN_NOT_OK(
        take({&ingest_id_, &version_, &received_, &source_, &submitter_id_, &attribution_}));
    ARROW_RETURN_NOT_OK(payload_->Finish(columns));
    ARROW_RETURN_NOT_OK(take({&extra_, &raw_, &body_hash_, &schema_version_, &content_hash_,
                              &flags_.builder(), &receipt_, &submission_, &day_}));
    body_bytes_ = 0;
    const std::int64_t rows = columns.front()->length();
    return arrow::RecordBatch::Make(schema_, rows, std::move(columns));
  }

  const std::shared_ptr<arrow::Schema> schema_;
  const std::unique_ptr<PayloadColumns> payload_;
  bool wants_raw_ = true;
  bool wants_payload_ = true;
  arrow::StringBuilder ingest_id_;
  arrow::Int64Builder version_;
  arrow::TimestampBuilder received_{Time(), arrow::default_memory_pool()};
  arrow::StringBuilder source_;
  arrow::StringBuilder submitter_id_;
  arrow::StringBuilder attribution_;
  arrow::StringBuilder extra_;
  arrow::StringBuilder raw_;
  arrow::Int64Builder body_hash_;
  arrow::Int64Builder schema_version_;
  arrow::Int64Builder content_hash_;
  NameLists flags_;
  arrow::StringBuilder receipt_;
  arrow::StringBuilder submission_;
  arrow::StringBuilder day_;
  std::uint64_t body_bytes_ = 0;
};

class QuarantineBuilder final : public FeedBatchBuilder {
 public:
  Status Append(const FeedRecord& record) override {
    body_bytes_ += record.body.size();
    return format::FromArrow(AppendRow(record), "cannot build columns of quarantined records");
  }

  std::uint64_t body_bytes() const override { return body_bytes_; }

  Result<std::shared_ptr<arrow::RecordBatch>> Finish() override {
    return format::FromArrow(FinishBatch(), "cannot build columns of quarantined records");
  }

 private:
  arrow::Status AppendRow(const FeedRecord& record) {
    ARROW_RETURN_NOT_OK(ingest_id_.Append(record.ingest_id));
    ARROW_RETURN_NOT_OK(version_.Append(record.version));
    ARROW_RETURN_NOT_OK(received_.Append(record.received.time_since_epoch().count()));
    ARROW_RETURN_NOT_OK(reasons_.Append(record.findings));
    ARROW_RETURN_NOT_OK(schema_version_.Append(record.schema_version));
    ARROW_RETURN_NOT_OK(raw_.Append(record.body));
    ARROW_RETURN_NOT_OK(body_hash_.Append(std::bit_cast<std::int64_t>(BodyHash(record.body))));
    ARROW_RETURN_NOT_OK(content_hash_.Append(std::bit_cast<std::int64_t>(record.content_hash)));
    ARROW_RETURN_NOT_OK(AppendTextOrNull(receipt_, ToText(record.receipt)));
    ARROW_RETURN_NOT_OK(AppendTextOrNull(submission_, ToText(record.submission)));
    return day_.Append(FormatDay(record.received));
  }

  arrow::Result<std::shared_ptr<arrow::RecordBatch>> FinishBatch() {
    arrow::ArrayVector columns;
    const std::vector<arrow::ArrayBuilder*> builders = {
        &ingest_id_,      &version_,    &received_,  &reasons_.builder(),
        &schema_version_, &raw_,        &body_hash_, &content_hash_,
        &receipt_,        &submission_, &day_};
    for (arrow::ArrayBuilder* builder : builders) {
      ARROW_ASSIGN_OR_RAISE(auto column, builder->Finish());
      columns.push_back(std::move(column));
    }
    body_bytes_ = 0;
    const std::int64_t rows = columns.front()->length();
    return arrow::RecordBatch::Make(QuarantineSchema(), rows, std::move(columns));
  }

  arrow::StringBuilder ingest_id_;
  arrow::Int64Builder version_;
  arrow::TimestampBuilder received_{Time(), arrow::default_memory_pool()};
  NameLists reasons_;
  arrow::Int64Builder schema_version_;
  arrow::StringBuilder raw_;
  arrow::Int64Builder body_hash_;
  arrow::Int64Builder content_hash_;
  arrow::StringBuilder receipt_;
  arrow::StringBuilder submission_;
  arrow::StringBuilder day_;
  std::uint64_t body_bytes_ = 0;
};

}  // namespace

std::shared_ptr<arrow::Schema> FeedSchema(const FeedDefinition& definition) {
  arrow::FieldVector fields = {arrow::field("ingest_id", arrow::utf8()),
                               arrow::field("version", arrow::int64()),
                               arrow::field("received", Time()),
                               arrow::field("source", arrow::utf8()),
                               arrow::field("submitter_id", arrow::utf8()),
                               arrow::field("attribution", arrow::utf8())};
  const arrow::FieldVector payload =
      definition.shape == FeedShape::kChat ? ChatPayloadFields() : FieldPayloadFields(definition);
  fields.insert(fields.end(), payload.begin(), payload.end());
  const arrow::FieldVector rest = {arrow::field("extra", arrow::utf8()),
                                   arrow::field("raw", arrow::utf8()),
                                   arrow::field("body_hash", arrow::int64()),
                                   arrow::field("schema_version", arrow::int64()),
                                   arrow::field("content_hash", arrow::int64()),
                                   arrow::field("flags", arrow::list(arrow::utf8())),
                                   arrow::field("receipt", arrow::utf8()),
                                   arrow::field("submission", arrow::utf8()),
                                   arrow::field("day", arrow::utf8())};
  fields.insert(fields.end(), rest.begin(), rest.end());
  return arrow::schema(fields);
}

std::shared_ptr<arrow::Schema> QuarantineSchema() {
  return arrow::schema(
      {arrow::field("ingest_id", arrow::utf8()), arrow::field("version", arrow::int64()),
       arrow::field("received", Time()), arrow::field("reasons", arrow::list(arrow::utf8())),
       arrow::field("schema_version", arrow::int64()), arrow::field("raw", arrow::utf8()),
       arrow::field("body_hash", arrow::int64()), arrow::field("content_hash", arrow::int64()),
       arrow::field("receipt", arrow::utf8()), arrow::field("submission", arrow::utf8()),
       arrow::field("day", arrow::utf8())});
}

std::uint64_t BodyHash(std::string_view body) {
  return Xxh3Hash64(body);
}

std::unique_ptr<FeedBatchBuilder> FeedBatchBuilder::ForFeed(const FeedDefinition& definition,
                                                            const std::vector<int>* columns) {
  return std::make_unique<FeedBuilder>(definition, columns);
}

std::unique_ptr<FeedBatchBuilder> FeedBatchBuilder::ForQuarantine() {
  return std::make_unique<QuarantineBuilder>();
}

}  // namespace datalake::lake
