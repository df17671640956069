#pragma once

#include <cstdint>

#include "datalake/base/result.h"
#include "datalake/lake/queries.h"

#include "apps/datalake/prompt.h"

namespace datalake::apps {

/// A search that was put together by questions.
struct AskedSearch {
  lake::SearchRequest request;
  std::int64_t rows = 0;  ///< of the partitions chosen; -1: not known
};

/// Asks which rows: partitions by four menus, each of what the choices before left over, or a text
/// in a column. Feeds are not among them. Errors: kNotFound (the lake has no rows), kCancelled,
/// those of the tables.
Result<AskedSearch> AskForSearch(Prompt& prompt, lake::Queries& queries);

}  // namespace datalake::apps
