#include "datalake/server/gate.h"

#include "datalake/server/target.h"

namespace datalake::server {
namespace {

class LoopbackGate final : public Gate {
 public:
  Admission Admit(Request& request, const Route*, CallerMemory&) override {
    const ErrorForm form = ErrorFormOfPath(request.path);
    if (!IsLoopbackHost(request.Header("host"))) {
      return {.refusal = StatusResponse(403, "this server answers only to a loopback Host", form,
                                        request.request_id)};
    }
    const std::string_view origin = request.Header("origin");
    const bool reads = request.method == "GET" || request.method == "HEAD";
    if (!reads && !origin.empty() && !IsLoopbackOrigin(origin)) {
      return {.refusal = StatusResponse(403, "writes from a foreign Origin are refused", form,
                                        request.request_id)};
    }
    return {.caller = everybody_};
  }

  Admission AdmitSlowly(Request& request, const Route* route, CallerMemory& memory) override {
    return Admit(request, route, memory);
  }

  void AddHeaders(const Request&, Response&) const override {}

 private:
  const std::shared_ptr<const Caller> everybody_ =
      std::make_shared<const Caller>(Caller{.roles = {Role::kAdmin}});
};

}  // namespace

std::unique_ptr<Gate> MakeLoopbackGate() {
  return std::make_unique<LoopbackGate>();
}

}  // namespace datalake::server
