#include "datalake/lake/withdrawal_filter.h"

namespace datalake::lake {

void WithdrawalFilter::Add(std::uint64_t sequence, Withdrawal withdrawal) {
  withdrawals_.emplace_back(sequence, std::move(withdrawal));
}

bool WithdrawalFilter::Takes(std::uint64_t sequence, std::string_view ingest_id,
                             const ReceiptHash& receipt, const Submitter& submitter) const {
  std::optional<std::optional<std::string>> known;  // asked at most once
  for (const auto& [place, withdrawal] : withdrawals_) {
    if (place <= sequence) {
      continue;
    }
    switch (withdrawal.scope) {
      case WithdrawalScope::kRecord:
        if (withdrawal.ingest_id == ingest_id) {
          return true;
        }
        break;
      case WithdrawalScope::kSubmitter:
        if (!known) {
          known = submitter();
        }
        if (*known && **known == withdrawal.submitter_id) {
          return true;
        }
        break;
      case WithdrawalScope::kReceipt:
        if (receipt != ReceiptHash{} && receipt == withdrawal.receipt) {
          return true;
        }
        break;
    }
  }
  return false;
}

}  // namespace datalake::lake
