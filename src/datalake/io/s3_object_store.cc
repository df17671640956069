#include "datalake/io/s3_object_store.h"

#include <curl/curl.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include <fmt/format.h>

#include "datalake/base/hash.h"

namespace datalake::io {
namespace {

constexpr std::size_t kMaxAnswerBytes = 4096;  // of an error's text

struct CurlDeleter {
  void operator()(CURL* curl) const { curl_easy_cleanup(curl); }

  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

using Curl = std::unique_ptr<CURL, CurlDeleter>;
using Headers = std::unique_ptr<curl_slist, CurlDeleter>;

// libcurl's own start, once for the program (curl_global_init(3)).
bool StartCurl() {
  static const bool is_started = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
  return is_started;
}

struct Body {
  std::string_view rest;
  std::string answer;
  std::stop_token stop;
};

extern "C" {

static std::size_t ReadBody(char* to, std::size_t size, std::size_t count, void* data) {
  auto& body = *static_cast<Body*>(data);
  const std::size_t bytes = std::min(size * count, body.rest.size());
  std::memcpy(to, body.rest.data(), bytes);
  body.rest.remove_prefix(bytes);
  return bytes;
}

static std::size_t KeepAnswer(char* from, std::size_t size, std::size_t count, void* data) {
  auto& body = *static_cast<Body*>(data);
  const std::size_t room = kMaxAnswerBytes - std::min(kMaxAnswerBytes, body.answer.size());
  body.answer.append(from, std::min(size * count, room));
  return size * count;
}

static int AskStop(void* data, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return static_cast<Body*>(data)->stop.stop_requested() ? 1 : 0;
}
}

// "<Code>NoSuchBucket</Code>" of an S3 error, or nothing.
std::string ErrorWord(std::string_view answer) {
  const std::size_t begin = answer.find("<Code>");
  const std::size_t end = answer.find("</Code>");
  return begin == std::string_view::npos || end == std::string_view::npos || end < begin
             ? std::string()
             : std::string(answer.substr(begin + 6, end - begin - 6));
}

class S3ObjectStore final : public ObjectStore {
 public:
  S3ObjectStore(std::string_view url, std::string base, const S3Options& options)
      : url_(url), base_(std::move(base)), options_(options) {}

  const std::string& url() const override { return url_; }

  Status Put(std::string_view key, std::string_view bytes, std::stop_token stop) override {
    return Send("PUT", key, bytes, std::move(stop));
  }

  Status Remove(std::string_view key, std::stop_token stop) override {
    return Send("DELETE", key, {}, std::move(stop));
  }

 private:
  Status Send(const char* method, std::string_view key, std::string_view bytes,
              std::stop_token stop) const;
  Result<Headers> MakeHeaders(std::string_view bytes) const;

  const std::string url_;
  const std::string base_;  // of every object's URL, with the slash
  const S3Options options_;
};

Result<Headers> S3ObjectStore::MakeHeaders(std::string_view bytes) const {
  Headers headers;
  const auto add = [&headers](const std::string& line) {
    curl_slist* longer = curl_slist_append(headers.get(), line.c_str());
    if (longer == nullptr) {
      return false;
    }
    static_cast<void>(headers.release());
    headers.reset(longer);
    return true;
  };
  if (!add("x-amz-content-sha256: " + Sha256Hex(bytes)) || !add("Expect:") ||
      !add("Content-Type: application/octet-stream") ||
      (!options_.session_token.empty() &&
       !add("x-amz-security-token: " + options_.session_token))) {
    return Error{ErrorCode::kResourceExhausted, "no memory for a request"};
  }
  return headers;
}

Status S3ObjectStore::Send(const char* method, std::string_view key, std::string_view bytes,
                           std::stop_token stop) const {
  DATALAKE_TRY(CheckObjectKey(key));
  const Curl curl(curl_easy_init());
  if (curl == nullptr) {
    return Error{ErrorCode::kResourceExhausted, "no memory for a request"};
  }
  DATALAKE_TRY_ASSIGN(const Headers headers, MakeHeaders(bytes));
  Body body{.rest = bytes, .answer = {}, .stop = std::move(stop)};
  const std::string url = base_ + std::string(key);
  const std::string signature = "aws:amz:" + options_.region + ":s3";
  const std::string user = options_.access_key + ":" + options_.secret_key;
  curl_easy_setopt(curl.get(), CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl.get(), CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl.get(), CURLOPT_AWS_SIGV4, signature.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_USERPWD, user.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(curl.get(), CURLOPT_CONNECTTIMEOUT_MS,
                   static_cast<long>(options_.connect_timeout.count()));
  curl_easy_setopt(curl.get(), CURLOPT_TIMEOUT_MS,
                   static_cast<long>(options_.request_timeout.count()));
  curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, &KeepAnswer);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEDATA, &body);
  curl_easy_setopt(curl.get(), CURLOPT_XFERINFOFUNCTION, &AskStop);
  curl_easy_setopt(curl.get(), CURLOPT_XFERINFODATA, &body);
  curl_easy_setopt(curl.get(), CURLOPT_NOPROGRESS, 0L);
  if (std::string_view(method) == "PUT") {
    curl_easy_setopt(curl.get(), CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(curl.get(), CURLOPT_READFUNCTION, &ReadBody);
    curl_easy_setopt(curl.get(), CURLOPT_READDATA, &body);
    curl_easy_setopt(curl.get(), CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(bytes.size()));
  } else {
    curl_easy_setopt(curl.get(), CURLOPT_CUSTOMREQUEST, method);
  }
  const CURLcode sent = curl_easy_perform(curl.get());
  if (sent == CURLE_ABORTED_BY_CALLBACK) {
    return Error{ErrorCode::kCancelled, "the copy was cancelled"};
  }
  if (sent != CURLE_OK) {
    return Error{ErrorCode::kUnavailable,
                 fmt::format("cannot reach the bucket: {}: {}", url_, curl_easy_strerror(sent))};
  }
  long status = 0;
  curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &status);
  if (status >= 200 && status < 300) {
    return {};
  }
  const std::string word = ErrorWord(body.answer);
  const ErrorCode code = status == 403 || status == 401 ? ErrorCode::kPermissionDenied
                         : status == 404                ? ErrorCode::kNotFound
                         : status == 400                ? ErrorCode::kInvalidArgument
                                                        : ErrorCode::kUnavailable;
  return Error{code, fmt::format("the bucket refused a {}: {}: {} {}", method, url_, status, word)};
}

}  // namespace

Result<std::unique_ptr<ObjectStore>> OpenS3ObjectStore(std::string_view url,
                                                       const S3Options& options) {
  const std::string_view place = url.substr(std::string_view("s3://").size());
  const std::size_t slash = std::min(place.find('/'), place.size());
  const std::string_view bucket = place.substr(0, slash);
  std::string_view prefix = place.substr(std::min(slash + 1, place.size()));
  while (prefix.ends_with('/')) {
    prefix.remove_suffix(1);
  }
  DATALAKE_TRY(CheckObjectKey(bucket));
  DATALAKE_TRY(prefix.empty() ? Status() : CheckObjectKey(prefix));
  if (options.access_key.empty() || options.secret_key.empty()) {
    return Error{ErrorCode::kPermissionDenied,
                 fmt::format("no credentials for {}; set AWS_ACCESS_KEY_ID and "
                             "AWS_SECRET_ACCESS_KEY, or a profile in ~/.aws/credentials",
                             url)};
  }
  if (!StartCurl()) {
    return Error{ErrorCode::kInternal, "libcurl does not start"};
  }
  S3Options complete = options;
  complete.region = options.region.empty() ? "us-east-1" : options.region;
  std::string endpoint = options.endpoint;
  while (endpoint.ends_with('/')) {
    endpoint.pop_back();
  }
  std::string base = endpoint.empty()
                         ? fmt::format("https://{}.s3.{}.amazonaws.com/", bucket, complete.region)
                         : fmt::format("{}/{}/", endpoint, bucket);
  base += prefix.empty() ? std::string() : std::string(prefix) + "/";
  return std::make_unique<S3ObjectStore>(url, std::move(base), complete);
}

}  // namespace datalake::io
