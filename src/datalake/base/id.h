#pragma once

#include <string>
#include <string_view>

#include "datalake/base/clock.h"
#include "datalake/base/random.h"

namespace datalake {

/// A random UUID, version 4 (RFC 9562 §5.4), lower case with dashes.
std::string MakeUuid(Random& random);

/// A UUID that sorts by time, version 7 (RFC 9562 §5.7): 48 bits of milliseconds, then random.
std::string MakeSortableUuid(const Clock& clock, Random& random);

/// True for 8-4-4-4-12 hexadecimal digits in either case.
bool IsUuid(std::string_view text);

}  // namespace datalake
