#include "datalake/io/object_store.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include <fmt/format.h>

#include "datalake/io/atomic_file.h"
#include "datalake/io/file_system.h"
#include "datalake/io/path.h"
#include "datalake/io/s3_object_store.h"

namespace datalake::io {
namespace {

constexpr std::string_view kS3 = "s3://";
constexpr std::uint64_t kMaxCredentialsBytes = 1 << 20;

bool IsKeyChar(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_' || c == '.' || c == '=';
}

// A folder as a store.
class FolderObjectStore final : public ObjectStore {
 public:
  FolderObjectStore(FileSystem& fs, std::string_view folder) : fs_(fs), folder_(folder) {}

  const std::string& url() const override { return folder_; }

  Status Put(std::string_view key, std::string_view bytes, std::stop_token) override {
    DATALAKE_TRY(CheckObjectKey(key));
    const std::string path = JoinPath(folder_, key);
    DATALAKE_TRY(fs_.MakeDirectories(ParentPath(path)));
    return ReplaceFile(fs_, path, bytes);
  }

  Status Remove(std::string_view key, std::stop_token) override {
    DATALAKE_TRY(CheckObjectKey(key));
    const std::string path = JoinPath(folder_, key);
    const Status removed = fs_.Remove(path);
    if (!removed) {
      return removed.error().code == ErrorCode::kNotFound ? Status() : removed;
    }
    return fs_.SyncDirectory(ParentPath(path));
  }

 private:
  FileSystem& fs_;
  const std::string folder_;
};

std::string Variable(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): at the start alone
  return value == nullptr ? "" : value;
}

std::string_view Trim(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t\r");
  return begin == std::string_view::npos
             ? std::string_view()
             : text.substr(begin, text.find_last_not_of(" \t\r") + 1 - begin);
}

// The keys of one profile of an INI file.
void ReadProfile(std::string_view text, std::string_view profile, S3Options& options) {
  bool is_ours = false;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = Trim(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.starts_with('[') && line.ends_with(']')) {
      is_ours = Trim(line.substr(1, line.size() - 2)) == profile;
      continue;
    }
    const std::size_t equals = line.find('=');
    if (!is_ours || equals == std::string_view::npos || line.starts_with('#')) {
      continue;
    }
    const std::string_view key = Trim(line.substr(0, equals));
    const std::string value(Trim(line.substr(equals + 1)));
    if (key == "aws_access_key_id") {
      options.access_key = value;
    } else if (key == "aws_secret_access_key") {
      options.secret_key = value;
    } else if (key == "aws_session_token") {
      options.session_token = value;
    } else if (key == "region" && options.region.empty()) {
      options.region = value;
    }
  }
}

}  // namespace

Status CheckObjectKey(std::string_view key) {
  std::string_view rest = key;
  while (true) {
    const std::size_t end = std::min(rest.find('/'), rest.size());
    const std::string_view part = rest.substr(0, end);
    if (part.empty() || part == "." || part == ".." ||
        !std::all_of(part.begin(), part.end(), IsKeyChar)) {
      return Error{ErrorCode::kInvalidArgument, fmt::format("bad key of an object: {}", key)};
    }
    if (end == rest.size()) {
      return {};
    }
    rest.remove_prefix(end + 1);
  }
}

S3Options S3Options::FromEnvironment(FileSystem& fs) {
  const auto first_of = [](const char* name, const char* other) {
    std::string value = Variable(name);
    return value.empty() ? Variable(other) : value;
  };
  S3Options options{.endpoint = first_of("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"),
                    .region = first_of("AWS_REGION", "AWS_DEFAULT_REGION"),
                    .access_key = Variable("AWS_ACCESS_KEY_ID"),
                    .secret_key = Variable("AWS_SECRET_ACCESS_KEY"),
                    .session_token = Variable("AWS_SESSION_TOKEN")};
  if (!options.access_key.empty() && !options.secret_key.empty()) {
    return options;
  }
  std::string path = Variable("AWS_SHARED_CREDENTIALS_FILE");
  if (path.empty() && !Variable("HOME").empty()) {
    path = JoinPath(Variable("HOME"), ".aws/credentials");
  }
  const std::string profile = Variable("AWS_PROFILE");
  if (const auto text = ReadFile(fs, path, kMaxCredentialsBytes)) {
    ReadProfile(*text, profile.empty() ? "default" : profile, options);
  }
  return options;
}

Result<std::unique_ptr<ObjectStore>> OpenObjectStore(FileSystem& fs, std::string_view url,
                                                     const S3Options& options) {
  if (url.starts_with(kS3)) {
    return OpenS3ObjectStore(url, options);
  }
  if (url.empty() || url.find("://") != std::string_view::npos) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("copies go to a folder or to s3://bucket/prefix: {}", url)};
  }
  DATALAKE_TRY(fs.MakeDirectories(url));
  return std::make_unique<FolderObjectStore>(fs, url);
}

}  // namespace datalake::io
