// Records become visible a moment after the time that they bear, and not in its order. So the
// position that is kept lags behind the clock by kSettled; what lies between is looked at again in
// every pass, and told from what is new by id and version.
#include "datalake/lake/feed_copy.h"

#include <algorithm>
#include <charconv>
#include <set>

#include <arrow/record_batch.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "datalake/io/atomic_file.h"
#include "datalake/io/file_system.h"
#include "datalake/io/object_store.h"
#include "datalake/io/path.h"
#include "datalake/json/value.h"
#include "datalake/lake/feed_columns.h"
#include "datalake/lake/feed_export.h"

namespace datalake::lake {
namespace {

constexpr std::chrono::seconds kSettled{60};
constexpr std::int64_t kRecordsAtOnce = 200;
constexpr std::uint64_t kMaxStateBytes = 1 << 20;

std::int64_t Micros(Timestamp time) {
  return time.time_since_epoch().count();
}

// The cursor of the first record received after `us`.
std::string CursorAt(std::int64_t us) {
  return fmt::format("{}.0", us);
}

std::int64_t TimeOf(const std::string& cursor) {
  std::int64_t us = 0;
  std::from_chars(cursor.data(), cursor.data() + cursor.size(), us);
  return us;
}

std::string SeedDayOf(std::string_view day) {
  std::string text(day);
  std::replace(text.begin(), text.end(), '-', '_');
  return text;
}

}  // namespace

FeedCopy::FeedCopy(Lake& lake, FeedQueries& queries, io::ObjectStore& store,
                   FeedCopyOptions options)
    : lake_(lake), queries_(queries), store_(store), options_(std::move(options)) {}

Result<std::unique_ptr<FeedCopy>> FeedCopy::Open(Lake& lake, FeedQueries& queries,
                                                 io::ObjectStore& store,
                                                 const FeedCopyOptions& options) {
  std::unique_ptr<FeedCopy> copy(  // NOLINT: private constructor
      new FeedCopy(lake, queries, store, options));
  DATALAKE_TRY_ASSIGN(copy->definition_, FeedDefinitions(lake.context()).Find(options.feed));
  DATALAKE_TRY(copy->Load());
  return copy;
}

Status FeedCopy::Load() {
  const MutexLock lock(mutex_);
  facts_ = {.feed = options_.feed, .url = store_.url()};
  const auto text = io::ReadFile(lake_.context().fs, options_.state_path, kMaxStateBytes);
  if (!text) {
    return text.error().code == ErrorCode::kNotFound ? Status() : Status(text.error());
  }
  const auto state = json::ParseValue(*text, options_.state_path);
  if (!state || !state->is_object() || state->value("url", std::string()) != store_.url()) {
    return {};  // of another place, or broken: all is copied again, which is right, only slow
  }
  position_ = state->value("position", std::string());
  scan_ = position_;
  facts_.copied = state->value("copied", std::uint64_t{0});
  facts_.removed = state->value("removed", std::uint64_t{0});
  facts_.position = position_;
  return {};
}

Status FeedCopy::Save() {
  json::Value state;
  {
    const MutexLock lock(mutex_);
    facts_.position = position_;
    state = {{"feed", options_.feed},
             {"url", store_.url()},
             {"position", position_},
             {"copied", facts_.copied},
             {"removed", facts_.removed}};
  }
  io::FileSystem& fs = lake_.context().fs;
  DATALAKE_TRY(fs.MakeDirectories(io::ParentPath(options_.state_path)));
  return io::ReplaceFile(fs, options_.state_path, json::DumpValueIndented(state) + "\n");
}

std::string FeedCopy::KeyOf(std::string_view ingest_id, std::string_view day) const {
  const bool is_chat = definition_.shape == FeedShape::kChat;
  return fmt::format("{}{}/{}/{}.{}", options_.prefix, SeedDayOf(day),
                     is_chat ? "chats" : "records", ingest_id, is_chat ? "parquet" : "json");
}

Result<std::string> FeedCopy::BytesOf(const FeedRow& row) const {
  if (definition_.shape != FeedShape::kChat) {
    return WithLakeMember(row);
  }
  const auto builder = FeedBatchBuilder::ForFeed(definition_);
  DATALAKE_TRY(builder->Append({.ingest_id = row.ingest_id,
                                .version = row.version,
                                .received = row.received,
                                .body = row.body}));
  DATALAKE_TRY_ASSIGN(auto batch, builder->Finish());
  DATALAKE_TRY_ASSIGN(const ChatRows chats, ChatRows::Make(std::move(batch)));
  return DayFileBytes(chats, 0);
}

Status FeedCopy::CopyRow(const FeedRow& row, std::stop_token stop) {
  DATALAKE_TRY_ASSIGN(const std::string bytes, BytesOf(row));
  DATALAKE_TRY(store_.Put(KeyOf(row.ingest_id, FormatDay(row.received)), bytes, std::move(stop)));
  const MutexLock lock(mutex_);
  ++facts_.copied;
  return {};
}

// Of records that replaced others: the objects on other days.
Status FeedCopy::RemoveOlder(const std::vector<FeedRow>& rows, std::stop_token stop) {
  std::map<std::string, std::string> days;  // of the current versions
  std::vector<std::string> ids;
  for (const FeedRow& row : rows) {
    if (row.version > 1) {
      days.emplace(row.ingest_id, FormatDay(row.received));
      ids.push_back(row.ingest_id);
    }
  }
  DATALAKE_TRY_ASSIGN(auto all, queries_.DaysOf(options_.feed, ids, stop));
  std::erase_if(all, [&days](const auto& entry) { return days.at(entry.first) == entry.second; });
  return RemoveObjects(all, std::move(stop));
}

Status FeedCopy::Remove(const std::vector<std::pair<std::string, std::string>>& records,
                        std::stop_token stop) {
  const MutexLock lock(step_mutex_);
  std::set<std::string> ids;
  for (const auto& [ingest_id, day] : records) {
    ids.insert(ingest_id);
  }
  // A record that comes again under such an id is new.
  std::erase_if(recent_, [&ids](const auto& entry) { return ids.contains(entry.first.first); });
  return RemoveObjects(records, std::move(stop));
}

Status FeedCopy::RemoveObjects(const std::vector<std::pair<std::string, std::string>>& records,
                               std::stop_token stop) {
  for (const auto& [ingest_id, day] : records) {
    DATALAKE_TRY(store_.Remove(KeyOf(ingest_id, day), stop));
    const MutexLock lock(mutex_);
    ++facts_.removed;
  }
  return {};
}

Result<bool> FeedCopy::CopyPage(std::stop_token stop) {
  const std::int64_t settled = Micros(lake_.context().clock.Now() - kSettled);
  if (!scan_.empty() && TimeOf(position_) > settled) {
    scan_ = position_ = CursorAt(settled);  // the clock was set back
  }
  DATALAKE_TRY_ASSIGN(
      const FeedPage page,
      queries_.Page(options_.feed, {.cursor = scan_, .limit = kRecordsAtOnce}, {}, stop));
  std::vector<FeedRow> fresh;
  for (const FeedRow& row : page.rows) {
    if (!recent_.contains({row.ingest_id, row.version})) {
      fresh.push_back(row);
    }
  }
  for (const FeedRow& row : fresh) {
    DATALAKE_TRY(CopyRow(row, stop));
    recent_[{row.ingest_id, row.version}] = Micros(row.received);
  }
  DATALAKE_TRY(RemoveOlder(fresh, stop));
  const bool is_end = page.next.empty();
  if (!is_end) {
    scan_ = page.next;
    if (TimeOf(scan_) <= settled) {
      position_ = scan_;
    }
  } else {
    scan_ = position_ = CursorAt(settled);
  }
  std::erase_if(recent_, [this](const auto& entry) { return entry.second < TimeOf(position_); });
  if (!fresh.empty() || !is_end) {
    DATALAKE_TRY(Save());
  }
  return !is_end;
}

Result<bool> FeedCopy::Step(std::stop_token stop) {
  const MutexLock step(step_mutex_);
  const Result<bool> more = CopyPage(std::move(stop));
  const MutexLock lock(mutex_);
  if (!more) {
    facts_.is_caught_up = false;
    if (more.error().code != ErrorCode::kCancelled) {
      ++facts_.failures;
      facts_.last_error = more.error().message;
    }
    return more;
  }
  facts_.failures = 0;
  facts_.last_error.clear();
  facts_.is_caught_up = !*more;
  return more;
}

FeedCopyFacts FeedCopy::facts() const {
  const MutexLock lock(mutex_);
  return facts_;
}

}  // namespace datalake::lake
