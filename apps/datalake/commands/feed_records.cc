// datalake feed records: the current records of a feed, as they were sent.
#include <fmt/format.h>

#include "datalake/lake/feed_query.h"

#include "apps/datalake/commands/commands.h"
#include "apps/datalake/feed_filter_options.h"
#include "apps/datalake/open_lake.h"
#include "apps/datalake/print_facts.h"

namespace datalake::apps {
namespace {

class RecordsCommand final : public Command {
 public:
  std::string_view Name() const override { return "feed records"; }

  std::string_view Summary() const override {
    return "Shows or counts the current records of a feed, sealed or not";
  }

  std::string_view Example() const override {
    return "datalake feed records chat --day 2026-01-31 --rating negative\n"
           "datalake feed records chat --from 2026-01-01 --source web --count";
  }

  void Declare(OptionSet& options) override {
    options.Argument("feed", feed_, "the feed");
    filter_.Declare(options);
    options.Flag("--count", counts_, "only their number");
    options.Integer("--limit", limit_, "at most so many records (0: all)");
  }

  Result<int> Run(Context& context) override {
    DATALAKE_TRY_ASSIGN(lake::FeedPageRequest request, ToRequest());
    DATALAKE_TRY_ASSIGN(const auto lake, OpenLake(context));
    DATALAKE_TRY_ASSIGN(const auto queries,
                        lake::FeedQueries::Open(*lake, {.threads = context.Threads()}));
    if (counts_) {
      DATALAKE_TRY_ASSIGN(const std::int64_t records,
                          queries->Count(feed_, request.filter, {}, context.stop));
      DATALAKE_TRY(PrintFacts(context, {{"records", records}}));
      return 0;
    }
    std::int64_t left = limit_;
    while (true) {
      request.limit = limit_ == 0 ? lake::FeedPageRequest::kMaxLimit
                                  : std::min(left, lake::FeedPageRequest::kMaxLimit);
      DATALAKE_TRY_ASSIGN(const lake::FeedPage page,
                          queries->Page(feed_, request, {}, context.stop));
      for (const lake::FeedRow& row : page.rows) {
        DATALAKE_TRY(context.Print(lake::WithLakeMember(row)));
      }
      left -= static_cast<std::int64_t>(page.rows.size());
      if (page.next.empty() || (limit_ != 0 && left <= 0)) {
        return 0;
      }
      request.cursor = page.next;
    }
  }

 private:
  Result<lake::FeedPageRequest> ToRequest() const {
    if (limit_ < 0) {
      return Error{ErrorCode::kInvalidArgument, fmt::format("--limit is negative: {}", limit_)};
    }
    lake::FeedPageRequest request;
    DATALAKE_TRY_ASSIGN(request.filter, filter_.ToFilter());
    return request;
  }

  std::string feed_;
  FeedFilterOptions filter_;
  bool counts_ = false;
  std::int64_t limit_ = 100;
};

}  // namespace

std::unique_ptr<Command> MakeFeedRecordsCommand() {
  return std::make_unique<RecordsCommand>();
}

}  // namespace datalake::apps
