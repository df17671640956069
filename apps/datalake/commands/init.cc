// datalake init: makes a lake.
#include <filesystem>
#include <system_error>

#include <fmt/format.h>

#include "datalake/json/writer.h"
#include "datalake/lake/lake.h"

#include "apps/datalake/commands/commands.h"

namespace datalake::apps {
namespace {

class InitCommand final : public Command {
 public:
  std::string_view Name() const override { return "init"; }

  std::string_view Summary() const override { return "Makes a lake in an empty or new folder"; }

  std::string_view Example() const override { return "datalake init mylake"; }

  void Declare(OptionSet& options) override {
    options.Argument("path", path_, "folder of the lake", /*required=*/false);
  }

  Result<int> Run(Context& context) override {
    const std::string& chosen = path_.empty() ? context.options.lake : path_;
    if (chosen.empty()) {
      return Error{ErrorCode::kInvalidArgument, "init needs a folder: datalake init PATH"};
    }
    std::error_code error;
    const std::filesystem::path absolute = std::filesystem::absolute(chosen, error);
    const std::string root = error ? chosen : absolute.lexically_normal().string();
    DATALAKE_TRY_ASSIGN(const lake::InitResult result,
                        lake::InitLake(context.fs, context.clock, context.random, root));
    if (context.options.json) {
      std::string line;
      json::Writer writer(line);
      writer.BeginObject();
      writer.Key("lake");
      writer.String(root);
      writer.Key("id");
      writer.String(result.info.id);
      writer.Key("created");
      writer.Bool(result.created);
      writer.EndObject();
      DATALAKE_TRY(context.Print(line));
    } else {
      const std::string_view what =
          result.created ? "made a lake" : "a lake is here already, nothing changed";
      DATALAKE_TRY(context.Print(fmt::format("{}: {}", what, root)));
    }
    return 0;
  }

 private:
  std::string path_;
};

}  // namespace

std::unique_ptr<Command> MakeInitCommand() {
  return std::make_unique<InitCommand>();
}

}  // namespace datalake::apps
