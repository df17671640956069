#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace datalake {

/// Names this process among all that ever ran: "host/boot/pid-namespace/pid/start", for leases and
/// records that other processes read. Never fails: unreadable parts are "0". Thread-safe.
std::string ProcessIdentity();

enum class Liveness : std::uint8_t { kAlive = 1, kDead = 2, kUnknown = 3 };

/// Whether the process of an identity still runs: known for processes of this machine (same boot
/// and pid namespace); one of an earlier boot of this host is dead; others and unreadable
/// identities are kUnknown. Thread-safe.
Liveness LivenessOf(std::string_view identity);

/// ProcessIdentity for names of files, of letters, digits and '-' only: host with pid namespace and
/// boot as hashes, pid, start. Thread-safe.
std::string ProcessTag();

/// LivenessOf for a ProcessTag. Thread-safe.
Liveness LivenessOfTag(std::string_view tag);

/// CPU time of the calling thread in nanoseconds, for shares of cost: other threads on the same
/// core do not count. About 0.3 us. Thread-safe.
std::int64_t ThreadCpuNanos();

}  // namespace datalake
