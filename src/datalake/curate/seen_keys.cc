#include "datalake/curate/seen_keys.h"

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

#include "datalake/curate/dedupe_state.h"
#include "datalake/curate/key_spill.h"
#include "datalake/curate/key_table.h"
#include "datalake/io/file_system.h"

namespace datalake::curate {
namespace {

constexpr std::size_t kPrefetchDistance = 16;

bool Less(const Hash128& a, const Hash128& b) {
  return a.high != b.high ? a.high < b.high : a.low < b.low;
}

// Takes the keys of older generations out of newer ones; both ascend over all calls.
class OlderKeys {
 public:
  explicit OlderKeys(const DedupeStateReader* state) {
    const std::size_t count = state == nullptr ? 0 : state->summary().generations.size();
    for (std::size_t i = 0; i < count; ++i) {
      cursors_.push_back({DedupeStateReader::Keys(*state, i), {}});
    }
  }

  // `keys` is sorted.
  Status RemoveFrom(std::vector<Hash128>& keys) {
    for (Cursor& cursor : cursors_) {
      DATALAKE_TRY(RemoveFrom(keys, cursor));
    }
    return {};
  }

 private:
  struct Cursor {
    DedupeStateReader::Keys keys;
    std::span<const Hash128> piece;
  };

  static Status RemoveFrom(std::vector<Hash128>& keys, Cursor& cursor) {
    auto read = keys.begin();
    auto kept = keys.begin();
    while (read != keys.end()) {
      if (cursor.piece.empty()) {
        DATALAKE_TRY_ASSIGN(cursor.piece, cursor.keys.Next());
        if (cursor.piece.empty()) {
          break;
        }
      }
      if (Less(cursor.piece.front(), *read)) {
        cursor.piece = cursor.piece.subspan(1);
      } else if (Less(*read, cursor.piece.front())) {
        *kept++ = *read++;
      } else {
        ++read;
      }
    }
    keys.erase(std::move(read, keys.end(), kept), keys.end());
    return {};
  }

  std::vector<Cursor> cursors_;
};

class ExactKeys final : public SeenKeys {
 public:
  ExactKeys(io::FileSystem& fs, ExactKeysOptions options)
      : fs_(fs), options_(std::move(options)), table_(std::make_unique<KeyTable>()) {}

  Status Load(const DedupeStateReader& state, std::size_t generation) override {
    DedupeStateReader::Keys keys(state, generation);
    while (true) {
      DATALAKE_TRY_ASSIGN(const std::span<const Hash128> piece, keys.Next());
      if (piece.empty()) {
        return {};
      }
      for (const Hash128& key : piece) {
        if (spill_ == nullptr) {
          (void)table_->Insert(key);
        } else if (!table_->Contains(key)) {
          DATALAKE_TRY(spill_->Add(key, KeySpill::Role::kPrior));
        }
      }
      DATALAKE_TRY(Bound());
    }
  }

  Status Take(std::span<const Hash128> keys, std::span<std::uint8_t> verdicts) override {
    for (std::size_t i = 0; i < keys.size(); ++i) {
      if (i + kPrefetchDistance < keys.size()) {
        table_->Prefetch(keys[i + kPrefetchDistance]);
      }
      if (spill_ != nullptr) {
        DATALAKE_TRY_ASSIGN(verdicts[i], TakeSpilling(keys[i]));
      } else if (options_.access == BloomAccess::kInsert) {
        verdicts[i] = table_->Insert(keys[i]) ? verdict::kNew : verdict::kKnown;
      } else {
        verdicts[i] = table_->Contains(keys[i]) ? verdict::kKnown : verdict::kNew;
      }
    }
    return Bound();
  }

  bool is_spilling() const override { return spill_ != nullptr; }

  std::string spill_folder() const override { return options_.spill_folder; }

  Status Settle(DedupeStateWriter* writer, const DedupeStateReader* older) override {
    memory_bytes_ = table_->memory_bytes();
    OlderKeys older_keys(writer == nullptr ? nullptr : older);
    if (spill_ == nullptr) {
      return writer == nullptr ? Status() : AppendTable(*writer, older_keys);
    }
    if (writer == nullptr) {
      table_ = nullptr;
    }
    std::vector<Hash128> shard;
    KeySpill::NewKeys take;
    if (writer != nullptr) {
      take = [&](const KeySpill::Pass& pass, std::vector<Hash128>& keys) {
        if (pass.number == 0) {
          shard.clear();
          table_->AppendShard(pass.partition, shard);
        }
        std::ranges::copy_if(shard, std::back_inserter(keys),
                             [&](const Hash128& key) { return pass.Has(key); });
        return Append(keys, *writer, older_keys);
      };
    }
    const std::size_t budget = static_cast<std::size_t>(options_.memory_limit_bytes / 4);
    return spill_->Settle(
        {.memory_bytes = budget, .is_insert = options_.access == BloomAccess::kInsert}, take);
  }

  Result<bool> NextAnswer(std::size_t partition) override { return spill_->Next(partition); }

  std::uint64_t memory_bytes() const override {
    return table_ == nullptr ? memory_bytes_ : table_->memory_bytes();
  }

  std::uint64_t spilled_keys() const override { return spill_ == nullptr ? 0 : spill_->keys(); }

  // 2^-128 a pair is nothing that a run could show; see KeyTable.
  double ErrorRate() const override { return 0; }

 private:
  Status Bound() {
    if (spill_ != nullptr || table_->memory_bytes() <= options_.memory_limit_bytes) {
      return {};
    }
    DATALAKE_TRY_ASSIGN(spill_, KeySpill::Make(fs_, options_.spill_folder));
    return {};
  }

  Result<std::uint8_t> TakeSpilling(const Hash128& key) {
    if (table_->Contains(key)) {
      return verdict::kKnown;
    }
    DATALAKE_TRY(spill_->Add(key, KeySpill::Role::kAsking));
    return static_cast<std::uint8_t>(verdict::kPending + KeySpill::PartitionOf(key));
  }

  Status AppendTable(DedupeStateWriter& writer, OlderKeys& older) const {
    std::vector<Hash128> keys;
    for (std::size_t shard = 0; shard < KeyTable::kShards; ++shard) {
      keys.clear();
      table_->AppendShard(shard, keys);
      DATALAKE_TRY(Append(keys, writer, older));
    }
    return {};
  }

  static Status Append(std::vector<Hash128>& keys, DedupeStateWriter& writer, OlderKeys& older) {
    std::ranges::sort(keys, Less);
    DATALAKE_TRY(older.RemoveFrom(keys));
    return writer.AppendKeys(keys);
  }

  io::FileSystem& fs_;
  const ExactKeysOptions options_;
  std::unique_ptr<KeyTable> table_;
  std::unique_ptr<KeySpill> spill_;
  std::uint64_t memory_bytes_ = 0;
};

class BloomKeys final : public SeenKeys {
 public:
  BloomKeys(const BloomShape& shape, BloomAccess access) : filter_(shape), access_(access) {}

  Status Fill(const DedupeStateReader& state) { return state.ReadBloom(filter_); }

  Status Load(const DedupeStateReader& /*state*/, std::size_t /*generation*/) override {
    return Error{ErrorCode::kInternal, "a Bloom filter has no generations"};
  }

  Status Take(std::span<const Hash128> keys, std::span<std::uint8_t> verdicts) override {
    filter_.Take(keys, verdicts, access_);
    return {};
  }

  bool is_spilling() const override { return false; }

  std::string spill_folder() const override { return {}; }

  Status Settle(DedupeStateWriter* writer, const DedupeStateReader* /*older*/) override {
    return writer == nullptr ? Status() : writer->WriteBloom(filter_);
  }

  Result<bool> NextAnswer(std::size_t /*partition*/) override {
    return Error{ErrorCode::kInternal, "a Bloom filter answers at once"};
  }

  std::uint64_t memory_bytes() const override { return filter_.memory_bytes(); }

  std::uint64_t spilled_keys() const override { return 0; }

  double ErrorRate() const override { return filter_.MeasuredError(); }

 private:
  BloomFilter filter_;
  const BloomAccess access_;
};

}  // namespace

std::unique_ptr<SeenKeys> MakeExactKeys(io::FileSystem& fs, ExactKeysOptions options) {
  return std::make_unique<ExactKeys>(fs, std::move(options));
}

Result<std::unique_ptr<SeenKeys>> MakeBloomKeys(const BloomShape& shape, BloomAccess access,
                                                const DedupeStateReader* state) {
  auto keys = std::make_unique<BloomKeys>(shape, access);
  if (state != nullptr) {
    DATALAKE_TRY(keys->Fill(*state));
  }
  return std::unique_ptr<SeenKeys>(std::move(keys));
}

}  // namespace datalake::curate
