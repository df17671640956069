#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "datalake/lake/feed_record.h"

namespace datalake::lake {

/// The withdrawals of a stretch of the log, asked record by record. Single-threaded while they are
/// added, then Thread-safe.
class WithdrawalFilter {
 public:
  /// `sequence` is the withdrawal's place in the log.
  void Add(std::uint64_t sequence, Withdrawal withdrawal);

  bool empty() const { return withdrawals_.empty(); }

  const std::vector<std::pair<std::uint64_t, Withdrawal>>& withdrawals() const {
    return withdrawals_;
  }

  /// Gives the submitter_id of the record in question; called only when it matters.
  using Submitter = std::function<std::optional<std::string>()>;

  /// True when a withdrawal that stands behind `sequence` in the log takes the record away.
  bool Takes(std::uint64_t sequence, std::string_view ingest_id, const ReceiptHash& receipt,
             const Submitter& submitter) const;

 private:
  std::vector<std::pair<std::uint64_t, Withdrawal>> withdrawals_;
};

}  // namespace datalake::lake
