// Reader of log segments: what it takes for records is written again as the same bytes, and salvage
// finds at least these.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <string>
#include <vector>

#include "datalake/io/memory_file_system.h"
#include "datalake/wal/segment.h"

namespace datalake::fuzz {
namespace {

void Require(bool holds, const char* property) {
  if (!holds) {
    std::fprintf(stderr, "does not hold: %s\n", property);
    std::abort();
  }
}

constexpr std::uint64_t kNoLimit = std::numeric_limits<std::uint64_t>::max();

void CheckSegment(std::string_view bytes) {
  io::MemoryFileSystem fs;
  auto out = fs.Create("/s");
  Require((*out)->Write(bytes).has_value(), "memory takes the input");
  const auto file = fs.OpenRandomAccess("/s");
  std::vector<std::string> records;
  std::uint64_t payload_bytes = 0;
  const auto scan = wal::ScanSegment(**file, "/s", kNoLimit, [&](const wal::Record& record) {
    records.emplace_back(record.payload);
    payload_bytes += wal::RecordBytes(record.payload.size());
    return Status();
  });
  if (!scan) {
    Require(!wal::SalvageSegment(fs, "/s", [](const wal::Record&) { return Status(); }),
            "salvage refuses the same headers");
    return;
  }
  Require(scan->records == records.size(), "records are counted");
  Require(scan->end_offset == wal::kHeaderBytes + payload_bytes, "records lie side by side");
  Require(scan->end_offset <= bytes.size(), "records end within the file");
  Require(scan->last_sequence + 1 == scan->header.first_sequence + records.size(), "no gaps");
  std::size_t salvaged = 0;
  const auto skipped = wal::SalvageSegment(fs, "/s", [&](const wal::Record& record) {
    Require(salvaged >= records.size() || record.payload == records[salvaged],
            "salvage gives the same records first");
    ++salvaged;
    return Status();
  });
  Require(skipped && salvaged >= records.size(), "salvage finds at least these");
}

}  // namespace

}  // namespace datalake::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  datalake::fuzz::CheckSegment({reinterpret_cast<const char*>(data), size});
  return 0;
}
