#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include "datalake/server/http.h"

namespace datalake::server {

/// Reads one request out of bytes as they come (RFC 9112, by Beast's parser): first the header,
/// then, once AllowBody was called, the body. Single-threaded; the fuzzer of
/// fuzz/http_request_fuzz.cc reads through it too.
class RequestReader {
 public:
  enum class State : std::uint8_t {
    kNeedMore,  ///< all bytes are used, the request is not complete
    kHeader,    ///< the header is complete; AllowBody and Read again
    kDone,      ///< the body too
    kFailed,    ///< see error()
  };

  explicit RequestReader(std::uint32_t max_header_bytes);

  /// Takes bytes from the front of `buffer`, none of the next request.
  State Read(boost::beast::flat_buffer& buffer);

  /// Lets the body be read, up to `max_bytes` of it.
  void AllowBody(std::uint64_t max_bytes);

  /// Content-Length, where there is one.
  std::optional<std::uint64_t> content_length() const;

  /// The most bytes that the body may take: Content-Length, `limit` for a chunked one, else 0.
  std::uint64_t BodyBound(std::uint64_t limit) const;

  bool has_body() const;

  /// Bytes of the body that were read so far.
  std::uint64_t body_bytes() const { return parser_.get().body().size(); }

  bool keep_alive() const { return parser_.get().keep_alive(); }

  bool http_1_0() const { return parser_.get().version() < 11; }

  bool expects_continue() const;

  /// The target as it was sent; empty while the header is not complete.
  std::string_view target() const;

  /// The header as a request; may be called once it is complete. Errors: kInvalidArgument (no or
  /// several Host headers, RFC 9112 §3.2).
  Result<Request> TakeHeader();

  /// The body, once it is complete.
  std::string TakeBody() { return std::move(parser_.get().body()); }

  const boost::system::error_code& error() const { return error_; }

 private:
  boost::beast::http::request_parser<boost::beast::http::string_body> parser_;
  boost::system::error_code error_;
  bool header_seen_ = false;
};

/// What an answer's head is written with.
struct HeadOptions {
  std::string_view request_id;
  std::string_view date;                          ///< IMF-fixdate of RFC 9110 §5.6.7
  std::optional<std::uint64_t> content_length{};  ///< nothing: chunked, or until the end
  bool http_1_0 = false;
  bool keep_alive = true;
};

/// Appends status line and headers of `response`, with the empty line. A header value with a line
/// break in it is left out: nothing from outside can add headers.
void AppendHead(std::string& out, const Response& response, const HeadOptions& options);

/// "Sun, 06 Nov 1994 08:49:37 GMT".
std::string HttpDate(std::int64_t epoch_seconds);

/// The answer to bytes that are no request; nothing when the connection is simply over.
std::optional<Response> ReadErrorResponse(const RequestReader& reader, std::string_view request_id);

}  // namespace datalake::server
