#include "datalake/server/event_stream.h"

#include <future>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datalake/testing/matchers.h"

namespace datalake::server {
namespace {

using datalake::testing::IsOkAndHolds;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

// The next piece, waited for.
Result<std::string> Next(const Response& response) {
  std::promise<Result<std::string>> promise;
  response.stream->Next([&promise](Result<std::string> piece) { promise.set_value(piece); });
  return promise.get_future().get();
}

TEST(EventStreamTest, SendsEventsInOrderToEveryClient) {
  EventStream events;
  const Response first = events.Subscribe("", "");
  const Response second = events.Subscribe("", "");
  EXPECT_EQ(first.content_type, "text/event-stream");
  EXPECT_THAT(Next(first), IsOkAndHolds("retry: 2000\n\n"));
  events.Publish({"job", "{\"a\":1}"});
  EXPECT_THAT(Next(first), IsOkAndHolds("id: 1\nevent: job\ndata: {\"a\":1}\n\n"));
  EXPECT_THAT(Next(second), IsOkAndHolds(HasSubstr("data: {\"a\":1}")));
}

TEST(EventStreamTest, WakesAClientThatWaits) {
  EventStream events;
  const Response client = events.Subscribe("", "");
  static_cast<void>(Next(client));
  auto waiting = std::async(std::launch::async, [&] { return Next(client); });
  events.Publish({"job", "1"});
  EXPECT_THAT(waiting.get(), IsOkAndHolds(HasSubstr("data: 1")));
}

TEST(EventStreamTest, AClientThatComesBackMissesNothing) {
  EventStream events;
  for (const char* data : {"1", "2", "3"}) {
    events.Publish({"job", data});
  }
  const auto piece = Next(events.Subscribe("1", ""));
  EXPECT_THAT(piece, IsOkAndHolds(HasSubstr("data: 2")));
  EXPECT_THAT(piece, IsOkAndHolds(HasSubstr("data: 3")));
  EXPECT_THAT(piece, IsOkAndHolds(Not(HasSubstr("data: 1"))));
  EXPECT_THAT(Next(events.Subscribe("99", "")), IsOkAndHolds("retry: 2000\n\n"));
}

TEST(EventStreamTest, TellsHowManyEventsAreGone) {
  EventStream events(2);
  for (const char* data : {"1", "2", "3", "4"}) {
    events.Publish({"job", data});
  }
  const auto piece = Next(events.Subscribe("1", ""));
  EXPECT_THAT(piece, IsOkAndHolds(HasSubstr("event: missed\ndata: {\"events\":1}")));
  EXPECT_THAT(piece, IsOkAndHolds(HasSubstr("data: 4")));
}

TEST(EventStreamTest, KeepsOtherTopicsOut) {
  EventStream events;
  const Response client = events.Subscribe("", "job");
  events.Publish({"feed", "1"});
  events.Publish({"job", "2"});
  EXPECT_THAT(Next(client), IsOkAndHolds(Not(HasSubstr("data: 1"))));
}

TEST(EventStreamTest, CloseAndDrainEndTheBody) {
  EventStream events;
  const Response drained = events.Subscribe("", "");
  static_cast<void>(Next(drained));
  auto waiting = std::async(std::launch::async, [&] { return Next(drained); });
  drained.stream->Drain();
  EXPECT_THAT(waiting.get(), IsOkAndHolds(IsEmpty()));
  const Response other = events.Subscribe("", "");
  events.Close();
  EXPECT_THAT(Next(other), IsOkAndHolds(IsEmpty()));
}

TEST(EventStreamTest, AClientThatLeftIsForgotten) {
  EventStream events;
  {
    const Response client = events.Subscribe("", "");
    EXPECT_EQ(events.clients(), 1U);
  }
  EXPECT_EQ(events.clients(), 0U);
}

}  // namespace
}  // namespace datalake::server
