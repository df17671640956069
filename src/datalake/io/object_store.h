#pragma once

#include <chrono>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

#include "datalake/base/result.h"

namespace datalake::io {

class FileSystem;

/// How an S3 bucket is reached.
struct S3Options {
  std::string endpoint = {};  ///< "http://127.0.0.1:9000"; empty: Amazon's of the region
  std::string region = {};    ///< empty: us-east-1
  std::string access_key = {};
  std::string secret_key = {};
  std::string session_token = {};
  std::chrono::milliseconds connect_timeout{5'000};
  std::chrono::milliseconds request_timeout{60'000};

  /// As the AWS tools find them: AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL, AWS_REGION,
  /// AWS_DEFAULT_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN; without keys
  /// there, the profile AWS_PROFILE (else "default") of AWS_SHARED_CREDENTIALS_FILE (else
  /// ~/.aws/credentials). Not thread-safe beside a change of the environment.
  static S3Options FromEnvironment(FileSystem& fs);
};

/// A place outside the lake that takes whole objects by key: another file system, or an S3 bucket.
/// Thread-safe.
class ObjectStore {
 public:
  virtual ~ObjectStore() = default;

  /// What it is, for messages: "s3://bucket/prefix", "/mnt/copy". Holds no secret.
  virtual const std::string& url() const = 0;

  /// Puts an object in the place of what has that key; whole or not at all, durable when it
  /// returns. `key`: names with '/' between them. Errors: kUnavailable (worth another try),
  /// kPermissionDenied, kNotFound (no such bucket), kInvalidArgument (key), kResourceExhausted,
  /// kIo, kCancelled.
  virtual Status Put(std::string_view key, std::string_view bytes, std::stop_token stop) = 0;

  /// Removes an object; none of that key is fine. Errors: as Put.
  virtual Status Remove(std::string_view key, std::stop_token stop) = 0;
};

/// "s3://bucket" or "s3://bucket/prefix", else a folder of `fs`, made when needed; `fs` must
/// outlive it. Nothing is sent yet. Errors: kInvalidArgument (url), kPermissionDenied (no
/// credentials), kIo.
Result<std::unique_ptr<ObjectStore>> OpenObjectStore(FileSystem& fs, std::string_view url,
                                                     const S3Options& options);

/// Checks a key: no empty part, no "." or "..", letters, digits and "-_.=" alone in each part.
/// Errors: kInvalidArgument.
Status CheckObjectKey(std::string_view key);

}  // namespace datalake::io
