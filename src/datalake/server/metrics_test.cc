#include "datalake/server/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datalake/testing/matchers.h"

namespace datalake::server {
namespace {

using datalake::testing::IsOk;
using ::testing::HasSubstr;

class MetricsTest : public ::testing::Test {
 protected:
  MetricsTest() {
    EXPECT_THAT(router_.Add({.method = "GET", .path = "/a/{b}", .summary = "", .tag = ""}), IsOk());
  }

  void Count(std::size_t shard, int status, std::int64_t nanos, bool routed = true) {
    metrics_->OnRequest({.shard = shard,
                         .route = routed ? &router_.routes()[0] : nullptr,
                         .method = "GET",
                         .request_id = "id",
                         .peer = "127.0.0.1",
                         .status = status,
                         .bytes_in = 10,
                         .bytes_out = 20,
                         .nanos = nanos});
  }

  Router router_;
  std::unique_ptr<Metrics> metrics_;
};

TEST_F(MetricsTest, SumsTheThreadsByRouteAndStatus) {
  metrics_ = std::make_unique<Metrics>(router_, 2);
  Count(0, 200, 1'500'000);
  Count(1, 204, 2'000'000'000);
  Count(1, 404, 1000, false);
  const std::string page = metrics_->Render();
  EXPECT_THAT(page, HasSubstr("# TYPE datalake_http_requests_total counter\n"));
  EXPECT_THAT(
      page,
      HasSubstr(
          "datalake_http_requests_total{method=\"GET\",route=\"/a/{b}\",status=\"2xx\"} 2\n"));
  EXPECT_THAT(page, HasSubstr("{method=\"\",route=\"none\",status=\"4xx\"} 1\n"));
  EXPECT_THAT(page, HasSubstr("datalake_http_request_bytes_total 30\n"));
  EXPECT_THAT(page, HasSubstr("_bucket{method=\"GET\",route=\"/a/{b}\",le=\"0.0025\"} 1\n"));
  EXPECT_THAT(page, HasSubstr("_bucket{method=\"GET\",route=\"/a/{b}\",le=\"+Inf\"} 2\n"));
  EXPECT_THAT(page, HasSubstr("_count{method=\"GET\",route=\"/a/{b}\"} 2\n"));
}

TEST_F(MetricsTest, HasWhatItsSourcesSay) {
  metrics_ = std::make_unique<Metrics>(router_, 1);
  metrics_->AddSource([](MetricsWriter& writer) {
    writer.Begin("x", "gauge", "An x.");
    writer.Value(1.5, MetricsWriter::Label("of", "a\"b\\c\nd"));
  });
  metrics_->AddSource(&WriteProcessMetrics);
  const std::string page = metrics_->Render();
  EXPECT_THAT(page, HasSubstr("# HELP x An x.\n# TYPE x gauge\nx{of=\"a\\\"b\\\\c\\nd\"} 1.5\n"));
  EXPECT_THAT(page, HasSubstr("process_resident_memory_bytes "));
}

}  // namespace
}  // namespace datalake::server
