#include "datalake/server/file_response.h"

#include <algorithm>
#include <charconv>
#include <span>
#include <utility>

#include <fmt/format.h>

#include "datalake/io/file_system.h"
#include "datalake/server/problem.h"
#include "datalake/server/router.h"

namespace datalake::server {
namespace {

constexpr std::uint64_t kPieceBytes = 256U << 10;

// A part of a file, piece by piece.
class RangeSource final : public BodySource {
 public:
  RangeSource(std::shared_ptr<const io::RandomAccessFile> file, ByteRange range)
      : file_(std::move(file)), next_(range.first), left_(range.size), total_(range.size) {}

  std::optional<std::uint64_t> size_bytes() const override { return total_; }

  void Next(PieceDone done) override {
    std::string piece(std::min(left_, kPieceBytes), '\0');
    const auto got = piece.empty()
                         ? Result<std::size_t>(0)
                         : file_->ReadAt(next_, std::as_writable_bytes(std::span<char>(piece)));
    if (!got) {
      done(got.error());
      return;
    }
    if (*got != piece.size()) {
      done(Error{ErrorCode::kCorruption, "a file became shorter while it was sent"});
      return;
    }
    next_ += piece.size();
    left_ -= piece.size();
    done(std::move(piece));
  }

 private:
  const std::shared_ptr<const io::RandomAccessFile> file_;
  std::uint64_t next_;
  std::uint64_t left_;
  const std::uint64_t total_;
};

std::optional<std::uint64_t> ParseNumber(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) {
    return std::nullopt;
  }
  return number;
}

std::string_view Trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  return first == std::string_view::npos
             ? std::string_view()
             : text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

std::string_view WithoutWeak(std::string_view etag) {
  return etag.starts_with("W/") ? etag.substr(2) : etag;
}

// RFC 6266 §4.1 with a token's letters only; names of the lake have no others.
std::string Disposition(std::string_view name) {
  std::string safe;
  for (const char c : name) {
    const bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                       c == '.' || c == '-' || c == '_';
    safe.push_back(plain ? c : '_');
  }
  return fmt::format("attachment; filename=\"{}\"", safe);
}

// Status, headers and range of an answer; the body is still to be added unless it is final.
struct Plan {
  Response response{};
  ByteRange range{};
  bool final = false;
};

Plan PlanAnswer(const Request& request, std::uint64_t total, const FileFacts& facts) {
  Plan plan{.range = {.first = 0, .size = total}};
  plan.response.content_type = facts.content_type;
  auto& headers = plan.response.headers;
  headers.emplace_back("Accept-Ranges", "bytes");
  if (!facts.etag.empty()) {
    headers.emplace_back("ETag", facts.etag);
  }
  if (!facts.cache_control.empty()) {
    headers.emplace_back("Cache-Control", facts.cache_control);
  }
  if (!facts.download_name.empty()) {
    headers.emplace_back("Content-Disposition", Disposition(facts.download_name));
  }
  if (!facts.etag.empty() && MatchesEtag(request.Header("if-none-match"), facts.etag)) {
    plan.response.status = 304;
    plan.final = true;
    return plan;
  }
  const std::string_view if_range = request.Header("if-range");
  if (!if_range.empty() && (facts.etag.empty() || if_range != facts.etag)) {
    return plan;
  }
  const auto range = ParseRange(request.Header("range"), total);
  if (!range) {
    plan.response = StatusResponse(416, range.error().message, ErrorFormOfPath(request.path),
                                   request.request_id);
    plan.response.headers.emplace_back("Content-Range", fmt::format("bytes */{}", total));
    plan.final = true;
  } else if (*range) {
    plan.range = **range;
    plan.response.status = 206;
    headers.emplace_back("Content-Range",
                         fmt::format("bytes {}-{}/{}", plan.range.first,
                                     plan.range.first + plan.range.size - 1, total));
  }
  return plan;
}

}  // namespace

Result<std::optional<ByteRange>> ParseRange(std::string_view header, std::uint64_t total) {
  constexpr std::string_view kUnit = "bytes=";
  if (!header.starts_with(kUnit) || header.find(',') != std::string_view::npos) {
    return std::optional<ByteRange>();
  }
  const std::string_view spec = Trim(header.substr(kUnit.size()));
  const std::size_t dash = spec.find('-');
  if (dash == std::string_view::npos) {
    return std::optional<ByteRange>();
  }
  const std::string_view from = Trim(spec.substr(0, dash));
  const std::string_view to = Trim(spec.substr(dash + 1));
  const auto first = ParseNumber(from);
  const auto last = ParseNumber(to);
  if ((!from.empty() && !first) || (!to.empty() && !last) || (from.empty() && to.empty()) ||
      (first && last && *last < *first)) {
    return std::optional<ByteRange>();
  }
  if (!first) {  // the last *last bytes
    if (*last == 0 || total == 0) {
      return Error{ErrorCode::kInvalidArgument, fmt::format("no such bytes of {}", total)};
    }
    const std::uint64_t size = std::min(*last, total);
    return std::optional<ByteRange>(ByteRange{.first = total - size, .size = size});
  }
  if (*first >= total) {
    return Error{ErrorCode::kInvalidArgument, fmt::format("no such bytes of {}", total)};
  }
  const std::uint64_t end = last ? std::min(*last, total - 1) : total - 1;
  return std::optional<ByteRange>(ByteRange{.first = *first, .size = end - *first + 1});
}

bool MatchesEtag(std::string_view list, std::string_view etag) {
  while (!list.empty()) {
    const std::string_view one = Trim(list.substr(0, list.find(',')));
    if (one == "*" || (!one.empty() && WithoutWeak(one) == WithoutWeak(etag))) {
      return true;
    }
    const std::size_t comma = list.find(',');
    list = comma == std::string_view::npos ? std::string_view() : list.substr(comma + 1);
  }
  return false;
}

Response FileResponse(const Request& request, io::FileSystem& fs, std::string_view path,
                      const FileFacts& facts) {
  auto file = fs.OpenRandomAccess(path);
  if (!file) {
    return ErrorResponse(file.error(), ErrorFormOfPath(request.path), request.request_id);
  }
  Plan plan = PlanAnswer(request, (*file)->size_bytes(), facts);
  if (!plan.final) {
    plan.response.stream = std::make_shared<RangeSource>(*std::move(file), plan.range);
  }
  return std::move(plan.response);
}

Response BytesResponse(const Request& request, std::string_view bytes, const FileFacts& facts) {
  Plan plan = PlanAnswer(request, bytes.size(), facts);
  if (!plan.final) {
    plan.response.body = bytes.substr(plan.range.first, plan.range.size);
  }
  return std::move(plan.response);
}

}  // namespace datalake::server
