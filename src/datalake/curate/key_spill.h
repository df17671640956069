#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "datalake/base/hash.h"
#include "datalake/base/result.h"
#include "datalake/curate/key_table.h"

namespace datalake::io {
class FileSystem;
class InputStream;
class WritableFile;
}  // namespace datalake::io

namespace datalake::curate {

/// Keys on disk whose being new is found out later, with little memory: they go to partitions by
/// their upper bits, each partition is settled on its own, and as a partition keeps the order of
/// its keys, one bit a key is all that comes back. Asking for the bits partition by partition in
/// the order of adding gives the answers that one large table would have given at once.
/// Single-threaded.
class KeySpill {
 public:
  static constexpr std::size_t kPartitions = KeyTable::kShards;

  static std::size_t PartitionOf(const Hash128& key) { return KeyTable::ShardOf(key); }

  /// Whether a key only stands for what was known before, or wants an answer.
  enum class Role : std::uint8_t { kPrior, kAsking };

  /// Makes `folder`, which must not exist and is removed with all in it by the destructor.
  static Result<std::unique_ptr<KeySpill>> Make(io::FileSystem& fs, std::string folder);
  ~KeySpill();

  const std::string& folder() const { return folder_; }

  /// Errors: kIo, kResourceExhausted (the disk is full).
  Status Add(const Hash128& key, Role role);

  struct SettleOptions {
    std::size_t memory_bytes = 0;  ///< about what a table may take; more passes where it is less
    bool is_insert = true;         ///< false: asking keys are looked up among prior ones only
  };

  /// New asking keys of one pass over one partition. Partitions come in order, and the ranges of
  /// `high` of a partition's passes ascend.
  struct Pass {
    std::size_t partition = 0;
    std::uint64_t number = 0;
    std::uint64_t count = 1;  ///< passes of this partition

    bool Has(const Hash128& key) const;
  };

  using NewKeys = std::function<Status(const Pass& pass, std::vector<Hash128>& keys)>;

  /// Finds out about all keys, once, after the last Add. `take` (may be empty) is called for every
  /// pass of every partition.
  Status Settle(const SettleOptions& options, const NewKeys& take);

  /// The answer for the next asking key of a partition, in the order of adding: true when the key
  /// had been added before. After Settle. Errors: kIo; kInternal (more asked than added).
  Result<bool> Next(std::size_t partition);

  std::uint64_t keys() const { return keys_; }

 private:
  // A stretch of keys of one role.
  struct Stretch {
    Role role = Role::kPrior;
    std::uint64_t keys = 0;
  };

  struct Partition {
    std::unique_ptr<io::WritableFile> file;
    std::vector<Hash128> buffer;
    std::vector<Stretch> stretches;
    std::uint64_t keys = 0;
    std::unique_ptr<io::InputStream> answers;
    std::vector<std::uint64_t> words;  // of answers, as far as read
    std::size_t next_bit = 0;
  };

  KeySpill(io::FileSystem& fs, std::string folder);

  std::string KeyPath(std::size_t partition) const;
  std::string AnswerPath(std::size_t partition) const;
  Status Flush(std::size_t index);
  Status SettlePartition(std::size_t index, const SettleOptions& options, const NewKeys& take);
  Status RunPass(const Partition& partition, const Pass& pass, const SettleOptions& options,
                 std::vector<std::uint64_t>& answers, std::vector<Hash128>* fresh);
  Status WriteAnswers(std::size_t index, std::vector<std::uint64_t>& answers);

  io::FileSystem& fs_;
  const std::string folder_;
  std::vector<Partition> partitions_;
  std::uint64_t keys_ = 0;
};

}  // namespace datalake::curate
