#pragma once

#include <string>

#include "datalake/base/result.h"
#include "datalake/lake/feed_query.h"

#include "apps/datalake/command.h"

namespace datalake::apps {

/// The options that choose records of a feed, shared by the commands that take them.
class FeedFilterOptions {
 public:
  void Declare(OptionSet& options);

  /// Errors: kInvalidArgument.
  Result<lake::FeedFilter> ToFilter() const;

 private:
  std::string day_;
  std::string from_;
  std::string to_;
  std::string source_;
  std::string agent_;
  std::string rating_;
  std::string submitter_;
  std::string text_;
};

}  // namespace datalake::apps
