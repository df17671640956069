#include "datalake/json/jq_home.h"

#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>

#include <fmt/format.h>

namespace datalake::json {
namespace {

constexpr std::size_t kMaxBytes = std::size_t{1} << 20;
constexpr std::string_view kRemedy = "run it with HOME naming another folder";

struct Close {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

Error Refuse(std::string_view reason, const std::string& path, std::string_view name) {
  return Error{ErrorCode::kInvalidArgument,
               fmt::format("bad jq program: {}; {}: {}{}{}", reason, kRemedy, path,
                           name.empty() ? "" : ": ", name)};
}

}  // namespace

Status CheckJqHome(const JqNames& names, std::string_view home) {
  if (home.empty()) {
    return {};
  }
  const std::string path = fmt::format("{}/.jq", home);
  const std::unique_ptr<std::FILE, Close> file(std::fopen(path.c_str(), "rbe"));
  if (file == nullptr) {
    return {};
  }
  std::string text(kMaxBytes + 1, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), file.get()));
  if (std::ferror(file.get()) != 0 || text.size() > kMaxBytes) {
    return Refuse("libjq would read definitions that cannot be checked", path, {});
  }
  const JqNames own = FindJqNames(text);
  for (const std::string_view word : own.words) {
    if (word == "include" || word == "import") {
      return Refuse("libjq would read definitions of other files", path, {});
    }
  }
  for (const std::string_view word : names.words) {
    if (std::find(own.defined.begin(), own.defined.end(), word) != own.defined.end() &&
        std::find(names.defined.begin(), names.defined.end(), word) == names.defined.end()) {
      return Refuse("it uses a function that a file of this machine defines", path, word);
    }
  }
  return {};
}

}  // namespace datalake::json
