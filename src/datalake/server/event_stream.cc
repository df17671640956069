// A ring of numbered events and one thread that hands new ones to the clients that wait: whoever
// publishes only appends to the ring.
#include "datalake/server/event_stream.h"

#include <charconv>
#include <deque>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "datalake/base/mutex.h"

namespace datalake::server {
namespace {

constexpr std::chrono::seconds kHeartbeat{15};
constexpr std::size_t kMaxPieceEvents = 256;

struct Numbered {
  std::uint64_t id;
  Event event;
};

void AppendEvent(std::string& out, std::string_view topic, std::uint64_t id,
                 std::string_view data) {
  fmt::format_to(std::back_inserter(out), "id: {}\nevent: {}\ndata: {}\n\n", id, topic, data);
}

}  // namespace

struct EventStream::State {
  // A client: where it is in the ring, and whom to tell when there is more.
  struct Client {
    std::uint64_t next;
    std::string topic;
    PieceDone waiting{};
    bool ended = false;
    bool greeted = false;
  };

  explicit State(std::size_t the_kept) : kept(the_kept) {}

  // What `client` has not seen yet, as text; empty when there is nothing.
  std::string Take(Client& client) DATALAKE_REQUIRES(mutex) {
    std::string text;
    if (!client.greeted) {
      client.greeted = true;
      text = "retry: 2000\n\n";
    }
    const std::uint64_t oldest = ring.empty() ? next_id : ring.front().id;
    if (client.next < oldest) {
      AppendEvent(text, "missed", oldest - 1,
                  fmt::format(R"({{"events":{}}})", oldest - client.next));
      client.next = oldest;
    }
    for (std::size_t taken = 0; client.next < next_id && taken < kMaxPieceEvents; ++client.next) {
      const Numbered& one = ring[client.next - oldest];
      if (client.topic.empty() || client.topic == one.event.topic) {
        AppendEvent(text, one.event.topic, one.id, one.event.data);
        ++taken;
      }
    }
    return text;
  }

  void Deliver(const std::stop_token& stop);

  const std::size_t kept;
  mutable Mutex mutex;
  CondVar changed;
  std::deque<Numbered> ring DATALAKE_GUARDED_BY(mutex);
  std::uint64_t next_id DATALAKE_GUARDED_BY(mutex) = 1;
  std::vector<std::shared_ptr<Client>> clients DATALAKE_GUARDED_BY(mutex);
  bool closed DATALAKE_GUARDED_BY(mutex) = false;
  bool news DATALAKE_GUARDED_BY(mutex) = false;
  std::jthread thread;
};

namespace {

// The thread that serves clients that wait.
struct Delivery {
  PieceDone done;
  std::string text;
};

}  // namespace

void EventStream::State::Deliver(const std::stop_token& stop) {
  bool more = true;
  while (more) {
    std::vector<Delivery> deliveries;
    {
      const MutexLock lock(mutex);
      const bool woken = changed.WaitFor(mutex, stop, kHeartbeat, [this] { return news; });
      news = false;
      more = !stop.stop_requested() && !closed;
      for (const auto& client : clients) {
        if (!client->waiting) {
          continue;
        }
        std::string text = client->ended || !more ? std::string() : Take(*client);
        if (text.empty() && more && !client->ended) {
          if (woken) {
            continue;  // nothing of its topic
          }
          text = ":\n\n";
        }
        deliveries.push_back({std::exchange(client->waiting, nullptr), std::move(text)});
      }
    }
    for (Delivery& delivery : deliveries) {
      delivery.done(std::move(delivery.text));
    }
  }
}

namespace {

template <typename State>
class ClientSource final : public BodySource {
 public:
  using Client = typename State::Client;

  ClientSource(std::shared_ptr<State> state, std::shared_ptr<Client> client)
      : state_(std::move(state)), client_(std::move(client)) {}

  ~ClientSource() override {
    const MutexLock lock(state_->mutex);
    std::erase(state_->clients, client_);
  }

  bool inline_pull() const override { return true; }

  void Next(PieceDone done) override {
    std::string text;
    {
      const MutexLock lock(state_->mutex);
      if (!state_->closed && !client_->ended) {
        text = state_->Take(*client_);
        if (text.empty()) {
          client_->waiting = std::move(done);
          return;
        }
      }
    }
    done(std::move(text));
  }

  void Drain() override {
    const MutexLock lock(state_->mutex);
    client_->ended = true;
    state_->news = true;
    state_->changed.NotifyAll();
  }

 private:
  const std::shared_ptr<State> state_;
  const std::shared_ptr<Client> client_;
};

}  // namespace

EventStream::EventStream(std::size_t kept) : state_(std::make_shared<State>(kept)) {
  state_->thread =
      std::jthread([state = state_.get()](const std::stop_token& stop) { state->Deliver(stop); });
}

EventStream::~EventStream() {
  Close();
  state_->thread.request_stop();
  state_->thread.join();
}

void EventStream::Publish(Event event) {
  const MutexLock lock(state_->mutex);
  if (state_->ring.size() == state_->kept) {
    state_->ring.pop_front();
  }
  state_->ring.push_back({state_->next_id++, std::move(event)});
  state_->news = true;
  state_->changed.NotifyAll();
}

Response EventStream::Subscribe(std::string_view last_event_id, std::string_view topic) {
  auto client = std::make_shared<State::Client>();
  client->topic = topic;
  {
    const MutexLock lock(state_->mutex);
    std::uint64_t last = 0;
    const auto [end, error] =
        std::from_chars(last_event_id.data(), last_event_id.data() + last_event_id.size(), last);
    // An id of before a restart of the server may be ahead of ours: such a client starts afresh.
    const bool known = error == std::errc() && last > 0 && last < state_->next_id;
    client->next = known ? last + 1 : state_->next_id;
    state_->clients.push_back(client);
  }
  return {.content_type = "text/event-stream",
          .stream = std::make_shared<ClientSource<State>>(state_, std::move(client))};
}

void EventStream::Close() {
  const MutexLock lock(state_->mutex);
  state_->closed = true;
  state_->news = true;
  state_->changed.NotifyAll();
}

std::size_t EventStream::clients() const {
  const MutexLock lock(state_->mutex);
  return state_->clients.size();
}

}  // namespace datalake::server
