// datalake ingest: contributes records from files to a feed, of a lake on this machine or over
// HTTP.
#include <atomic>
#include <deque>
#include <optional>
#include <thread>
#include <utility>

#include <arrow/record_batch.h>
#include <fmt/format.h>

#include "datalake/base/mutex.h"
#include "datalake/format/arrow_status.h"
#include "datalake/format/rows.h"
#include "datalake/io/compression.h"
#include "datalake/io/file_system.h"
#include "datalake/io/path.h"
#include "datalake/job/content_checker.h"
#include "datalake/lake/feed.h"
#include "datalake/lake/record_split.h"
#include "datalake/server/record_client.h"

#include "apps/datalake/commands/commands.h"
#include "apps/datalake/open_lake.h"
#include "apps/datalake/record_maker.h"

namespace datalake::apps {
namespace {

constexpr std::size_t kBatchBytes = std::size_t{1} << 20;
constexpr std::size_t kReadBytes = std::size_t{1} << 20;
constexpr std::size_t kMostProblems = 20;

bool IsJsonLines(std::string_view path) {
  for (const std::string_view suffix : {".gz", ".zst", ".zstd"}) {
    if (path.ends_with(suffix)) {
      path.remove_suffix(suffix.size());
    }
  }
  return path.ends_with(".jsonl") || path.ends_with(".ndjson");
}

// Takes batches of JSON lines.
class RecordSink {
 public:
  virtual ~RecordSink() = default;
  virtual Result<server::SentRecords> Send(std::string lines) = 0;
};

class ServerSink final : public RecordSink {
 public:
  ServerSink(std::unique_ptr<server::RecordClient> client, std::stop_token stop)
      : client_(std::move(client)), stop_(std::move(stop)) {}

  Result<server::SentRecords> Send(std::string lines) override {
    return client_->Send(lines, stop_);
  }

 private:
  std::unique_ptr<server::RecordClient> client_;
  const std::stop_token stop_;
};

// A feed of a lake on this machine.
class LakeSink final : public RecordSink {
 public:
  explicit LakeSink(lake::Feed& feed) : feed_(feed) {}

  Result<server::SentRecords> Send(std::string lines) override {
    using Outcome = lake::FeedAnswer::Outcome;
    DATALAKE_TRY_ASSIGN(auto records,
                        lake::SplitRecords(lines, lake::RecordFraming::kLines, lines.size()));
    const lake::Submission submission{.text = std::move(lines), .records = std::move(records)};
    while (true) {
      lake::SubmissionAnswer answer = feed_.Submit(submission);
      server::SentRecords sent;
      bool busy = false;
      for (std::size_t i = 0; i < answer.records.size(); ++i) {
        const Result<lake::FeedAnswer>& record = answer.records[i];
        if (!record && record.error().code != ErrorCode::kConflict &&
            record.error().code != ErrorCode::kInvalidArgument) {
          return record.error();
        }
        busy = busy || (record && record->outcome == Outcome::kBusy);
        Count(record, sent);
      }
      if (!busy) {
        sent.receipt_token = std::move(answer.receipt_token);
        return sent;
      }
      DATALAKE_TRY(feed_.SealClosed());  // makes room
    }
  }

 private:
  static void Count(const Result<lake::FeedAnswer>& record, server::SentRecords& sent) {
    using Outcome = lake::FeedAnswer::Outcome;
    if (!record || record->outcome == Outcome::kInvalid) {
      ++sent.refused;
      sent.problems +=
          (record ? lake::ValidationProblemsJson(record->problems) : record.error().message) + "\n";
    } else if (record->outcome == Outcome::kReplayed) {
      ++sent.replayed;
    } else if (record->outcome == Outcome::kQuarantined) {
      ++sent.quarantined;
    } else {
      ++sent.stored;
    }
  }

  lake::Feed& feed_;
};

// Batches between the reader and the senders; bounded.
class BatchQueue {
 public:
  explicit BatchQueue(std::size_t capacity) : capacity_(capacity) {}

  // False when a sender has failed.
  bool Push(std::string batch, const std::stop_token& stop) {
    const MutexLock lock(mutex_);
    room_.Wait(mutex_, stop, [&] { return batches_.size() < capacity_ || is_over_; });
    if (is_over_ || stop.stop_requested()) {
      return false;
    }
    batches_.push_back(std::move(batch));
    filled_.NotifyOne();
    return true;
  }

  std::optional<std::string> Pop() {
    const MutexLock lock(mutex_);
    filled_.Wait(mutex_, {}, [&] { return !batches_.empty() || is_over_; });
    if (batches_.empty()) {
      return std::nullopt;
    }
    std::string batch = std::move(batches_.front());
    batches_.pop_front();
    room_.NotifyOne();
    return batch;
  }

  void End() {
    const MutexLock lock(mutex_);
    is_over_ = true;
    filled_.NotifyAll();
    room_.NotifyAll();
  }

  // Drops what waits.
  void Abandon() {
    {
      const MutexLock lock(mutex_);
      batches_.clear();
    }
    End();
  }

 private:
  const std::size_t capacity_;
  Mutex mutex_;
  CondVar room_;
  CondVar filled_;
  std::deque<std::string> batches_ DATALAKE_GUARDED_BY(mutex_);
  bool is_over_ DATALAKE_GUARDED_BY(mutex_) = false;
};

struct Totals {
  std::uint64_t stored = 0;
  std::uint64_t replayed = 0;
  std::uint64_t quarantined = 0;
  std::uint64_t refused = 0;
};

class IngestCommand final : public Command {
 public:
  std::string_view Name() const override { return "ingest"; }

  std::string_view Summary() const override {
    return "Contributes records from CSV, JSON lines or Parquet files to a feed";
  }

  std::string_view Example() const override {
    return "datalake ingest chats.jsonl\n"
           "datalake --server http://127.0.0.1:8091 ingest 'export/*.csv' --prompt question "
           "--answer reply --map agent_id=model --set source=export --set prompt_template=%1\n"
           "datalake ingest survey.parquet --feed survey --map question=q";
  }

  void Declare(OptionSet& options) override {
    options.Arguments("files", files_, "CSV, JSON lines, Parquet or Arrow files; patterns too");
    options.String("--feed", feed_, "the feed (chat)");
    options.Strings("--map", columns_,
                    "key=column; every other column is kept under its own name (keys that the "
                    "feed does not know go to its column extra)");
    options.Flag("--only-mapped", only_mapped_, "leave out the columns that --map does not name");
    options.Strings("--json-column", json_columns_,
                    "a column whose text is JSON (never evaluated)");
    options.String("--prompt", prompt_, "column of what the user says, for chats of two turns");
    options.String("--answer", answer_, "column of what is answered");
    options.Strings("--set", constants_, "key=text for every record");
    options.Integer("--connections", connections_, "requests under way at once");
    options.Integer("--attempts", attempts_, "of one request before it fails");
  }

  Result<int> Run(Context& context) override {
    if (files_.empty()) {
      return Error{ErrorCode::kInvalidArgument, "no files to ingest"};
    }
    if (connections_ < 1 || connections_ > 64 || attempts_ < 1) {
      return Error{ErrorCode::kInvalidArgument, "--connections is 1 to 64, --attempts at least 1"};
    }
    if (prompt_.empty() != answer_.empty()) {
      return Error{ErrorCode::kInvalidArgument, "--prompt and --answer go together"};
    }
    if (only_mapped_ && columns_.empty()) {
      return Error{ErrorCode::kInvalidArgument, "--only-mapped needs --map"};
    }
    RecordMapping mapping{.only_mapped = only_mapped_,
                          .json_columns = json_columns_,
                          .prompt_column = prompt_,
                          .answer_column = answer_};
    DATALAKE_TRY_ASSIGN(mapping.columns, RecordMapping::ParsePairs(columns_, "--map"));
    DATALAKE_TRY_ASSIGN(mapping.constants, RecordMapping::ParsePairs(constants_, "--set"));
    DATALAKE_TRY(context.options.server.empty() ? IntoLake(context, mapping)
                                                : IntoServer(context, mapping));
    DATALAKE_TRY(Print(context));
    return totals_.refused > 0 ? 1 : 0;
  }

 private:
  Status IntoLake(Context& context, const RecordMapping& mapping) {
    DATALAKE_TRY_ASSIGN(const auto lake, OpenLake(context));
    DATALAKE_TRY_ASSIGN(const auto content, job::MakeContentChecker());
    DATALAKE_TRY_ASSIGN(const auto feed,
                        lake::Feed::Open(*lake, feed_, {.content = content.get()}));
    std::vector<std::unique_ptr<RecordSink>> sinks;
    for (std::size_t i = 0; i < context.Threads(); ++i) {
      sinks.push_back(std::make_unique<LakeSink>(*feed));
    }
    DATALAKE_TRY(Pump(context, mapping, sinks));
    DATALAKE_TRY(feed->Seal());
    return {};
  }

  Status IntoServer(Context& context, const RecordMapping& mapping) {
    std::vector<std::unique_ptr<RecordSink>> sinks;
    for (std::int64_t i = 0; i < connections_; ++i) {
      DATALAKE_TRY_ASSIGN(auto client,
                          server::RecordClient::Make({.url = context.options.server,
                                                      .token = context.options.token,
                                                      .feed = feed_,
                                                      .attempts = static_cast<int>(attempts_)}));
      sinks.push_back(std::make_unique<ServerSink>(std::move(client), context.stop));
    }
    return Pump(context, mapping, sinks);
  }

  // Reads all files and gives their records to the sinks, each on its own thread.
  Status Pump(Context& context, const RecordMapping& mapping,
              const std::vector<std::unique_ptr<RecordSink>>& sinks) {
    BatchQueue queue(2 * sinks.size());
    std::vector<std::jthread> senders;
    for (const auto& sink : sinks) {
      senders.emplace_back([this, &context, &queue, &sink] {
        while (auto batch = queue.Pop()) {
          auto sent = sink->Send(*std::move(batch));
          if (!sent) {
            const MutexLock lock(mutex_);
            failure_ = failure_ ? failure_ : sent.error();
            queue.Abandon();
            return;
          }
          Add(context, *sent);
        }
      });
    }
    RecordMaker maker(mapping);
    Status read;
    for (const std::string& file : files_) {
      read = ReadFile(context, file, maker, queue);
      if (!read) {
        break;
      }
    }
    read ? queue.End() : queue.Abandon();
    senders.clear();
    const MutexLock lock(mutex_);
    if (context.stop.stop_requested()) {
      return Error{ErrorCode::kCancelled,
                   "stopped; the same command again goes on without storing anything twice"};
    }
    if (failure_) {
      return *failure_;
    }
    return read;
  }

  Status ReadFile(const Context& context, const std::string& file, RecordMaker& maker,
                  BatchQueue& queue) const {
    const bool is_mapped = !columns_.empty() || !constants_.empty() || !prompt_.empty();
    if (IsJsonLines(file) && !is_mapped && file.find_first_of("*?[") == std::string::npos) {
      return ReadLines(context, file, maker, queue);
    }
    DATALAKE_TRY_ASSIGN(const format::RowSource source, format::OpenRows(context.fs, file));
    std::string lines;
    std::shared_ptr<arrow::RecordBatch> batch;
    while (true) {
      DATALAKE_TRY(format::FromArrow(source.reader->ReadNext(&batch), "cannot read " + file));
      if (batch == nullptr) {
        break;
      }
      for (std::int64_t row = 0; row < batch->num_rows(); ++row) {
        DATALAKE_TRY(maker.Append(*batch, row, lines));
        if (lines.size() >= kBatchBytes && !queue.Push(std::exchange(lines, {}), context.stop)) {
          return {};
        }
      }
    }
    if (!lines.empty()) {
      queue.Push(std::move(lines), context.stop);
    }
    return {};
  }

  // JSON lines go through as they are, numbers and all.
  static Status ReadLines(const Context& context, const std::string& file, RecordMaker& maker,
                          BatchQueue& queue) {
    DATALAKE_TRY_ASSIGN(const auto input, io::OpenCompressed(context.fs, file));
    std::string text;
    std::string lines;
    bool at_end = false;
    while (!at_end) {
      const std::size_t kept = text.size();
      text.resize(kept + kReadBytes);
      DATALAKE_TRY_ASSIGN(
          const std::size_t n,
          input->Read(std::as_writable_bytes(std::span(text.data(), text.size()).subspan(kept))));
      text.resize(kept + n);
      at_end = n == 0;
      std::size_t begin = 0;
      while (begin < text.size()) {
        std::size_t end = text.find('\n', begin);
        if (end == std::string::npos) {
          if (!at_end) {
            break;
          }
          end = text.size();
        }
        const std::string_view line = std::string_view(text).substr(begin, end - begin);
        if (line.find_first_not_of(" \t\r") != std::string_view::npos) {
          DATALAKE_TRY(maker.AppendJson(line, lines));
        }
        begin = std::min(end + 1, text.size());
        if (lines.size() >= kBatchBytes && !queue.Push(std::exchange(lines, {}), context.stop)) {
          return {};
        }
      }
      text.erase(0, begin);
    }
    if (!lines.empty()) {
      queue.Push(std::move(lines), context.stop);
    }
    return {};
  }

  void Add(Context& context, const server::SentRecords& sent) {
    const MutexLock lock(mutex_);
    totals_.stored += sent.stored;
    totals_.replayed += sent.replayed;
    totals_.quarantined += sent.quarantined;
    totals_.refused += sent.refused;
    if (sent.refused > 0 && problems_.size() < kMostProblems) {
      problems_.push_back(sent.problems);
    }
    context.progress.Report(
        {.phase = "ingest",
         .items_done = totals_.stored + totals_.replayed + totals_.quarantined + totals_.refused,
         .unit = "records"});
  }

  Status Print(const Context& context) {
    const MutexLock lock(mutex_);
    for (const std::string& problem : problems_) {
      fmt::print(stderr, "datalake: refused: {}\n", problem);
    }
    return context.Print(
        context.options.json
            ? fmt::format(R"({{"stored":{},"replayed":{},"quarantined":{},"refused":{}}})",
                          totals_.stored, totals_.replayed, totals_.quarantined, totals_.refused)
            : fmt::format("stored {} records, {} were there already, {} quarantined, {} refused",
                          totals_.stored, totals_.replayed, totals_.quarantined, totals_.refused));
  }

  std::vector<std::string> files_;
  std::string feed_ = "chat";
  std::vector<std::string> columns_;
  bool only_mapped_ = false;
  std::vector<std::string> json_columns_;
  std::string prompt_;
  std::string answer_;
  std::vector<std::string> constants_;
  std::int64_t connections_ = 4;
  std::int64_t attempts_ = 8;

  Mutex mutex_;
  Totals totals_ DATALAKE_GUARDED_BY(mutex_);
  std::vector<std::string> problems_ DATALAKE_GUARDED_BY(mutex_);
  std::optional<Error> failure_ DATALAKE_GUARDED_BY(mutex_);
};

}  // namespace

std::unique_ptr<Command> MakeIngestCommand() {
  return std::make_unique<IngestCommand>();
}

}  // namespace datalake::apps
