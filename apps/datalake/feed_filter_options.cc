#include "apps/datalake/feed_filter_options.h"

namespace datalake::apps {

void FeedFilterOptions::Declare(OptionSet& options) {
  options.String("--day", day_, "records received on this day (UTC), like 2026-01-31");
  options.String("--from", from_, "records received on this day or later");
  options.String("--to", to_, "records received on this day or before");
  options.String("--source", source_, "records of this source");
  options.String("--agent", agent_, "records with this agent_id");
  options.String("--rating", rating_, "records with a turn rated positive or negative");
  options.String("--submitter", submitter_, "records of this submitter_id");
  options.String("--text", text_, "records whose text holds this, letter by letter");
}

Result<lake::FeedFilter> FeedFilterOptions::ToFilter() const {
  if (!day_.empty() && (!from_.empty() || !to_.empty())) {
    return Error{ErrorCode::kInvalidArgument, "give --day, or --from and --to, not both"};
  }
  const auto given = [](const std::string& value) {
    return value.empty() ? std::nullopt : std::optional(value);
  };
  lake::FeedFilter filter{.from = day_.empty() ? from_ : day_,
                          .to = day_.empty() ? to_ : day_,
                          .source = given(source_),
                          .agent = given(agent_),
                          .submitter = given(submitter_),
                          .rating = given(rating_),
                          .text = text_};
  DATALAKE_TRY(filter.Validate());
  return filter;
}

}  // namespace datalake::apps
