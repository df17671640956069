#include "datalake/curate/taggers/url.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>
#include <vector>

#include "datalake/text/utf8.h"

namespace datalake::curate {
namespace {

bool IsAlpha(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}

bool IsHex(char c) {
  return IsDigit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

char Lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

char Upper(char c) {
  return c >= 'a' && c <= 'z' ? static_cast<char>(c - ('a' - 'A')) : c;
}

bool IsOneOf(char c, std::string_view set) {
  return set.find(c) != std::string_view::npos;
}

std::string ToLower(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(), Lower);
  return lower;
}

Error Invalid(std::string_view what, std::string_view text) {
  return Error{ErrorCode::kInvalidArgument, std::string(what) + ": " + std::string(text)};
}

// Length of `[A-Za-z][A-Za-z0-9<more>]*` before a colon at the front; 0 when there is none.
std::size_t SchemeSize(std::string_view text, std::string_view more) {
  std::size_t size = 0;
  while (size < text.size() && (IsAlpha(text[size]) ||
                                (size > 0 && (IsDigit(text[size]) || IsOneOf(text[size], more))))) {
    ++size;
  }
  return size < text.size() && text[size] == ':' ? size : 0;
}

bool IsEscape(std::string_view text, std::size_t at) {
  return text[at] == '%' && at + 2 < text.size() && IsHex(text[at + 1]) && IsHex(text[at + 2]);
}

// `[^\[\]%:/?#]` or percent-encoded bytes.
bool IsRegisteredName(std::string_view host) {
  for (std::size_t i = 0; i < host.size(); ++i) {
    if (IsOneOf(host[i], "[]:/?#") || (host[i] == '%' && !IsEscape(host, i))) {
      return false;
    }
  }
  return true;
}

bool IsIpv6(std::string_view address) {
  const std::string text(address.substr(0, address.find('%')));
  std::array<unsigned char, 16> bytes;
  return ::inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1;
}

// RFC 3492 §6.1 and §6.3, with the parameters of §5.
std::uint32_t AdaptBias(std::uint32_t delta, std::uint32_t points, bool is_first) {
  delta = is_first ? delta / 700 : delta / 2;
  delta += delta / points;
  std::uint32_t k = 0;
  for (; delta > 455; k += 36) {
    delta /= 35;
  }
  return k + 36 * delta / (delta + 38);
}

void AppendPunycode(std::string& out, const std::vector<char32_t>& points) {
  out.append("xn--");
  std::uint32_t handled = 0;
  for (const char32_t point : points) {
    if (point < 0x80) {
      out.push_back(static_cast<char>(point));
      ++handled;
    }
  }
  const std::uint32_t basic = handled;
  if (basic > 0) {
    out.push_back('-');
  }
  std::uint32_t n = 0x80;
  std::uint32_t delta = 0;
  std::uint32_t bias = 72;
  while (handled < points.size()) {
    char32_t next = 0x110000;
    for (const char32_t point : points) {
      next = point >= n && point < next ? point : next;
    }
    delta += (static_cast<std::uint32_t>(next) - n) * (handled + 1);
    n = static_cast<std::uint32_t>(next);
    for (const char32_t point : points) {
      delta += point < n ? 1 : 0;
      if (point != n) {
        continue;
      }
      std::uint32_t rest = delta;
      for (std::uint32_t k = 36;; k += 36) {
        const std::uint32_t t = k <= bias ? 1 : std::min<std::uint32_t>(k - bias, 26);
        if (rest < t) {
          break;
        }
        const std::uint32_t digit = t + (rest - t) % (36 - t);
        out.push_back(static_cast<char>(digit < 26 ? 'a' + digit : '0' + (digit - 26)));
        rest = (rest - t) / (36 - t);
      }
      out.push_back(static_cast<char>(rest < 26 ? 'a' + rest : '0' + (rest - 26)));
      bias = AdaptBias(delta, handled + 1, handled == basic);
      delta = 0;
      ++handled;
    }
    ++delta;
    ++n;
  }
}

constexpr std::size_t kMaxLabelBytes = 1024;  // punycode takes quadratic time; DNS has 63

Result<std::string> NormalHost(std::string_view host) {
  std::string out;
  while (true) {
    const std::size_t dot = std::min(host.find('.'), host.size());
    const std::string label = ToLower(host.substr(0, dot));
    if (text::CountCodePoints(label) == label.size()) {
      out.append(label);
    } else if (label.size() > kMaxLabelBytes) {
      return Invalid("host label is too long", label.substr(0, 64));
    } else {
      std::vector<char32_t> points;
      for (std::size_t at = 0; at < label.size();) {
        const text::DecodedCodePoint decoded = text::DecodeCodePoint(label, at);
        points.push_back(decoded.value);
        at += decoded.bytes;
      }
      AppendPunycode(out, points);
    }
    if (dot == host.size()) {
      return out;
    }
    out.push_back('.');
    host.remove_prefix(dot + 1);
  }
}

// RFC 3986 §5.2.4, as urllib3 does it.
std::string RemoveDotSegments(std::string_view path) {
  std::vector<std::string_view> segments;
  for (std::size_t begin = 0;;) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    const std::string_view segment = path.substr(begin, end - begin);
    if (segment == "..") {
      if (!segments.empty()) {
        segments.pop_back();
      }
    } else if (segment != ".") {
      segments.push_back(segment);
    }
    if (end == path.size()) {
      break;
    }
    begin = end + 1;
  }
  if (path.starts_with('/') && (segments.empty() || !segments.front().empty())) {
    segments.insert(segments.begin(), "");
  }
  if (path.ends_with("/.") || path.ends_with("/..")) {
    segments.emplace_back();
  }
  std::string out;
  for (std::size_t i = 0; i < segments.size(); ++i) {
    out.append(i == 0 ? "" : "/").append(segments[i]);
  }
  return out;
}

// Percent-encodes what no path holds; an encoded path is not encoded again.
std::string EncodePath(std::string_view path) {
  constexpr std::string_view kHexDigits = "0123456789ABCDEF";
  std::size_t percents = 0;
  std::size_t escapes = 0;
  for (std::size_t i = 0; i < path.size(); ++i) {
    percents += path[i] == '%' ? 1 : 0;
    escapes += IsEscape(path, i) ? 1 : 0;
  }
  std::string out;
  for (std::size_t i = 0; i < path.size(); ++i) {
    const char c = path[i];
    if (IsEscape(path, i)) {
      out.append(percents == escapes ? "%" : "%25");
      out.push_back(Upper(path[++i]));
      out.push_back(Upper(path[++i]));
    } else if (IsAlpha(c) || IsDigit(c) || IsOneOf(c, "._-~!$&'()*+,;=:@/")) {
      out.push_back(c);
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out.push_back('%');
      out.push_back(kHexDigits[byte >> 4]);
      out.push_back(kHexDigits[byte & 15]);
    }
  }
  return out;
}

// `0*` and up to five digits, or nothing.
Result<std::uint32_t> ParsePort(std::string_view digits) {
  std::uint32_t port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (!digits.empty() && (error != std::errc() || end != digits.data() + digits.size())) {
    return Invalid("bad port in a URL", digits);
  }
  if (port > 65535) {
    return Invalid("bad port in a URL", digits);
  }
  return port;
}

Status ParseAuthority(std::string_view authority, Url& url) {
  std::string_view host = authority.substr(authority.rfind('@') + 1);  // npos + 1 is 0
  const bool in_brackets = host.starts_with('[');
  std::size_t host_end = host.find(in_brackets ? ']' : ':');
  host_end = std::min(in_brackets && host_end != host.npos ? host_end + 1 : host_end, host.size());
  const std::string_view rest = host.substr(host_end);
  host = host.substr(0, host_end);
  if (!rest.empty()) {
    if (rest[0] != ':') {
      return Invalid("bad host in a URL", authority);
    }
    DATALAKE_TRY_ASSIGN(url.port, ParsePort(rest.substr(1)));
  }
  if (in_brackets) {
    if (host.size() < 2 || !host.ends_with(']') || !IsIpv6(host.substr(1, host.size() - 2))) {
      return Invalid("bad host in a URL", authority);
    }
    url.host = ToLower(host);
    return {};
  }
  if (!IsRegisteredName(host)) {
    return Invalid("bad host in a URL", authority);
  }
  DATALAKE_TRY_ASSIGN(url.host, NormalHost(host));
  return {};
}

}  // namespace

Result<Url> ParseUrl(std::string_view text) {
  Url url;
  if (text.empty()) {
    return url;
  }
  bool has_authority = true;
  if (text.starts_with('/') || SchemeSize(text, "+-") > 0) {
    const std::size_t scheme = SchemeSize(text, "+.-");
    url.scheme = ToLower(text.substr(0, scheme));
    text.remove_prefix(scheme == 0 ? 0 : scheme + 1);
    has_authority = text.starts_with("//");
    text.remove_prefix(has_authority ? 2 : 0);
  }
  if (has_authority) {
    const std::size_t end = std::min(text.find_first_of("\\/?#"), text.size());
    if (end > 0) {
      DATALAKE_TRY(ParseAuthority(text.substr(0, end), url));
    }
    text.remove_prefix(end);
  }
  const std::string_view path = text.substr(0, text.find_first_of("?#"));
  const bool is_web = url.scheme.empty() || url.scheme == "http" || url.scheme == "https";
  url.path = is_web ? EncodePath(RemoveDotSegments(path)) : std::string(path);
  if (!url.path.empty() && url.path[0] != '/') {
    url.path.insert(0, "/");
  }
  return url;
}

}  // namespace datalake::curate
