// datalake serve: the server as a command of the one program.
#include "datalake/server/serve.h"

#include <fmt/format.h>

#include "apps/datalake/commands/commands.h"

namespace datalake::apps {
namespace {

constexpr std::int64_t kMaxPort = 65535;

class ServeCommand final : public Command {
 public:
  std::string_view Name() const override { return "serve"; }

  std::string_view Summary() const override {
    return "Serves the lake over HTTP: contributions, processing, jobs";
  }

  std::string_view Example() const override { return "datalake --lake mylake serve --port 8091"; }

  void Declare(OptionSet& options) override {
    options.Integer("--port", port_, "port (0: a free one)");
    options.String("--bind", bind_, "address to listen on; others than loopback: datalake-server");
    options.Flag("--create", create_, "make the lake when there is none");
  }

  Result<int> Run(Context& context) override {
    if (port_ < 0 || port_ > kMaxPort) {
      return Error{ErrorCode::kInvalidArgument, fmt::format("not a port: --port {}", port_)};
    }
    DATALAKE_TRY_ASSIGN(const std::string lake, context.LakePath());
    server::ServeOptions options{.lake_path = lake,
                                 .create_lake = create_,
                                 .http = {.bind = bind_,
                                          .port = static_cast<std::uint16_t>(port_),
                                          .io_threads = context.Threads()},
                                 .version = DATALAKE_VERSION};
    DATALAKE_TRY(server::Serve(
        context.fs, context.clock, context.random, options,
        [&context](const std::string& address) {
          static_cast<void>(context.Print(fmt::format("datalake-server ready at {}", address)));
          std::fflush(stdout);
        },
        context.stop));
    return 0;
  }

 private:
  std::int64_t port_ = 8091;
  std::string bind_ = "127.0.0.1";
  bool create_ = false;
};

}  // namespace

std::unique_ptr<Command> MakeServeCommand() {
  return std::make_unique<ServeCommand>();
}

}  // namespace datalake::apps
