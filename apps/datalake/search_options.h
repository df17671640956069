#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "datalake/base/result.h"
#include "datalake/lake/search.h"

#include "apps/datalake/command.h"

namespace datalake::apps {

/// The options of a search, shared by the commands that take one.
class SearchOptions {
 public:
  void Declare(OptionSet& options);

  /// Errors: kInvalidArgument (--text without --column …).
  Result<lake::SearchRequest> ToRequest() const;

  /// True when nothing was asked for.
  bool empty() const;

 private:
  std::vector<std::string> providers_;
  std::vector<std::string> datasets_;
  std::vector<std::string> tasks_;
  std::vector<std::string> variants_;
  std::string text_;
  std::string column_;
  std::string json_path_;
  std::string where_;
  std::vector<std::string> columns_;
  std::vector<std::string> order_by_;
  std::int64_t version_ = -1;
  std::int64_t limit_ = -1;
  std::int64_t offset_ = 0;
};

}  // namespace datalake::apps
