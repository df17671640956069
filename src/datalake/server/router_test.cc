#include "datalake/server/router.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "datalake/server/openapi.h"
#include "datalake/testing/matchers.h"

namespace datalake::server {
namespace {

using datalake::testing::IsError;
using datalake::testing::IsOk;
using ::testing::ElementsAre;
using ::testing::Pair;

Router MakeRouter() {
  Router router;
  const auto nothing = [](Request, const Responder&) {};
  EXPECT_THAT(router.Add({.method = "GET",
                          .path = "/jobs",
                          .summary = "all jobs",
                          .tag = "Jobs",
                          .handle = nothing}),
              IsOk());
  EXPECT_THAT(router.Add({.method = "GET",
                          .path = "/jobs/{job_id}",
                          .summary = "one job",
                          .tag = "Jobs",
                          .answers = {{200, "the job"}},
                          .handle = nothing}),
              IsOk());
  EXPECT_THAT(router.Add({.method = "DELETE",
                          .path = "/jobs/{job_id}",
                          .summary = "forget it",
                          .tag = "Jobs",
                          .handle = nothing}),
              IsOk());
  return router;
}

TEST(RouterTest, FindsRouteAndItsParameters) {
  const Router router = MakeRouter();
  const auto match = router.Find("DELETE", "/jobs/process_1/");
  ASSERT_NE(match.route, nullptr);
  EXPECT_EQ(match.route->summary, "forget it");
  EXPECT_THAT(match.parameters, ElementsAre(Pair("job_id", "process_1")));
  EXPECT_EQ(router.Find("HEAD", "/jobs").route->method, "GET");
}

TEST(RouterTest, TellsUnknownPathFromWrongMethod) {
  const Router router = MakeRouter();
  EXPECT_EQ(router.Find("GET", "/nothing").allow, "");
  const auto wrong = router.Find("PUT", "/jobs/1");
  EXPECT_EQ(wrong.route, nullptr);
  EXPECT_EQ(wrong.allow, "GET, HEAD, DELETE");
}

TEST(RouterTest, RefusesTheSameRouteTwice) {
  Router router = MakeRouter();
  EXPECT_THAT(router.Add({.method = "GET", .path = "/jobs", .summary = "", .tag = ""}),
              IsError(ErrorCode::kAlreadyExists, "GET /jobs"));
}

TEST(RouterTest, ANameBeatsAParameterAndOneThatEndsNowhereIsGoneBackFrom) {
  Router router;
  for (const char* path : {"/a/{x}", "/a/list", "/a/{y}/b", "/a/list/c"}) {
    ASSERT_THAT(router.Add({.method = "GET", .path = path, .summary = path, .tag = ""}), IsOk());
  }
  EXPECT_EQ(router.Find("GET", "/a/list").route->summary, "/a/list");
  EXPECT_EQ(router.Find("GET", "/a/1").route->summary, "/a/{x}");
  const auto back = router.Find("GET", "/a/list/b");
  EXPECT_EQ(back.route->summary, "/a/{y}/b");
  EXPECT_THAT(back.parameters, ElementsAre(Pair("y", "list")));
  EXPECT_EQ(router.Find("GET", "/a//").route, nullptr);
  EXPECT_EQ(router.Find("GET", std::string(10'000, '/')).route, nullptr);
}

TEST(CheckParametersTest, NamesWhatDoesNotFit) {
  const Route route{
      .method = "GET",
      .path = "/{id}",
      .summary = "",
      .tag = "",
      .parameters = {{.name = "limit",
                      .description = "",
                      .type = Parameter::Type::kInteger,
                      .minimum = 1,
                      .maximum = 10},
                     {.name = "day", .description = "", .type = Parameter::Type::kDay},
                     {.name = "rating", .description = "", .values = {"good", "bad"}},
                     {.name = "If-Match",
                      .description = "",
                      .place = Parameter::Place::kHeader,
                      .required = true}}};
  Request request;
  EXPECT_THAT(CheckParameters(route, request),
              IsError(ErrorCode::kInvalidArgument, "header is missing: If-Match"));
  request.headers = {{"if-match", "x"}};
  EXPECT_THAT(CheckParameters(route, request), IsOk());
  for (const auto& [name, value, message] :
       {std::tuple("limit", "0", "1 to 10"), std::tuple("limit", "1x", "whole number"),
        std::tuple("day", "2026-02-30", "day"), std::tuple("rating", "meh", "good, bad")}) {
    request.query = {{name, value}};
    EXPECT_THAT(CheckParameters(route, request), IsError(ErrorCode::kInvalidArgument, message))
        << name << " " << value;
  }
  request.query = {{"limit", "10"}, {"day", "2026-02-28"}, {"rating", "bad"}};
  EXPECT_THAT(CheckParameters(route, request), IsOk());
}

TEST(OpenApiTest, DescribesEveryRoute) {
  const auto document =
      nlohmann::json::parse(OpenApiDocument(MakeRouter(), "0.1.0"), nullptr, false);
  ASSERT_FALSE(document.is_discarded());
  EXPECT_EQ(document["openapi"], "3.1.0");
  EXPECT_EQ(document["paths"]["/jobs/{job_id}"]["delete"]["summary"], "forget it");
  EXPECT_EQ(document["paths"]["/jobs/{job_id}"]["get"]["parameters"][0]["name"], "job_id");
  EXPECT_EQ(document["paths"]["/jobs/{job_id}"]["get"]["responses"]["200"]["description"],
            "the job");
}

TEST(ProblemTest, SeedPathsKeepTheirShapeAndOthersGetProblemJson) {
  const Error missing{ErrorCode::kNotFound, "no such job: x"};
  const Response seed = ErrorResponse(missing, ErrorFormOfPath("/jobs/x"), "id1");
  EXPECT_EQ(seed.status, 404);
  EXPECT_EQ(seed.body, R"({"detail":"no such job: x"})");
  const Response ours = ErrorResponse(missing, ErrorFormOfPath("/v1/feeds/chat"), "id1");
  EXPECT_EQ(ours.content_type, "application/problem+json");
  const auto problem = nlohmann::json::parse(ours.body, nullptr, false);
  EXPECT_EQ(problem["status"], 404);
  EXPECT_EQ(problem["request_id"], "id1");
  EXPECT_EQ(problem["type"], "urn:datalake:error:not_found");
}

TEST(ProblemTest, InternalErrorsDoNotLeakTheirText) {
  const Response response =
      ErrorResponse({ErrorCode::kInternal, "secret detail"}, ErrorForm::kProblem, "id2");
  EXPECT_EQ(response.status, 500);
  EXPECT_EQ(response.body.find("secret"), std::string::npos);
}

}  // namespace
}  // namespace datalake::server
