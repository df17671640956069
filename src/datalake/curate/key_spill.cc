#include "datalake/curate/key_spill.h"

#include <algorithm>
#include <bit>
#include <span>
#include <utility>

#include <fmt/format.h>

#include "datalake/io/file_system.h"
#include "datalake/io/path.h"

namespace datalake::curate {
namespace {

constexpr std::size_t kBufferKeys = 4096;
constexpr std::size_t kReadKeys = std::size_t{1} << 16;
constexpr std::size_t kAnswerWords = 1024;
constexpr std::uint64_t kTableBytesPerKey = 46;  // KeyTable's worst
constexpr int kPartitionBits = 6;
static_assert(KeySpill::kPartitions == std::size_t{1} << kPartitionBits);

// Fills `out` as far as the stream goes.
Result<std::size_t> ReadFully(io::InputStream& stream, std::span<std::byte> out) {
  std::size_t done = 0;
  while (done < out.size()) {
    DATALAKE_TRY_ASSIGN(const std::size_t read, stream.Read(out.subspan(done)));
    if (read == 0) {
      break;
    }
    done += read;
  }
  return done;
}

// Within one partition the upper bits are equal; a table spreads its keys by them.
Hash128 Spread(const Hash128& key) {
  return {.low = key.low, .high = std::rotl(key.high, kPartitionBits)};
}

}  // namespace

bool KeySpill::Pass::Has(const Hash128& key) const {
  const auto rest = static_cast<unsigned __int128>(key.high << kPartitionBits);
  return static_cast<std::uint64_t>((rest * count) >> 64) == number;
}

KeySpill::KeySpill(io::FileSystem& fs, std::string folder)
    : fs_(fs), folder_(std::move(folder)), partitions_(kPartitions) {}

KeySpill::~KeySpill() {
  partitions_.clear();
  (void)fs_.RemoveTree(folder_);
}

Result<std::unique_ptr<KeySpill>> KeySpill::Make(io::FileSystem& fs, std::string folder) {
  std::unique_ptr<KeySpill> spill(new KeySpill(fs, std::move(folder)));
  DATALAKE_TRY(fs.MakeDirectories(spill->folder_));
  return spill;
}

std::string KeySpill::KeyPath(std::size_t partition) const {
  return io::JoinPath(folder_, fmt::format("{:02}.keys", partition));
}

std::string KeySpill::AnswerPath(std::size_t partition) const {
  return io::JoinPath(folder_, fmt::format("{:02}.answers", partition));
}

Status KeySpill::Flush(std::size_t index) {
  Partition& partition = partitions_[index];
  if (partition.buffer.empty()) {
    return {};
  }
  if (partition.file == nullptr) {
    DATALAKE_TRY_ASSIGN(partition.file, fs_.Create(KeyPath(index)));
  }
  DATALAKE_TRY(partition.file->Write(std::as_bytes(std::span(partition.buffer))));
  partition.buffer.clear();
  return {};
}

Status KeySpill::Add(const Hash128& key, Role role) {
  const std::size_t index = PartitionOf(key);
  Partition& partition = partitions_[index];
  if (partition.stretches.empty() || partition.stretches.back().role != role) {
    partition.stretches.push_back({.role = role});
  }
  ++partition.stretches.back().keys;
  ++partition.keys;
  ++keys_;
  partition.buffer.push_back(key);
  return partition.buffer.size() < kBufferKeys ? Status() : Flush(index);
}

Status KeySpill::Settle(const SettleOptions& options, const NewKeys& take) {
  for (std::size_t i = 0; i < kPartitions; ++i) {
    DATALAKE_TRY(Flush(i));
    if (partitions_[i].file != nullptr) {
      DATALAKE_TRY(partitions_[i].file->Close());
    }
    partitions_[i].buffer = {};
  }
  for (std::size_t i = 0; i < kPartitions; ++i) {
    DATALAKE_TRY(SettlePartition(i, options, take));
    if (partitions_[i].file != nullptr) {
      DATALAKE_TRY(fs_.Remove(KeyPath(i)));
    }
  }
  return {};
}

Status KeySpill::SettlePartition(std::size_t index, const SettleOptions& options,
                                 const NewKeys& take) {
  const Partition& partition = partitions_[index];
  std::vector<std::uint64_t> answers((partition.keys + 63) / 64);
  const std::uint64_t per_pass =
      std::max<std::uint64_t>(options.memory_bytes / kTableBytesPerKey, 4096);
  Pass pass{.partition = index, .count = partition.keys / per_pass + 1};
  std::vector<Hash128> fresh;
  for (; pass.number < pass.count; ++pass.number) {
    fresh.clear();
    DATALAKE_TRY(RunPass(partition, pass, options, answers, take ? &fresh : nullptr));
    if (take) {
      DATALAKE_TRY(take(pass, fresh));
    }
  }
  return WriteAnswers(index, answers);
}

Status KeySpill::RunPass(const Partition& partition, const Pass& pass, const SettleOptions& options,
                         std::vector<std::uint64_t>& answers, std::vector<Hash128>* fresh) {
  if (partition.keys == 0) {
    return {};
  }
  KeyTable table;
  std::vector<Hash128> keys(kReadKeys);
  DATALAKE_TRY_ASSIGN(const auto stream, fs_.OpenInput(KeyPath(pass.partition)));
  std::uint64_t at = 0;
  for (const Stretch& stretch : partition.stretches) {
    for (std::uint64_t left = stretch.keys; left > 0;) {
      const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(left, kReadKeys));
      const auto bytes = std::as_writable_bytes(std::span(keys).first(count));
      DATALAKE_TRY_ASSIGN(const std::size_t read, ReadFully(*stream, bytes));
      if (read != bytes.size()) {
        return Error{ErrorCode::kIo,
                     fmt::format("a file of our own was cut short: {}", KeyPath(pass.partition))};
      }
      for (std::size_t i = 0; i < count; ++i, ++at) {
        if (!pass.Has(keys[i])) {
          continue;
        }
        const Hash128 key = Spread(keys[i]);
        if (stretch.role == Role::kPrior) {
          (void)table.Insert(key);
          continue;
        }
        const bool is_new = options.is_insert ? table.Insert(key) : !table.Contains(key);
        answers[at / 64] |= std::uint64_t{is_new ? 0U : 1U} << (at % 64);
        if (is_new && fresh != nullptr) {
          fresh->push_back(keys[i]);
        }
      }
      left -= count;
    }
  }
  return {};
}

// Only the bits of asking keys, side by side.
Status KeySpill::WriteAnswers(std::size_t index, std::vector<std::uint64_t>& answers) {
  Partition& partition = partitions_[index];
  std::uint64_t from = 0;
  std::uint64_t to = 0;
  for (const Stretch& stretch : partition.stretches) {
    if (stretch.role == Role::kPrior) {
      from += stretch.keys;
      continue;
    }
    for (std::uint64_t i = 0; i < stretch.keys; ++i, ++from, ++to) {
      const std::uint64_t bit = (answers[from / 64] >> (from % 64)) & 1U;
      const std::uint64_t mask = std::uint64_t{1} << (to % 64);
      answers[to / 64] = bit != 0 ? answers[to / 64] | mask : answers[to / 64] & ~mask;
    }
  }
  answers.resize((to + 63) / 64);
  if (answers.empty()) {
    return {};
  }
  DATALAKE_TRY_ASSIGN(const auto file, fs_.Create(AnswerPath(index)));
  DATALAKE_TRY(file->Write(std::as_bytes(std::span(answers))));
  DATALAKE_TRY(file->Close());
  DATALAKE_TRY_ASSIGN(partition.answers, fs_.OpenInput(AnswerPath(index)));
  return {};
}

Result<bool> KeySpill::Next(std::size_t index) {
  Partition& partition = partitions_[index];
  if (partition.next_bit == partition.words.size() * 64) {
    partition.words.clear();
    partition.next_bit = 0;
    if (partition.answers != nullptr) {
      partition.words.resize(kAnswerWords);
      DATALAKE_TRY_ASSIGN(
          const std::size_t read,
          ReadFully(*partition.answers, std::as_writable_bytes(std::span(partition.words))));
      partition.words.resize(read / sizeof(std::uint64_t));
    }
    if (partition.words.empty()) {
      return Error{ErrorCode::kInternal, "more answers asked than keys spilled"};
    }
  }
  const std::size_t bit = partition.next_bit++;
  return ((partition.words[bit / 64] >> (bit % 64)) & 1U) != 0;
}

}  // namespace datalake::curate
