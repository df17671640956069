#include "datalake/base/process.h"

#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <utility>

#include <fmt/format.h>

#include "datalake/base/hash.h"

namespace datalake {
namespace {

std::string FirstLine(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

// Field 22 of /proc/<pid>/stat, in clock ticks since boot (proc(5)); "0" when there is no process.
std::string StartTicks(std::string_view pid) {
  const std::string stat = FirstLine(fmt::format("/proc/{}/stat", pid));
  std::size_t at = stat.rfind(')');  // the name before it may hold spaces and brackets
  if (at == std::string::npos) {
    return "0";
  }
  for (int field = 3; field <= 22 && at != std::string::npos; ++field) {
    at = stat.find(' ', at + 1);
  }
  return at == std::string::npos ? "0" : stat.substr(at + 1, stat.find(' ', at + 1) - at - 1);
}

std::string PidNamespace() {
  std::array<char, 64> text{};
  const ssize_t size = ::readlink("/proc/self/ns/pid", text.data(), text.size());
  std::string digits;
  for (ssize_t i = 0; i < size; ++i) {
    const char c = text[static_cast<std::size_t>(i)];
    if (c >= '0' && c <= '9') {
      digits += c;
    }
  }
  return digits.empty() ? "0" : digits;
}

std::string HostName() {
  std::array<char, 256> host{};
  if (::gethostname(host.data(), host.size() - 1) != 0 || host[0] == '\0') {
    host[0] = '0';
  }
  return host.data();
}

std::string BootId() {
  std::string boot = FirstLine("/proc/sys/kernel/random/boot_id");
  return boot.empty() ? "0" : boot;
}

// A process of this machine.
Liveness LivenessHere(std::string_view pid, std::string_view start) {
  return StartTicks(pid) == start && start != "0" ? Liveness::kAlive : Liveness::kDead;
}

std::string ShortHash(std::string_view text) {
  return fmt::format("{:08x}", static_cast<std::uint32_t>(Xxh3Hash64(text)));
}

// What the tags of this machine begin with: which it is, and since when it runs.
std::pair<std::string, std::string> MachineTag() {
  return {ShortHash(fmt::format("{}/{}", HostName(), PidNamespace())), ShortHash(BootId())};
}

struct Parts {
  std::string_view host;
  std::string_view boot;
  std::string_view pid_namespace;
  std::string_view pid;
  std::string_view start;
};

bool Split(std::string_view identity, Parts& parts) {
  std::array<std::string_view*, 5> fields = {&parts.host, &parts.boot, &parts.pid_namespace,
                                             &parts.pid, &parts.start};
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const std::size_t slash = identity.find('/');
    if ((slash == std::string_view::npos) != (i + 1 == fields.size())) {
      return false;
    }
    *fields[i] = identity.substr(0, slash);
    identity.remove_prefix(slash == std::string_view::npos ? identity.size() : slash + 1);
  }
  return true;
}

}  // namespace

std::string ProcessIdentity() {
  const std::string pid = std::to_string(::getpid());
  return fmt::format("{}/{}/{}/{}/{}", HostName(), BootId(), PidNamespace(), pid, StartTicks(pid));
}

std::string ProcessTag() {
  const auto [machine, boot] = MachineTag();
  const std::string pid = std::to_string(::getpid());
  return fmt::format("{}-{}-{}-{}", machine, boot, pid, StartTicks(pid));
}

Liveness LivenessOfTag(std::string_view tag) {
  std::array<std::string_view, 4> parts;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const std::size_t end = std::min(tag.find('-'), tag.size());
    parts[i] = tag.substr(0, end);
    if (parts[i].empty() || (end == tag.size()) != (i + 1 == parts.size())) {
      return Liveness::kUnknown;
    }
    tag.remove_prefix(std::min(end + 1, tag.size()));
  }
  const auto [machine, boot] = MachineTag();
  if (parts[0] != machine) {
    return Liveness::kUnknown;
  }
  return parts[1] == boot ? LivenessHere(parts[2], parts[3]) : Liveness::kDead;
}

Liveness LivenessOf(std::string_view identity) {
  const std::string mine = ProcessIdentity();
  Parts other;
  Parts self;
  if (!Split(identity, other) || !Split(mine, self) || other.host != self.host) {
    return Liveness::kUnknown;
  }
  if (other.boot != self.boot) {
    return Liveness::kDead;
  }
  if (other.pid_namespace != self.pid_namespace) {
    return Liveness::kUnknown;
  }
  return LivenessHere(other.pid, other.start);
}

std::int64_t ThreadCpuNanos() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

}  // namespace datalake
