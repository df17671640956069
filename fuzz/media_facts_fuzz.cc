// Reader of media headers: the same facts from memory and from a file; sizes are positive, both or
// none.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string>
#include <vector>

#include "datalake/assets/media_facts.h"
#include "datalake/io/memory_file_system.h"

namespace datalake::fuzz {
namespace {

void Require(bool holds, const char* property) {
  if (!holds) {
    std::fprintf(stderr, "does not hold: %s\n", property);
    std::abort();
  }
}

}  // namespace

}  // namespace datalake::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using datalake::fuzz::Require;
  const std::span<const std::byte> bytes = std::as_bytes(std::span(data, size));
  const datalake::assets::MediaFacts facts = datalake::assets::ReadMediaFacts(bytes);
  Require(facts.width.has_value() == facts.height.has_value(), "both sizes or none");
  Require(facts.width.value_or(1) > 0 && facts.height.value_or(1) > 0, "sizes are positive");
  Require(facts.orientation.value_or(1) >= 1 && facts.orientation.value_or(1) <= 8,
          "orientations are those of EXIF");
  Require(facts.frames.value_or(1) > 0, "frames are positive");
  Require(!facts.extension.empty() && !facts.media_type.empty(), "always a type");
  datalake::io::MemoryFileSystem fs;
  auto out = fs.Create("/f");
  Require((*out)->Write(bytes).has_value(), "memory takes the input");
  const auto again = datalake::assets::ReadMediaFacts(**fs.OpenRandomAccess("/f"));
  Require(again && again->extension == facts.extension && again->width == facts.width &&
              again->height == facts.height && again->orientation == facts.orientation &&
              again->frames == facts.frames && again->problem == facts.problem,
          "the same facts from a file");
  return 0;
}
