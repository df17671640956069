#include "datalake/base/log.h"

#include <atomic>
#include <chrono>
#include <memory>
#include <string>

#include <spdlog/formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "datalake/base/clock.h"
#include "datalake/base/log_record.h"

namespace datalake {
namespace {

// Between a message and its members; never in either (control characters are escaped in JSON).
constexpr char kMembersMark = '\x01';

spdlog::level::level_enum SpdlogLevel(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarning:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
    case LogLevel::kOff:
      break;
  }
  return spdlog::level::off;
}

void AppendEscaped(std::string& out, std::string_view text) {
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out.push_back('\\');
      out.push_back(c);
    } else if (byte < 0x20) {
      constexpr std::string_view kDigits = "0123456789abcdef";
      out.append("\\u00");
      out.push_back(kDigits[byte >> 4U]);
      out.push_back(kDigits[byte & 15U]);
    } else {
      out.push_back(c);
    }
  }
}

class JsonFormatter final : public spdlog::formatter {
 public:
  void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& dest) override {
    const std::string_view payload(message.payload.data(), message.payload.size());
    const std::size_t mark = payload.find(kMembersMark);
    const auto level = spdlog::level::to_string_view(message.level);
    std::string line = R"({"time":")";
    line += FormatTimestamp(std::chrono::time_point_cast<std::chrono::microseconds>(message.time));
    line += R"(","level":")";
    line.append(level.data(), level.size());
    line += R"(","thread":)" + std::to_string(message.thread_id) + R"(,"message":")";
    AppendEscaped(line, payload.substr(0, mark));
    line += '"';
    if (mark != std::string_view::npos && mark + 1 < payload.size()) {
      line += ',';
      line += payload.substr(mark + 1);
    }
    line += "}\n";
    dest.append(line.data(), line.data() + line.size());
  }

  std::unique_ptr<spdlog::formatter> clone() const override {
    return std::make_unique<JsonFormatter>();
  }
};

struct State {
  std::shared_ptr<spdlog::logger> logger;
  std::atomic<LogFormat> format{LogFormat::kText};
};

constexpr const char* kTextPattern = "%Y-%m-%dT%H:%M:%S.%e%z %l [%t] %v";

State& TheState() {
  static State state = {std::make_shared<spdlog::logger>(
      "datalake", std::make_shared<spdlog::sinks::stderr_sink_mt>())};
  static const bool set_up = [] {
    state.logger->set_pattern(kTextPattern);
    state.logger->set_level(spdlog::level::warn);
    return true;
  }();
  static_cast<void>(set_up);
  return state;
}

}  // namespace

void SetLogLevel(LogLevel level) {
  TheState().logger->set_level(SpdlogLevel(level));
}

void SetLogFormat(LogFormat format) {
  State& state = TheState();
  state.format = format;
  if (format == LogFormat::kJson) {
    state.logger->set_formatter(std::make_unique<JsonFormatter>());
  } else {
    state.logger->set_pattern(kTextPattern);
  }
}

void Log(LogLevel level, std::string_view message) {
  TheState().logger->log(SpdlogLevel(level), spdlog::string_view_t(message.data(), message.size()));
}

void LogRecord(LogLevel level, std::string_view message, std::string_view members) {
  State& state = TheState();
  if (state.format.load() == LogFormat::kText || !state.logger->should_log(SpdlogLevel(level))) {
    Log(level, message);
    return;
  }
  std::string both(message);
  both.push_back(kMembersMark);
  both.append(members);
  Log(level, both);
}

}  // namespace datalake
