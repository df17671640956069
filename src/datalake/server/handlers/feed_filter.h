#pragma once

#include <vector>

#include "datalake/base/result.h"
#include "datalake/lake/feed_query.h"
#include "datalake/server/http.h"
#include "datalake/server/router.h"

namespace datalake::server {

/// The query values that choose records of a feed, and the filter that a request has by them.
std::vector<Parameter> FeedFilterParameters();
lake::FeedFilter FeedFilterOf(const Request& request);

/// The answer, or the problem that an error becomes.
Response AnswerOf(Result<Response> answer, const Request& request);

}  // namespace datalake::server
