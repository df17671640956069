#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "datalake/base/mutex.h"
#include "datalake/server/http.h"

namespace datalake::server {

/// One event of a stream of server-sent events.
struct Event {
  std::string topic;  ///< the event's name, such as "job"; no line breaks
  std::string data;   ///< JSON on one line
};

/// Server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html) to any
/// number of clients. The newest events are kept, so that a client that comes back with
/// Last-Event-ID misses none of them; one that is too slow, or comes too late, gets an event
/// "missed" and goes on with what is kept. Thread-safe.
class EventStream {
 public:
  /// `kept` events are remembered.
  explicit EventStream(std::size_t kept = 1024);
  ~EventStream();
  EventStream(const EventStream&) = delete;
  EventStream& operator=(const EventStream&) = delete;

  /// Queues an event for all clients; never waits on one of them.
  void Publish(Event event);

  /// The answer to a GET: text/event-stream without an end. `last_event_id`: of the header or query
  /// of that name; empty: only what comes from now on. `topic`: only those; empty: all. The answer
  /// may outlive the stream. Sends a comment every 15 s, so that dead connections are noticed.
  Response Subscribe(std::string_view last_event_id, std::string_view topic);

  /// Ends all answers; later ones end at once.
  void Close();

  /// Clients now.
  std::size_t clients() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace datalake::server
